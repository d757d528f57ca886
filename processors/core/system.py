"""A system: its name, its rules, and what stands on its topics. Declared in its `__init__.py`.

From this declaration alone the core derives topics, codecs, tasks, replay, the command line and
the tests that every system passes.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import msgspec

from log.codec import Codec, Upcasters, tag_of
from log.envelope import Command, Event
from log.errors import InvalidConfig
from log.interface import Log
from log.partitioner import partition_for_key
from log.topic import TopicConfig
from processors.core.decider import Decider
from processors.core.effect import Effect
from processors.core.messages import CORE_COMMANDS, CORE_EVENTS
from processors.core.reactor import Reactor

DEAD_LETTER_BYTES = 1 << 20
"""Room for what a dead letter says beside the command that it holds."""
EVENT_BATCH_BYTES_LIMIT = 1 << 30
"""The events of one command are one batch, however many; Kafka's format stops at 2 GiB."""


@dataclass(frozen=True, kw_only=True)
class System:
    """One system of the registry.

    `name` is `family.system`; `rules_version` grows with every change that decides differently.
    `invariant` raises AssertionError where a state is impossible; the suite calls it.
    """

    name: str
    decider: Decider[Any]
    commands: tuple[type[Any], ...]
    events: tuple[type[Any], ...]
    key: Callable[[Any], str | None]
    """Gives the partition key of a command: commands of one key are decided in order. None: the
    command concerns the whole system, so it is appended to every partition, with no key, and each
    decides it for itself."""
    rules_version: int = 1
    partitions: int = 4
    value_format: str = "json"
    upcasters: Upcasters = field(default_factory=dict)
    invariant: Callable[[Any], None] | None = None
    render: Callable[[Any], str] | None = None
    """Draws a state for people, on some twenty lines: the demo shows it."""
    flow: Callable[..., Iterator[tuple[int, Any]]]
    """`flow(seed)` gives a realistic, endless stream of (timestamp in ms, command), the same for
    the same seed: it feeds the demo, the benchmarks and the tests that every system passes.
    `flow(seed, start_ms=...)` begins then or later, and not at a moment of its own."""
    topic_settings: Mapping[str, Any] = field(default_factory=dict)
    """Further settings of TopicConfig for the system's topics."""
    reactors: tuple[Reactor, ...] = ()
    effects: tuple[Effect, ...] = ()
    demo_flow: Callable[..., Iterator[tuple[int, Any]]] | None = None
    """As `flow`, where reactors and effects run: only what people ask for, of this system and of
    those that its reactors lead to. `flow` itself is of this system alone, and holds what comes
    back from others as well. None: the same."""
    demo_commands: int = 50_000
    """How many of them the demo takes, where nobody says: it should be over in half a minute."""

    @property
    def commands_topic(self) -> str:
        return f"{self.name}.commands"

    @property
    def events_topic(self) -> str:
        return f"{self.name}.events"

    @property
    def dead_letters_topic(self) -> str:
        return f"{self.name}.dead-letters"

    @property
    def connected(self) -> "tuple[System, ...]":
        """This system, and all those that reactors connect it with, declared by it or by one of
        these."""
        found = {self.name: self}
        waiting = [self]
        while waiting:
            for reactor in waiting.pop().reactors:
                for system in (reactor.source, reactor.target):
                    if system is not None and system.name not in found:
                        found[system.name] = system
                        waiting.append(system)
        return tuple(found.values())

    def command_codec(self, config: TopicConfig) -> Codec[Command]:
        return Codec((*self.commands, *CORE_COMMANDS), config.value_format, self._of(Command))

    def event_codec(self, config: TopicConfig) -> Codec[Event]:
        return Codec((*self.events, *CORE_EVENTS), config.value_format, self._of(Event))

    def event_codec_of(self, config: TopicConfig, kinds: frozenset[type[Event]]) -> Codec[Event]:
        """As `event_codec`, where events of other types have no fields but the envelope: not to
        make what nobody asks for is a third of the time of reading."""
        whole = self.event_codec(config)
        if whole.upcasters:
            return whole  # an old version may become any of the types
        return Codec(
            [kind if kind in kinds else _envelope_of(kind) for kind in whole.tags.values()],
            config.value_format,
        )

    def _of(self, base: type[Any]) -> Upcasters:
        return {old: up for old, up in self.upcasters.items() if issubclass(old, base)}

    def ensure_topics(self, log: Log) -> int:
        """Create what is missing; returns the number of partitions.

        The commands topic decides: events and dead letters have as many partitions as it has.
        """
        settings = {"value_format": self.value_format, **self.topic_settings}
        config = TopicConfig(**{"partitions": self.partitions, **settings})
        config = log.ensure_topic(self.commands_topic, config)
        settings["partitions"] = partitions = config.partitions
        events = TopicConfig(**{**settings, "max_message_bytes": EVENT_BATCH_BYTES_LIMIT})
        letters = TopicConfig(
            partitions=partitions, max_message_bytes=config.max_message_bytes + DEAD_LETTER_BYTES
        )
        for topic, wanted in ((self.events_topic, events), (self.dead_letters_topic, letters)):
            found = log.ensure_topic(topic, wanted).partitions
            if found != partitions:
                raise InvalidConfig(
                    f"topic {topic} has {found} partitions, and {self.commands_topic} has "
                    f"{partitions}: one command partition makes one event partition. Was one of "
                    "them made, or given more, by hand? Delete it where it is empty, or use "
                    "another log"
                )
        return partitions

    def placed(self, command: Any, partitions: int) -> tuple[bytes | None, Sequence[int]]:
        """The record key of a command, and the partitions that it is appended to."""
        return place_of(self.key(command), partitions)


def place_of(key: str | None, partitions: int) -> tuple[bytes | None, Sequence[int]]:
    """Of a command's key: the record key, and the partitions. See `System.key`."""
    if key is None:
        return None, range(partitions)
    encoded = key.encode()
    return encoded, (partition_for_key(encoded, partitions),)


def _envelope_of(kind: type[Any]) -> type[Event]:
    name, tag = kind.__name__, tag_of(kind)
    return cast(type[Event], msgspec.defstruct(name, [], bases=(Event,), tag=tag, kw_only=True))
