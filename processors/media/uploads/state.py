"""The state of a partition: owners with their uploads, the ledger of blobs, and what is due when.

Two key spaces share a partition and know nothing of each other: uploads stand where their owner
does, a blob's entry where its digest does. What one tells the other goes by the reactors.
"""

from collections.abc import Iterable, Iterator
from enum import Enum
from typing import Final

import msgspec
from sortedcontainers import SortedList

from processors.media.uploads.terms import Holder, Part, Policy

NEVER: Final = -1
"""As a time: no timer."""


class Phase(Enum):
    RECEIVING = "receiving"
    COMPLETE = "complete"
    """A partial upload that has all its bytes."""
    ASSEMBLING = "assembling"
    VERIFYING = "verifying"
    """It is assembled and held: whether the bytes are there is looked at once more."""
    STORED = "stored"
    """A file."""
    FAILED = "failed"
    ENDED = "ended"


class Upload(msgspec.Struct, gc=False, tag="upload", kw_only=True):
    """One upload; it is a row of its own. Sizes in bytes."""

    owner: str
    upload: str
    number: int
    length: int | None
    metadata: dict[str, str]
    partial: bool
    partials: tuple[str, ...]
    phase: Phase = Phase.RECEIVING
    offset: int = 0
    """All bytes before it are there."""
    parts: list[Part]
    holds: dict[str, None]
    """Digests; `parts` are among them, or those of its partial uploads."""
    finals: int = 0
    """Concatenations under way that go by this partial upload."""
    attempt: int = 0
    """Of its assembly, the last one."""
    digest: str = ""
    """Of the whole, once it was assembled."""
    due_ms: int = NEVER
    """When it expires, or, once it has ended, is forgotten."""

    @property
    def reserved(self) -> int:
        """What it counts against the quota."""
        return self.offset if self.length is None else self.length


class Owner(msgspec.Struct, gc=False):
    """`created` counts the uploads that the owner ever began."""

    quota_bytes: int | None
    created: int
    used_bytes: int
    uploads: dict[str, Upload]


class Step(Enum):
    """How far a blob that nobody holds is on its way out."""

    WAITING = "waiting"
    PLANNED = "planned"
    REQUESTED = "requested"


class Entry(msgspec.Struct, gc=False):
    """A blob in the ledger. Only one that nobody holds has a `step`."""

    holders: dict[Holder, None]
    step: Step | None = None
    attempt: int = 0
    sweep_at_ms: int = NEVER


class Timer(msgspec.Struct, order=True, frozen=True, array_like=True, gc=False):
    """Of an upload (`owner`, `name`), or of a blob (no owner, its digest)."""

    due_ms: int
    owner: str
    name: str


class PolicyRow(msgspec.Struct, tag="policy"):
    policy: Policy
    surveys: dict[str, str]
    sweeps: int


class OwnerRow(msgspec.Struct, tag="owner"):
    owner: str
    quota_bytes: int | None
    created: int


class BlobRow(msgspec.Struct, tag="blob"):
    digest: str
    step: Step | None
    attempt: int
    sweep_at_ms: int


class HolderRow(msgspec.Struct, tag="holder"):
    digest: str
    holder: Holder


Row = PolicyRow | OwnerRow | Upload | BlobRow | HolderRow


class Uploads:
    """A partition's state. `surveys` are those under way, with the digest that they have come
    to; `sweeps` numbers the attempts at sweeping."""

    __slots__ = ("blobs", "owners", "policy", "surveys", "sweeps", "timers")

    def __init__(self) -> None:
        self.policy = Policy()
        self.owners: dict[str, Owner] = {}
        self.blobs: dict[str, Entry] = {}
        self.surveys: dict[str, str] = {}
        self.sweeps = 0
        self.timers: SortedList[Timer] = SortedList()

    def upload(self, owner: str, upload: str) -> Upload | None:
        found = self.owners.get(owner)
        return None if found is None else found.uploads.get(upload)

    def quota_bytes(self, owner: str) -> int:
        found = self.owners.get(owner)
        own = None if found is None else found.quota_bytes
        return self.policy.quota_bytes if own is None else own

    def set_due(self, upload: Upload, due_ms: int) -> None:
        """Move, or (NEVER) remove, the upload's timer."""
        if upload.due_ms != NEVER:
            self.timers.remove(Timer(upload.due_ms, upload.owner, upload.upload))
        upload.due_ms = due_ms
        if due_ms != NEVER:
            self.timers.add(Timer(due_ms, upload.owner, upload.upload))

    def set_sweep(self, digest: str, entry: Entry, due_ms: int) -> None:
        """The same of a blob."""
        if entry.sweep_at_ms != NEVER:
            self.timers.remove(Timer(entry.sweep_at_ms, "", digest))
        entry.sweep_at_ms = due_ms
        if due_ms != NEVER:
            self.timers.add(Timer(due_ms, "", digest))


def to_rows(state: Uploads) -> Iterable[Row]:
    yield PolicyRow(state.policy, state.surveys, state.sweeps)
    for name, owner in state.owners.items():
        yield OwnerRow(name, owner.quota_bytes, owner.created)
        yield from owner.uploads.values()
    for digest, entry in state.blobs.items():
        yield BlobRow(digest, entry.step, entry.attempt, entry.sweep_at_ms)
        for holder in entry.holders:
            yield HolderRow(digest, holder)


def from_rows(rows: Iterator[Row]) -> Uploads:
    """What is derived (bytes used, timers) is made again."""
    state = Uploads()
    for row in rows:
        match row:
            case PolicyRow(policy, surveys, sweeps):
                state.policy, state.surveys, state.sweeps = policy, surveys, sweeps
            case OwnerRow(owner, quota_bytes, created):
                state.owners[owner] = Owner(quota_bytes, created, 0, {})
            case Upload():
                _restore(state, row)
            case BlobRow(digest, step, attempt, sweep_at_ms):
                entry = state.blobs[digest] = Entry({}, step, attempt)
                state.set_sweep(digest, entry, sweep_at_ms)
            case HolderRow(digest, holder):
                state.blobs[digest].holders[holder] = None
    return state


def _restore(state: Uploads, upload: Upload) -> None:
    owner = state.owners[upload.owner]
    owner.uploads[upload.upload] = upload
    if upload.phase is not Phase.ENDED:
        owner.used_bytes += upload.reserved
    due_ms, upload.due_ms = upload.due_ms, NEVER
    state.set_due(upload, due_ms)
