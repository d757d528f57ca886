"""The words that commands, events and the state of uploads share. Sizes are bytes."""

from typing import Annotated, Final

import msgspec
from msgspec import Meta

BYTES_MAX: Final = 2**53
PARTS_MAX: Final = 10_000
"""Chunks of one file: who sends smaller ones than its size asks for is rejected."""
METADATA_KEYS_MAX: Final = 64
METADATA_CHARACTERS_MAX: Final = 16_384
CHECKSUM_ALGORITHMS: Final = ("crc32", "md5", "sha1", "sha256", "sha512")

Name = Annotated[str, Meta(pattern=r"\A[\x21-\x7e]{1,200}\Z")]
"""Of an owner, an upload, a survey: printable ASCII with no space, as paths of URLs hold it."""
LongName = Annotated[str, Meta(pattern=r"\A[\x21-\x7e]{1,500}\Z")]
"""Of a thing of another system, which may be made of several names."""
Digest = Annotated[str, Meta(pattern=r"\A[0-9a-f]{64}\Z")]
"""SHA-256 in lower-case hex."""
DigestOrNone = Annotated[str, Meta(pattern=r"\A([0-9a-f]{64})?\Z")]
"""Empty: none."""
Size = Annotated[int, Meta(ge=0, le=BYTES_MAX)]
Number = Annotated[int, Meta(ge=0, le=2**53)]
DurationMs = Annotated[int, Meta(ge=0, le=2**43)]


class Part(msgspec.Struct, frozen=True, gc=False):
    """Bytes of an upload that lie in the blob store."""

    digest: str
    size: int


class Holder(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """Who needs a blob: a thing of some system, by its owner and its name. `number` tells it from
    earlier things of that name."""

    system: Name
    owner: str = ""
    name: LongName
    number: Number = 0


class Policy(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What holds for all, until the operator says otherwise."""

    quota_bytes: Size = 10 << 30
    """Of an owner with none of its own: the lengths of all its uploads and files together."""
    upload_bytes_max: Size = 1 << 40
    expire_after_ms: DurationMs = 86_400_000
    """An unfinished upload that gets nothing for so long ends."""
    forget_after_ms: DurationMs = 7 * 86_400_000
    """So long an upload that has ended is known as gone; then as unknown."""
    sweep_after_ms: DurationMs = 3_600_000
    """A blob that nobody holds stays so long: it may be sent again."""
