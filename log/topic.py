"""A topic's configuration: names and defaults are Kafka's, dots written as underscores."""

from typing import Literal

import msgspec

from log.errors import InvalidConfig
from log.record import COMPRESSION_CODES

Durability = Literal[
    "loses_nothing",
    "loses_last_second_on_power_failure",
    "loses_unflushed_on_power_failure",
]
CleanupPolicy = Literal["delete", "compact", "compact,delete"]
ValueFormat = Literal["json", "msgpack"]


class TopicConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a topic is kept. -1 means no limit, as in Kafka."""

    partitions: int = 1
    value_format: ValueFormat = "json"
    durability: Durability = "loses_nothing"
    compression_type: Literal["none", "gzip", "snappy", "lz4", "zstd"] = "none"
    cleanup_policy: CleanupPolicy = "delete"
    retention_ms: int = -1
    """Kafka's default is a week. Here the log is the system of record, so nothing expires unless
    a topic says so."""
    retention_bytes: int = -1
    segment_bytes: int = 1 << 30
    segment_ms: int = 7 * 24 * 3600 * 1000
    index_interval_bytes: int = 4096
    delete_retention_ms: int = 24 * 3600 * 1000
    """How long compaction keeps a tombstone, so that a reader behind sees the deletion."""
    max_message_bytes: int = 64 << 20

    def __post_init__(self) -> None:
        if self.partitions < 1:
            raise InvalidConfig(f"partitions {self.partitions}: a topic has at least one")
        if self.compression_type not in COMPRESSION_CODES:
            raise InvalidConfig(f"compression_type {self.compression_type!r} is not known")
        for name, least in (
            ("segment_bytes", 1024),
            ("segment_ms", 1),
            ("index_interval_bytes", 0),
            ("delete_retention_ms", 0),
            ("max_message_bytes", 1024),
            ("retention_ms", -1),
            ("retention_bytes", -1),
        ):
            value = getattr(self, name)
            if value < least:
                raise InvalidConfig(f"{name} {value}: the least is {least}")
