"""The coordinator of a simulated consumer group: deals partitions out to the members that live.

Cooperative, as Kafka's (KIP-429): a member first gives up what is another's now, and only then
does that one get it. A member that does not poll for its session is taken for dead; when it polls
again it hears that all it had is lost, and joins anew.
"""

from collections.abc import Callable, Mapping, Sequence

from log.backends.memory import MemoryLog
from log.interface import GroupListener
from replay.simulator.processes import Process

Place = tuple[str, int]


class SimulatedMembership:
    """As `log.interface.Membership`."""

    def __init__(
        self,
        coordinator: "Coordinator",
        process: Process,
        topics: Sequence[str],
        listener: GroupListener,
        session_ms: int,
    ) -> None:
        self.coordinator = coordinator
        self.process = process
        self.topics = topics
        self.listener = listener
        self.session_ms = session_ms
        self.owned: set[Place] = set()
        self.polled_ms = coordinator.now_ms()
        self.is_member = False

    def poll(self, timeout_s: float = 0.0) -> None:
        self.process.operation()
        self.coordinator.polled(self)

    def commit(self, offsets: Mapping[Place, int]) -> None:
        self.process.operation()

    def close(self) -> None:
        self.is_member = False
        self.coordinator.leave(self)


class Coordinator:
    """One group."""

    def __init__(self, log: MemoryLog, now_ms: Callable[[], int]) -> None:
        self.now_ms = now_ms
        self.rotation = 0
        """Raised to deal anew: a rebalance for no reason that the members know."""
        self._log = log
        self._members: list[SimulatedMembership] = []

    def join(
        self, process: Process, topics: Sequence[str], listener: GroupListener, session_ms: int
    ) -> SimulatedMembership:
        member = SimulatedMembership(self, process, topics, listener, session_ms)
        self._members.append(member)
        return member

    def leave(self, member: SimulatedMembership) -> None:
        if member in self._members:
            self._members.remove(member)

    def polled(self, member: SimulatedMembership) -> None:
        """Tell a member what has changed for it."""
        self._expire()
        member.polled_ms = self.now_ms()
        if member not in self._members:
            lost, member.owned = sorted(member.owned), set()
            self._members.append(member)
            member.is_member = False
            member.listener.lost(lost)
            return
        target = self._dealt()[self._members.index(member)]
        gone = sorted(member.owned - target)
        if gone:
            member.listener.revoked(gone)
            member.owned -= set(gone)
            return
        taken = {place for other in self._members if other is not member for place in other.owned}
        new = sorted(target - member.owned - taken)
        member.is_member = True
        member.owned |= set(new)
        if new:
            member.listener.assigned(new)

    def _expire(self) -> None:
        now_ms = self.now_ms()
        self._members = [
            each for each in self._members if now_ms - each.polled_ms <= each.session_ms
        ]

    def _dealt(self) -> list[set[Place]]:
        """What is whose, in the order of the members."""
        topics = self._log.topics()
        places = sorted(
            {
                (topic, number)
                for member in self._members
                for topic in member.topics
                if topic in topics
                for number in range(topics[topic].partitions)
            }
        )
        dealt: list[set[Place]] = [set() for _ in self._members]
        for at, place in enumerate(places):
            dealt[(at + self.rotation) % len(dealt)].add(place)
        return dealt
