"""What the house tells of itself: the shapes that its routes answer with."""

from typing import Any, Literal

import msgspec

from processors.core.dead_letters import Letter


class Extent(msgspec.Struct, frozen=True, kw_only=True):
    """What a partition of a topic holds."""

    start: int
    """The log start."""
    end: int
    """The high watermark."""
    bytes: int | None = None
    """On disk, where that is known: of a log in a folder."""


class TaskTold(msgspec.Struct, frozen=True, kw_only=True):
    """A task that runs in the server's own process."""

    state: Literal["recovering", "running"]
    recovered: int
    """Offsets of the events that are folded, up to `recovery_end`."""
    recovery_end: int
    rules_version: int
    """The rules that decided last, on this partition; 0 for none."""
    snapshot_sequence: int
    """The newest snapshot is of the state before this sequence; 0: there is none."""
    dead_lettered: int
    """Since the server began."""
    latency_p50_us: int
    latency_p99_us: int
    """From a command's read to its durable events, since the server began."""


class PartitionTold(msgspec.Struct, frozen=True, kw_only=True):
    number: int
    commands: Extent
    events: Extent
    dead_letters: Extent
    decided: int
    """The offset of the next command to decide."""
    lag: int
    """Commands that wait."""
    sequence: int
    """That the next event will have."""
    at_ms: int
    """The partition's time: the latest event's. 0: there is none."""
    task: TaskTold | None
    """None where it runs in another process."""


class ReadModelTold(msgspec.Struct, frozen=True, kw_only=True):
    """One projection and its read model."""

    name: str
    version: int
    generation: int
    """How often it was rebuilt; 0: it is not there yet."""
    is_current: bool
    """Whether version and schema are those that the server knows."""
    lag: int
    """Events that it has not applied yet."""


class History(msgspec.Struct, frozen=True, kw_only=True):
    """A rate a sample, the latest last."""

    commands_per_s: list[float]
    events_per_s: list[float]


class LettersTold(msgspec.Struct, frozen=True, kw_only=True):
    kept: int
    """Records on the topic: letters, and what retrying them left."""
    waiting: int | None
    """Not retried yet. None: there are too many to look through each time."""


class SystemTold(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    path: str
    """Of its API."""
    about: str
    rules_version: int
    """Of the rules that the server knows."""
    commands: int
    events: int
    """So many in all, deleted ones among them."""
    commands_per_s: float
    events_per_s: float
    """Over the last `window_s` seconds."""
    history: History
    lag: int
    read_model_lag: int
    """Of the read model that is furthest behind."""
    dead_letters: LettersTold
    partitions: list[PartitionTold]
    read_models: list[ReadModelTold]


class HouseTold(msgspec.Struct, frozen=True, kw_only=True):
    """All systems, as of one sample."""

    number: int
    """Of the sample: it grows with each."""
    at_ms: int
    every_s: float
    window_s: float
    systems: list[SystemTold]
    flows_per_s: dict[str, float]
    """By the id of an edge of `/api/house/flow`, where the rate is known."""


class FlowNode(msgspec.Struct, frozen=True, kw_only=True):
    """Of the flow: a topic, or what reads and writes topics."""

    id: str
    kind: Literal["topic", "processor", "read_models", "reactor", "effect"]
    system: str
    label: str
    about: str = ""
    parts: list[str] = []
    """What it is made of: read models by name, or the events that it is for."""


class FlowEdge(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    source: str
    target: str


class FlowTold(msgspec.Struct, frozen=True, kw_only=True):
    """How commands and events go through the systems, from the registry."""

    nodes: list[FlowNode]
    edges: list[FlowEdge]


class LetterPage(msgspec.Struct, frozen=True, kw_only=True):
    letters: list[Letter]
    next: str | None
    """For `cursor`: where the next page begins. None: this is the last."""


class LetterWhole(msgspec.Struct, frozen=True, kw_only=True):
    """A dead letter with its command as JSON, where it is some."""

    letter: Letter
    command: Any
    decodes: bool
    """Whether the rules of today can read it: if not, a retry fails as before."""
    problem: str
    """Why not."""


class Retried(msgspec.Struct, frozen=True, kw_only=True):
    """The letters that were retried: the one asked for, and the earlier ones of its key."""

    retried: list[Letter]
