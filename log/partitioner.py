"""Which partition a key belongs to: Kafka's default partitioner, murmur2 of the key.

The same key reaches the same partition here, with Java's producer, and with any client told to use
`murmur2_random`. Ported from the published algorithm (MurmurHash2, Austin Appleby, public domain),
with the seed that Kafka's `Utils.murmur2` uses.
"""

_SEED = 0x9747B28C
_M = 0x5BD1E995
_MASK = 0xFFFFFFFF


def murmur2(data: bytes) -> int:
    """The 32-bit MurmurHash2 of `data`, unsigned."""
    length = len(data)
    hashed = _SEED ^ length
    whole = length & ~3
    for at in range(0, whole, 4):
        k = int.from_bytes(data[at : at + 4], "little") * _M & _MASK
        k ^= k >> 24
        hashed = (hashed * _M & _MASK) ^ (k * _M & _MASK)
    tail = data[whole:]
    if tail:
        hashed = (hashed ^ int.from_bytes(tail, "little")) * _M & _MASK
    hashed ^= hashed >> 13
    hashed = hashed * _M & _MASK
    return hashed ^ hashed >> 15


def partition_for_key(key: bytes, partitions: int) -> int:
    """The partition (0 .. partitions - 1) that Kafka's default partitioner gives `key`."""
    return (murmur2(key) & 0x7FFFFFFF) % partitions
