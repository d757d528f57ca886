"""The blobs that the rules know of: how many hold each, and which are on their way out."""

import msgspec

from processors.media.uploads.events import (
    BlobFreed,
    BlobHeld,
    BlobReleased,
    BlobSwept,
    SweepFailed,
    SweepPlanned,
    SweepRequested,
)
from projections.core.projection import Events, Projection, Table
from projections.core.rows import Tables

HELD, FREE, SWEEPING = "held", "free", "sweeping"


class Blob(msgspec.Struct, gc=False):
    digest: str
    state: str
    holders: int = 0
    sweep_at_ms: int | None = None
    reason: str = ""
    """Why the last sweep failed."""


class BlobHolder(msgspec.Struct, gc=False):
    digest: str
    system: str
    owner: str
    name: str
    number: int


BY_STATE = ("state", "digest")
BLOBS = Table("blobs", Blob, key=("digest",), indexes=(BY_STATE,))
HOLDERS = Table("blob_holders", BlobHolder, key=("digest", "system", "owner", "name", "number"))


def fold(tables: Tables, events: Events) -> None:
    blobs, holders = tables[BLOBS], tables[HOLDERS]
    for event, _at_ms in events:
        digest = event.digest
        if isinstance(event, BlobSwept):
            blobs.delete(digest)
            continue
        blob = blobs.get(digest) or Blob(digest, FREE)
        match event:
            case BlobHeld(holder=who) | BlobReleased(holder=who):
                key = digest, who.system, who.owner, who.name, who.number
                known = holders.get(key)
                if isinstance(event, BlobReleased):
                    holders.delete(key)
                    blob.holders -= 1
                elif known is None:
                    holders.put(BlobHolder(*key))
                    blob.holders += 1
                    blob.state, blob.sweep_at_ms, blob.reason = HELD, None, ""
            case BlobFreed(sweep_at_ms=sweep_at_ms):
                blob.state, blob.sweep_at_ms = FREE, sweep_at_ms
            case SweepFailed(sweep_at_ms=sweep_at_ms, reason=reason):
                blob.state, blob.sweep_at_ms, blob.reason = FREE, sweep_at_ms, reason
            case SweepPlanned() | SweepRequested():
                blob.state, blob.sweep_at_ms = SWEEPING, None
        blobs.put(blob)


BLOB_LEDGER = Projection(
    name="blob_ledger",
    events=(
        BlobHeld,
        BlobReleased,
        BlobFreed,
        SweepPlanned,
        SweepRequested,
        SweepFailed,
        BlobSwept,
    ),
    tables=(BLOBS, HOLDERS),
    fold=fold,
    rows_of="partition",
)
