"""The flow of commands and events through the systems that are served, from the registry:

    topic: commands ─► processor ─► topic: events ─► read models
         ▲                              ├─► reactor ─► topic: commands, of this system or another
         └────────────── effect ◄───────┘

The rate on an edge comes from what was sampled at the topics; where two reactors lead from the
same events to the same commands, nobody can tell which of them it was.
"""

import inspect
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

from gateway.http.catalogue import Served
from gateway.http.house.told import FlowEdge, FlowNode, FlowTold
from log.codec import tag_of
from processors.core.effect import Effect
from processors.core.reactor import Reactor
from processors.core.system import System

Growth = Mapping[tuple[str, str], float]
"""Records a second by (type, topic of the origin); the key ("", "") is all of them."""
ALL = "", ""
RateOf = Callable[[Mapping[str, Growth]], float]
"""Of an edge, from the growth of all topics, by name."""


class Flow:
    """The graph of some systems. `rates` tells how much goes along its edges."""

    def __init__(self, systems: Iterable[Served]) -> None:
        self._nodes: dict[str, FlowNode] = {}
        self._edges: dict[str, FlowEdge] = {}
        self._rates: dict[str, RateOf] = {}
        served = list(systems)
        pairs = Counter(
            _ways_of(each.system, reactor) for each in served for reactor in each.system.reactors
        )
        for each in served:
            self._add_system(each)
        for each in served:
            for reactor in each.system.reactors:
                self._add_reactor(each.system, reactor, pairs)

    @property
    def told(self) -> FlowTold:
        return FlowTold(nodes=list(self._nodes.values()), edges=list(self._edges.values()))

    def rates(self, growth: Mapping[str, Growth]) -> dict[str, float]:
        """By edge, where it is known."""
        return {edge: round(rate(growth), 2) for edge, rate in self._rates.items()}

    def _add_system(self, served: Served) -> None:
        system = served.system
        self._topics_of(system)
        processor = f"{system.name}.processor"
        self._node(processor, "processor", system, system.name, about_of(served))
        commands, events = system.commands_topic, system.events_topic
        self._edge(commands, processor, lambda growth: _all(growth, commands))
        self._edge(processor, events, lambda growth: _all(growth, events))
        if served.models.projections:
            models = f"{system.name}.read-models"
            names = list(served.models.projections)
            self._node(models, "read_models", system, "read models", "", names)
            self._edge(events, models, lambda growth: _all(growth, events))
        for effect in system.effects:
            self._add_effect(system, effect)

    def _topics_of(self, system: System) -> None:
        """Also of one that is not served, where a reactor leads there."""
        for topic in (system.commands_topic, system.events_topic):
            if topic not in self._nodes:
                self._node(topic, "topic", system, topic)

    def _add_effect(self, system: System, effect: Effect) -> None:
        name = f"{system.name}.effect.{effect.name}"
        about = _first_line(inspect.getdoc(effect.open))
        self._node(name, "effect", system, effect.name, about, _tags(effect.on))
        events, on = system.events_topic, effect.on
        self._edge(events, name, lambda growth: _of(growth, events, on))
        self._edge(name, system.commands_topic, None)

    def _add_reactor(
        self, owner: System, reactor: Reactor, pairs: Mapping[tuple[str, str], int]
    ) -> None:
        source, target = reactor.source or owner, reactor.target or owner
        self._topics_of(source)
        self._topics_of(target)
        name = f"{owner.name}.reactor.{reactor.name}"
        self._node(name, "reactor", owner, reactor.name, "", _tags(reactor.on))
        events, commands = source.events_topic, target.commands_topic
        self._edge(events, name, lambda growth: _of(growth, events, reactor.on))
        is_alone = pairs[events, commands] == 1
        came: RateOf = lambda growth: _from(growth, commands, events)  # noqa: E731
        self._edge(name, commands, came if is_alone else None)

    def _node(
        self,
        name: str,
        kind: str,
        system: System,
        label: str,
        about: str = "",
        parts: Sequence[str] = (),
    ) -> None:
        self._nodes[name] = FlowNode(
            id=name,
            kind=kind,  # type: ignore[arg-type]
            system=system.name,
            label=label,
            about=about,
            parts=list(parts),
        )

    def _edge(self, source: str, target: str, rate: RateOf | None) -> None:
        name = f"{source}>{target}"
        self._edges[name] = FlowEdge(id=name, source=source, target=target)
        if rate is not None:
            self._rates[name] = rate


def about_of(served: Served) -> str:
    """The first sentence of the system's docstring."""
    package = __import__(served.registered.package, fromlist=["SYSTEM"])
    about = inspect.cleandoc(package.__doc__ or "").partition("\n\n")[0]
    return " ".join(about.split())


def _ways_of(owner: System, reactor: Reactor) -> tuple[str, str]:
    source, target = reactor.source or owner, reactor.target or owner
    return source.events_topic, target.commands_topic


def _first_line(text: str | None) -> str:
    return (text or "").partition("\n")[0]


def _tags(kinds: Iterable[type]) -> list[str]:
    return sorted(map(tag_of, kinds))


def _all(growth: Mapping[str, Growth], topic: str) -> float:
    return growth.get(topic, {}).get(ALL, 0.0)


def _of(growth: Mapping[str, Growth], topic: str, kinds: Iterable[type]) -> float:
    tags = set(_tags(kinds))
    return sum(rate for (tag, _), rate in growth.get(topic, {}).items() if tag in tags)


def _from(growth: Mapping[str, Growth], topic: str, origin: str) -> float:
    return sum(rate for (_, source), rate in growth.get(topic, {}).items() if source == origin)
