"""Chaos on processes: who is hit, by what, never more at a time than may be, and all is mended."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from log.errors import InvalidConfig
from replay.simulator import deployed
from replay.simulator.chaos import Chaos, Hit, check_profile
from replay.simulator.deployed import Deployed
from replay.simulator.profile import BlastRadius, Fault, Profile
from replay.simulator.proxy import Proxy

SLEEPER = """
import signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
print("begun", flush=True)
while True: time.sleep(0.01)
"""


class Counted(Deployed):
    """Counts its lives."""

    starts = 0

    def start(self) -> None:
        self.starts += 1
        super().start()


@pytest.fixture
def workers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Counted]]:
    """Processes that only wait for their end."""
    monkeypatch.setattr(deployed, "PROGRAM", ("-c", SLEEPER))
    found = [Counted(f"worker-{number}", [], tmp_path, {}) for number in (1, 2, 3)]
    for worker in found:
        worker.start()
    until(lambda: all("begun" in worker.said_last() for worker in found), "they begin")
    yield found
    for worker in found:
        worker.kill()


def until(holds: Callable[[], bool], what: str) -> None:
    deadline_s = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < deadline_s, what
        time.sleep(0.005)


def profile(*faults: Fault, at_once: int = 1) -> Profile:
    return Profile(name="rough", faults=faults, blast_radius=BlastRadius(workers_at_once=at_once))


def state_of(worker: Deployed) -> str:
    """As the system tells it: S sleeps, T stands still, Z or nothing: it has ended."""
    assert worker._process is not None
    try:
        return Path(f"/proc/{worker._process.pid}/stat").read_text().rpartition(") ")[2][0]
    except FileNotFoundError:
        return ""


def run_for(chaos: Chaos, seconds: float, look: Callable[[], object] = lambda: None) -> list[Hit]:
    chaos.begin()
    deadline_s = time.monotonic() + seconds
    while time.monotonic() < deadline_s:
        look()
        time.sleep(0.005)
    chaos.end()
    return chaos.hits


@pytest.mark.parametrize("kind", ["kill", "restart", "hold"])
def test_each_kind_hits_and_is_mended(workers: list[Counted], kind: str) -> None:
    chaos = Chaos(profile(Fault(kind=kind, every_ms=(50, 100), lasts_ms=(20, 50))), 1, workers)
    hits = run_for(chaos, 0.6)
    assert len(hits) > 2
    assert {hit.kind for hit in hits} == {kind}
    assert len({hit.target for hit in hits}) > 1
    assert all(worker.is_alive for worker in workers)
    until(lambda: {state_of(worker) for worker in workers} <= {"S", "R"}, "none stands still")
    again = 0 if kind == "hold" else len(hits)
    assert sum(worker.starts for worker in workers) == len(workers) + again


@pytest.mark.parametrize("at_once", [1, 2])
def test_no_more_are_hit_at_a_time_than_may_be(workers: list[Counted], at_once: int) -> None:
    stopped: list[int] = []
    faults = Fault(kind="hold", every_ms=(10, 20), lasts_ms=(100, 200))
    chaos = Chaos(profile(faults, at_once=at_once), 1, workers)
    run_for(chaos, 0.8, lambda: stopped.append(sum(state_of(worker) == "T" for worker in workers)))
    assert max(stopped) == at_once


def test_one_who_ends_by_itself_is_told_from_one_who_was_killed(workers: list[Counted]) -> None:
    fault = Fault(kind="kill", every_ms=(1, 1), lasts_ms=(60_000, 60_000))
    chaos = Chaos(profile(fault), 1, workers)
    chaos.begin()
    until(lambda: len(chaos.hits) == 1, "one is killed")
    assert chaos.ended_by_itself() is None
    other = next(worker for worker in workers if worker.name != chaos.hits[0].target)
    other.kill()
    assert chaos.ended_by_itself() is other
    chaos.end()
    assert sum(worker.is_alive for worker in workers) == 2, "the one that chaos had killed is back"


def test_the_same_seed_hits_the_same(workers: list[Counted]) -> None:
    faults = Fault(kind="hold", every_ms=(40, 80), lasts_ms=(1, 10))
    found = []
    for _ in range(2):
        hits = run_for(Chaos(profile(faults), 7, workers), 0.5)
        found.append([(hit.target, hit.lasts_ms) for hit in hits][:4])
    assert found[0] == found[1]


class Broker:
    """A broker that is told to stand still, and to go on."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def pause(self) -> None:
        self.told.append("pause")

    def resume(self) -> None:
        self.told.append("resume")


def test_the_broker_stands_still_and_goes_on_whenever_it_ends(workers: list[Counted]) -> None:
    broker = Broker()
    fault = Fault(kind="brokers_hold", every_ms=(1, 1), lasts_ms=(60_000, 60_000))
    chaos = Chaos(profile(fault), 1, workers, broker=broker)
    chaos.begin()
    until(lambda: bool(broker.told), "it is hit")
    chaos.end()
    chaos.end()
    assert broker.told == ["pause", "resume"]


@pytest.mark.parametrize(
    ("refused", "why"),
    [
        (profile(Fault(kind="torn_write", every_ms=(1, 2))), "cannot make.*'torn_write'.*kill"),
        (profile(Fault(kind="kill", per_million=5)), "kill.*goes by time.*every_ms"),
        (profile(Fault(kind="network_cut", every_ms=(1, 2))), "network_cut needs a proxy"),
        (profile(Fault(kind="brokers_hold", every_ms=(1, 2))), "brokers_hold.*not ours to hold"),
        (profile(Fault(kind="kill", every_ms=(1, 2)), at_once=0), "workers_at_once is 0"),
    ],
)
def test_what_cannot_be_injected_is_refused(refused: Profile, why: str) -> None:
    with pytest.raises(InvalidConfig, match=why):
        check_profile(refused, with_proxy=False, with_broker=False)


def test_the_network_of_one_is_cut_and_mended(
    workers: list[Counted], monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[tuple[str, str]] = []
    proxy = Proxy(("127.0.0.1", 1), ("127.0.0.1", 2))
    monkeypatch.setattr(proxy, "cut", lambda name: told.append(("cut", name)))
    monkeypatch.setattr(proxy, "mend", lambda name: told.append(("mend", name)))
    fault = Fault(kind="network_cut", every_ms=(30, 60), lasts_ms=(10, 20))
    hits = run_for(Chaos(profile(fault), 1, workers, proxy), 0.4)
    assert len(hits) > 2
    assert told == [each for hit in hits for each in (("cut", hit.target), ("mend", hit.target))]
