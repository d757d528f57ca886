"""Record batches: what is built is what is read, in Kafka's bytes."""

import crc32c
import pytest
from hypothesis import given
from hypothesis import strategies as st

from log.errors import CorruptLog, InvalidConfig
from log.record import (
    COMPRESSION_CODES,
    HEADER,
    HEADER_SIZE,
    Batch,
    Record,
    encode_batch,
    new_batch,
    place_batch,
)

COMPRESSIONS = list(COMPRESSION_CODES)
MAYBE_BYTES = st.none() | st.binary(max_size=200)
RECORDS = st.lists(
    st.builds(
        Record,
        value=MAYBE_BYTES,
        key=MAYBE_BYTES,
        timestamp=st.integers(0, 2**40),
        headers=st.lists(st.tuples(st.text(max_size=20), MAYBE_BYTES), max_size=3),
    ),
    min_size=1,
    max_size=30,
)


@given(records=RECORDS, compression=st.sampled_from(COMPRESSIONS), base=st.integers(0, 2**60))
def test_records_come_back_as_they_were(
    records: list[Record], compression: str, base: int
) -> None:
    encoded = encode_batch(records, now_ms=0, compression=compression)
    place_batch(encoded, base)
    batch = Batch(bytes(encoded))
    assert batch.is_intact()
    assert (batch.base_offset, batch.last_offset) == (base, base + len(records) - 1)
    assert batch.count == len(records)
    assert batch.max_timestamp == max(record.timestamp or 0 for record in records)
    read = [Record(r.value, r.key, r.timestamp, list(r.headers)) for r in batch]
    assert read == records
    assert [record.offset for record in batch] == list(range(base, base + len(records)))


def test_a_batch_has_kafkas_layout() -> None:
    encoded = encode_batch([Record(b"v", b"k", timestamp=77)], now_ms=0)
    place_batch(encoded, 258)
    (
        base, length, epoch, magic, checksum, attributes, last_delta, first_timestamp,
        max_timestamp, producer, producer_epoch, sequence, count,
    ) = HEADER.unpack_from(encoded)  # fmt: skip
    assert encoded[:8] == b"\0\0\0\0\0\0\x01\x02"
    assert (base, length, magic) == (258, len(encoded) - 12, 2)
    assert checksum == crc32c.crc32c(bytes(encoded[21:]))
    assert (attributes, last_delta, count) == (0, 0, 1)
    assert (first_timestamp, max_timestamp) == (77, 77)
    assert (epoch, producer, producer_epoch, sequence) == (-1, -1, -1, -1)
    # record: length 7 zigzagged, attributes, timestamp and offset delta, key, value, no headers
    assert encoded[HEADER_SIZE:] == b"\x10\0\0\0\x02k\x02v\0"


def test_records_without_a_timestamp_get_the_one_given() -> None:
    batch = Batch(bytes(encode_batch([Record(b"a"), Record(b"b", timestamp=5)], now_ms=99)))
    assert [record.timestamp for record in batch] == [99, 5]


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_a_batch_read_from_its_middle_hides_what_is_before(compression: str) -> None:
    encoded = encode_batch([Record(b"%d" % n) for n in range(5)], 0, compression)
    place_batch(encoded, 10)
    for first in range(5, 16):
        batch = Batch(bytes(encoded), first_offset=first)
        shown = [record.offset for record in batch]
        assert shown == list(range(max(first, 10), 15))
        assert [record.offset for record in batch] == shown, "it can be iterated again"


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_a_flipped_bit_breaks_the_checksum(compression: str) -> None:
    whole = encode_batch([Record(b"value" * 9, b"key")], 0, compression)
    for at in range(17, len(whole)):
        flipped = bytearray(whole)
        flipped[at] ^= 0x10
        assert not Batch(bytes(flipped)).is_intact()


def test_the_base_offset_is_not_under_the_checksum() -> None:
    encoded = encode_batch([Record(b"v")], 0)
    place_batch(encoded, 2**40)
    assert Batch(bytes(encoded)).is_intact()


def test_another_format_is_named() -> None:
    encoded = encode_batch([Record(b"v")], 0)
    encoded[16] = 1
    with pytest.raises(CorruptLog, match="magic 1"):
        Batch(bytes(encoded))


@pytest.mark.parametrize("compression", ["gzip", "snappy", "lz4", "zstd"])
def test_compressed_bytes_that_are_none_are_corrupt(compression: str) -> None:
    encoded = encode_batch([Record(b"v" * 100)], 0, compression)
    encoded[HEADER_SIZE:] = b"\x99" * (len(encoded) - HEADER_SIZE)
    with pytest.raises(CorruptLog, match="offset 0"):
        list(Batch(bytes(encoded)))


def test_an_unknown_compression_is_refused() -> None:
    with pytest.raises(InvalidConfig, match=r"'brotli'.*zstd"):
        new_batch("brotli")


def test_batches_of_the_same_records() -> None:
    """Told by bytes, wherever they stand; not where they are compressed or hidden."""
    records = [Record(b"a", b"k", 5), Record(b"b", None, 7)]
    one = Batch(bytes(encode_batch(records, 0)))
    moved = encode_batch(records, 0)
    place_batch(moved, 70)
    later = [Record(b"a", b"k", 6), Record(b"b", None, 8)]  # the same, but for the time
    assert one.has_records_of(Batch(bytes(moved)))
    assert not one.has_records_of(Batch(bytes(encode_batch(later, 0))))
    assert not one.has_records_of(Batch(bytes(encode_batch(records[:1], 0))))
    assert not one.has_records_of(Batch(bytes(moved), 71))
    squeezed = Batch(bytes(encode_batch(records, 0, "gzip")))
    assert squeezed.is_compressed and not one.is_compressed
    assert not squeezed.has_records_of(squeezed)


def test_the_last_record_alone() -> None:
    records = [Record(b"a" * size, b"k", size) for size in (0, 60, 70, 9000, 3_000_000)]
    for count in range(1, len(records) + 1):
        encoded = encode_batch(records[:count], 0)
        place_batch(encoded, 40)
        batch = Batch(bytes(encoded))
        last, expected = batch.last_record(), list(batch)[-1]
        assert last is not None
        assert (last.offset, last.timestamp, last.key, last.value) == (
            expected.offset,
            expected.timestamp,
            expected.key,
            expected.value,
        )
    assert Batch(bytes(encode_batch(records, 0, "gzip"))).last_record() is None
    assert Batch(bytes(encoded), 41).last_record() is None
