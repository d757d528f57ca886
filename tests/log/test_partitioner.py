"""The same key reaches the same partition as with Java's producer."""

import pytest

from log.partitioner import murmur2, partition_for_key

# From Kafka's own UtilsTest.testMurmur2, as Java's signed integers.
KAFKAS = {
    b"21": -973932308,
    b"foobar": -790332482,
    b"a-little-bit-long-string": -985981536,
    b"a-little-bit-longer-string": -1486304829,
    b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
    b"abc": 479470107,
}


@pytest.mark.parametrize("key", KAFKAS, ids=repr)
def test_murmur2_is_kafkas(key: bytes) -> None:
    assert murmur2(key) == KAFKAS[key] & 0xFFFFFFFF


@pytest.mark.parametrize("key", KAFKAS, ids=repr)
@pytest.mark.parametrize("partitions", [1, 2, 7, 12])
def test_a_partition_is_chosen_as_kafka_does(key: bytes, partitions: int) -> None:
    assert partition_for_key(key, partitions) == (KAFKAS[key] & 0x7FFFFFFF) % partitions


def test_keys_spread_over_the_partitions() -> None:
    counts = [0] * 8
    for number in range(8000):
        counts[partition_for_key(b"key-%d" % number, 8)] += 1
    assert min(counts) > 800
    assert max(counts) < 1200
