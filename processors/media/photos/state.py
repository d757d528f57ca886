"""The state of a partition of photos."""

from collections.abc import Iterable, Iterator
from enum import Enum
from typing import Any, Final

import msgspec

from processors.core.decider import PartKey, StateFormat, StateParts
from processors.media.photos.terms import Policy, Rendition


class Phase(Enum):
    HOLDING = "holding"
    """The source is not held yet."""
    RENDERING = "rendering"
    SAVING = "saving"
    """Renditions are made, and not all held yet."""
    VERIFYING = "verifying"
    PUBLISHED = "published"
    FAILED = "failed"


class Photo(msgspec.Struct, gc=False, tag="photo", kw_only=True):
    """One photo; a row of its own. `holds` are the digests that the ledger holds for it."""

    photo: str
    owner: str
    number: int
    digest: str
    phase: Phase = Phase.HOLDING
    attempt: int = 0
    begun: int = 0
    """The attempt that the others, until one is published, begin with."""
    holds: dict[str, None]
    width: int = 0
    height: int = 0
    made: tuple[Rendition, ...] = ()
    """On their way to be published."""
    published: tuple[Rendition, ...] = ()


class PolicyRow(msgspec.Struct, tag="policy"):
    policy: Policy
    added: int


Row = PolicyRow | Photo

POLICY: Final = ("policy",)


class Photos:
    """A partition's state; `added` counts the photos that there ever were."""

    __slots__ = ("added", "photos", "policy")

    def __init__(self) -> None:
        self.policy = Policy()
        self.added = 0
        self.photos: dict[str, Photo] = {}


def to_rows(state: Photos) -> Iterable[Row]:
    yield PolicyRow(state.policy, state.added)
    yield from state.photos.values()


def from_rows(rows: Iterator[Row]) -> Photos:
    state = Photos()
    for row in rows:
        if isinstance(row, Photo):
            state.photos[row.photo] = row
        else:
            state.policy, state.added = row.policy, row.added
    return state


def _keys(state: Photos) -> Iterator[PartKey]:
    yield POLICY
    for name in state.photos:
        yield "photo", name


def _part(state: Photos, key: PartKey) -> Any:
    return (state.policy, state.added) if key == POLICY else state.photos.get(key[1])


def _touched(state: Photos, event: Any) -> Iterable[PartKey]:
    """Each event is of one photo, or of the policy; each photo added is counted."""
    name = getattr(event, "photo", None)
    return (POLICY,) if name is None else (POLICY, ("photo", name))


STATE_FORMAT = StateFormat(
    row_type=Row,
    to_rows=to_rows,
    from_rows=from_rows,
    parts=StateParts(keys=_keys, part=_part, touched=_touched),
)
