"""What each owner has taken of its quota, and in how many uploads and files.

An upload counts with its length from the beginning; one without a length, with what is there.
"""

import msgspec

from processors.media.uploads.events import (
    ChunkAccepted,
    FileStored,
    LengthDeclared,
    Policy,
    PolicySet,
    QuotaSet,
    UploadCreated,
    UploadExpired,
    UploadTerminated,
)
from projections.core.projection import Events, Projection, Table
from projections.core.rows import Tables


class OwnerStorage(msgspec.Struct, gc=False):
    """Sizes in bytes. `quota_bytes` None: that of all."""

    owner: str
    partition: int
    quota_bytes: int | None = None
    used_bytes: int = 0
    uploads: int = 0
    """Unfinished ones, partial ones among them."""
    files: int = 0
    file_bytes: int = 0


class Counted(msgspec.Struct, gc=False):
    """What an upload adds to its owner's row."""

    owner: str
    upload: str
    length: int | None
    offset: int = 0
    is_file: bool = False

    @property
    def reserved(self) -> int:
        return self.offset if self.length is None else self.length


class CommonQuota(msgspec.Struct, gc=False):
    partition: int
    quota_bytes: int


BY_USED = ("used_bytes", "owner")
STORAGE = Table("storage", OwnerStorage, key=("owner",), indexes=(BY_USED,))
COUNTED = Table("counted_uploads", Counted, key=("owner", "upload"))
COMMON_QUOTAS = Table("common_quotas", CommonQuota, key=("partition",))


def fold(tables: Tables, events: Events) -> None:
    storage, counted = tables[STORAGE], tables[COUNTED]
    for event, _at_ms in events:
        if isinstance(event, PolicySet):
            row = CommonQuota(events.partition, event.policy.quota_bytes)
            tables[COMMON_QUOTAS].put(row)
            continue
        owner = storage.get(event.owner) or OwnerStorage(event.owner, events.partition)
        storage.put(owner)
        if isinstance(event, QuotaSet):
            owner.quota_bytes = event.quota_bytes
            continue
        if isinstance(event, UploadCreated):
            upload = Counted(event.owner, event.upload, event.length)
            owner.uploads += 1
            owner.used_bytes += upload.reserved
        else:
            upload = counted[event.owner, event.upload]
            _count(owner, upload, event)
        if isinstance(event, UploadTerminated | UploadExpired):
            counted.delete((event.owner, event.upload))
        else:
            counted.put(upload)


def _count(owner: OwnerStorage, upload: Counted, event: object) -> None:
    owner.used_bytes -= upload.reserved
    match event:
        case LengthDeclared(length=length):
            upload.length = length
        case ChunkAccepted(size=size):
            upload.offset += size
        case FileStored(size=size):
            upload.is_file = True
            owner.uploads -= 1
            owner.files += 1
            owner.file_bytes += size
        case _ if upload.is_file:
            owner.files -= 1
            owner.file_bytes -= upload.reserved
            return
        case _:
            owner.uploads -= 1
            return
    owner.used_bytes += upload.reserved


COMMON_QUOTA_BYTES = Policy().quota_bytes
"""Until the operator sets another."""
STORAGE_BY_OWNER = Projection(
    name="storage_by_owner",
    events=(
        PolicySet,
        QuotaSet,
        UploadCreated,
        LengthDeclared,
        ChunkAccepted,
        FileStored,
        UploadTerminated,
        UploadExpired,
    ),
    tables=(STORAGE, COUNTED, COMMON_QUOTAS),
    fold=fold,
    rows_of="partition",
)
