"""HTTP over every place a log can be: one process with all in it; a log in a folder, and on a real
broker, with servers that decide nothing before a real `refold run` and a real `refold project`.

What is asked gets the same answers everywhere, but for the offsets of events.
"""

import signal
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from log.backends.file import FileLog
from log.backends.kafka import KafkaLog
from log.interface import Log
from tests.gateway.http.conftest import PARKING, Server, Servers, servers_in
from tests.gateway.http.live.client import Live
from tests.integration.brokers import Broker
from tests.integration.kafka_workers import SESSION_S, Process, Processes, until
from tests.samples.parking import SYSTEM
from tests.samples.parking.events import CarParked

WAIT = ("--wait-s", "60")
"""Longer than a successor takes to take a dead worker's partitions over."""


@dataclass
class Place:
    """A log, and the processes on it."""

    kind: str
    url: str
    servers: Servers
    processes: Processes
    systems: tuple[str, ...] = ("parking",)
    logs: list[Log] = field(default_factory=list)

    def serve(self, *arguments: str) -> Server:
        """A server; it decides where nobody else is to."""
        beside = ("--no-worker",) if self.kind == "beside" else ()
        return self.servers.start(*self.systems, *beside, *arguments)

    def decide(self) -> Process | None:
        """What decides, once it does; None where the server does."""
        if self.kind == "embedded":
            return None
        worker = self._start("run", *self.systems, "--no-projections")
        if self.kind == "kafka":
            until(lambda: worker.holds >= SYSTEM.partitions, "it has all partitions", worker)
        return worker

    def project(self) -> None:
        if self.kind != "embedded":
            self._start("project", *self.systems)

    def _start(self, *arguments: str) -> Process:
        process = self.processes.start(*arguments, session_timeout_s=SESSION_S)
        process.go()
        return process

    @property
    def log(self) -> Log:
        if not self.logs:
            servers, _, prefix = self.url.removeprefix("kafka://").partition("/")
            self.logs.append(
                KafkaLog({"bootstrap.servers": servers}, prefix=prefix)
                if self.kind == "kafka"
                else FileLog(self.servers.folder / self.url)
            )
        return self.logs[0]

    def commands(self) -> int:
        """How many are on the log."""
        if SYSTEM.commands_topic not in self.log.topics():
            return 0
        return sum(
            self.log.partition(SYSTEM.commands_topic, number).high_watermark
            for number in range(SYSTEM.partitions)
        )

    def close(self) -> None:
        self.servers.close()
        self.processes.close()
        for log in self.logs:
            log.close()


def place_in(folder: Path, kind: str, url: str) -> Place:
    folder.mkdir(exist_ok=True)
    servers = servers_in(folder)
    with (folder / "refold.toml").open("a") as settings:
        settings.write(f'log = "{url}"\nsession_timeout_s = {SESSION_S}\n')
    return Place(kind, url, servers, Processes(folder, url))


@pytest.fixture
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    kind, url = request.param, ".refold"
    if kind == "kafka":
        address = request.getfixturevalue("kafka_address")
        url = f"kafka://{address}/{request.getfixturevalue('kafka_prefix')}"
    place = place_in(tmp_path / kind, kind, url)
    yield place
    place.close()


def over(*kinds: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("place", kinds, indirect=True)


class Asking(threading.Thread):
    """Parks a car, from a thread; `answer` is None where the server went away."""

    def __init__(self, server: Server, spot: str, key: str = "") -> None:
        super().__init__(daemon=True)
        self._url, self._spot, self._key = server.url, spot, key
        self.answer: httpx.Response | None = None
        self.start()

    def run(self) -> None:
        try:
            self.answer = httpx.post(
                f"{self._url}{PARKING}/commands/park_car",
                json={"spot": self._spot, "car": "x", "stay_ms": 10**9},
                headers={"Idempotency-Key": self._key} if self._key else {},
                timeout=90,
            )
        except httpx.TransportError:
            self.answer = None


def types(answer: httpx.Response) -> list[str]:
    return [event["type"] for event in answer.json()["events"]]


def causes(place: Place) -> list[list[int]]:
    """Of all events but those of the core's own, a partition each: which commands were decided."""
    told = []
    for number in range(SYSTEM.partitions):
        partition = place.log.partition(SYSTEM.events_topic, number)
        decode = SYSTEM.event_codec(partition.config).decode
        offset, end = partition.log_start, partition.high_watermark
        found: list[int] = []
        while offset < end:
            for batch in partition.read(offset):
                offset = batch.last_offset + 1
                events = [decode(record.value or b"") for record in batch]
                found += [each.cause for each in events if isinstance(each, CarParked)]
        told.append(found)
    return told


# -- the same answers everywhere -----------------------------------------------------------------


def timeless(value: Any) -> Any:
    """A body without what the clock says."""
    match value:
        case dict():
            return {name: timeless(each) for name, each in value.items() if name != "until_ms"}
        case list():
            return [timeless(each) for each in value]
    return value


@dataclass
class Story:
    """Sends what it is told to, and keeps what is answered."""

    server: Server
    told: list[Any] = field(default_factory=list)

    def keep(self, answer: httpx.Response) -> httpx.Response:
        names = ("content-type", "idempotency-replayed", "location", "retry-after")
        headers = {name: answer.headers.get(name) for name in names}
        body = timeless(answer.json()) if answer.content else None
        self.told.append((answer.status_code, headers, body))
        return answer

    def park(self, *arguments: Any) -> httpx.Response:
        return self.keep(self.server.park(*arguments))

    def post(self, path: str, body: Any, **headers: str) -> httpx.Response:
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.keep(self.server.client.post(path, json=body, headers=names))

    def get(self, path: str) -> httpx.Response:
        return self.keep(self.server.client.get(path))


def commands_of_a_story(story: Story) -> None:
    story.park("a", "first", "key-1")
    story.park("a", "first", "key-1")
    story.park("a", "other", "key-1")
    story.park("a", "second", "key-2")
    story.park("a", "second", "key-2")
    story.park("b", "x", "", -1)
    story.post(f"{PARKING}/commands/leave_spot", {"spot": "nowhere"})
    story.post(f"{PARKING}/commands/leave_spot", {"spot": 5})
    story.post(f"{PARKING}/commands/park_cat", {})
    accepted = story.post(
        f"{PARKING}/commands/park_car",
        {"spot": "c", "car": "x", "stay_ms": 10**9},
        Prefer="respond-async",
    )
    location = accepted.headers["location"]
    until(lambda: story.server.client.get(location).status_code != 202, "it is decided")
    story.get(location)
    for number in range(SYSTEM.partitions):
        for offset in range(-1, 5):
            story.get(f"{PARKING}/partitions/{number}/commands/{offset}")
    exchange = "/api/markets/exchange/commands"
    for key in ("seven", "seven", "eight"):
        body = {"account_id": 7, "member_id": 1}
        story.post(f"{exchange}/open_account", body, Idempotency_Key=key)


def queries_of_a_story(story: Story) -> None:
    for spot in ("a", "d"):
        parked = story.server.park(spot, "y").json()
        place, events = parked["command"], parked["events"]
        seen = f"min_sequence={events[-1]['sequence']}&partition={place['partition']}"
        story.get(f"{PARKING}/queries/who?spot={spot}&{seen}")
        story.get(f"{PARKING}/queries/taken?{seen}")
    story.get(f"{PARKING}/queries/who?spat=a")
    story.get(f"{PARKING}/partitions/0/events?from=x")
    story.get(f"{PARKING}/partitions/9/events")
    story.get("/health/live")
    story.get("/health/ready")


def streams_of_a_story(story: Story) -> None:
    for number in range(SYSTEM.partitions):
        told = story.server.events(number, 2)
        ids = [each.id for each in told]
        assert ids == sorted(set(ids))
        rest = story.server.events(number, 1, after=ids[0])
        assert [each.id for each in rest] == ids[1:]
        told_bodies = [timeless(msgspec.json.decode(each.data)) for each in told]
        story.told.append(([each.event for each in told], told_bodies))


@over("beside", "kafka")
def test_the_same_story_is_told_everywhere(place: Place, tmp_path: Path) -> None:
    told = []
    embedded = place_in(tmp_path / "embedded", "embedded", ".refold")
    try:
        for each in (embedded, place):
            each.systems = ("parking", "exchange")
            server = each.serve()
            each.project()
            each.decide()
            story = Story(server)
            commands_of_a_story(story)
            queries_of_a_story(story)
            streams_of_a_story(story)
            told.append(story.told)
    finally:
        embedded.close()
    assert len(told[0]) > 30
    for one, other in zip(*told, strict=True):
        assert one == other


@over("embedded", "beside", "kafka")
def test_two_hundred_at_once(place: Place) -> None:
    """Each is decided once, and each caller gets its own events, whichever server it asks."""
    servers = [place.serve(*WAIT)]
    if place.kind != "embedded":
        servers.append(place.serve(*WAIT))
    place.decide()
    asking = [Asking(servers[each % len(servers)], f"spot-{each}") for each in range(200)]
    for each in asking:
        each.join()
    answers = [each.answer for each in asking if each.answer is not None]
    assert [each.status_code for each in answers] == [200] * 200
    spots = [each.json()["events"][0]["spot"] for each in answers]
    assert spots == [f"spot-{number}" for number in range(200)]
    assert len({tuple(each.json()["command"].values()) for each in answers}) == 200
    for decided in causes(place):
        assert decided == sorted(set(decided))


# -- servers that decide nothing -----------------------------------------------------------------


@over("beside", "kafka")
def test_where_nobody_decides_the_answer_comes_later(place: Place) -> None:
    server, other = place.serve("--wait-s", "4"), place.serve(*WAIT)
    late = server.park("a", key="later")
    assert late.status_code == 504
    assert late.json()["type"] == "urn:refold:problem:not-decided-yet"
    location = late.headers["location"]
    assert [each.client.get(location).status_code for each in (server, other)] == [202, 202]
    place.decide()
    until(lambda: other.client.get(location).status_code == 200, "it is decided")
    assert types(other.client.get(location)) == ["car_parked.v1"]
    again = other.park("a", key="later")
    assert (again.status_code, again.headers["idempotency-replayed"]) == (200, "true")
    assert again.json()["command"] == late.json()["command"]
    assert again.content == server.client.get(location).content


@over("beside", "kafka")
def test_without_read_models_it_is_told_what_to_run(place: Place) -> None:
    server = place.serve("--wait-s", "4")
    answer = server.client.get(f"{PARKING}/queries/taken")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert "`refold project`" in answer.json()["detail"]
    late = server.client.get(f"{PARKING}/queries/taken?min_sequence=0&partition=0")
    assert (late.status_code, "`project`" in late.json()["detail"]) == (504, True)


@over("beside", "kafka")
def test_a_key_counts_on_every_server(place: Place) -> None:
    servers = [place.serve(*WAIT) for _ in range(2)]
    place.decide()
    first, again = (server.park("a", "x", "checkout") for server in servers)
    assert (first.status_code, again.status_code) == (200, 200)
    assert again.content == first.content
    assert again.headers["idempotency-replayed"] == "true"
    reused = servers[1].park("a", "y", "checkout")
    assert reused.json()["type"] == "urn:refold:problem:key-reused"


@over("beside", "kafka")
def test_a_stream_goes_on_at_another_server(place: Place) -> None:
    """While events come: each once, in order, whichever server tells them."""
    servers = [place.serve(*WAIT) for _ in range(2)]
    place.decide()
    stop = threading.Event()

    def park() -> None:
        for number in range(10_000):
            if stop.is_set():
                return
            servers[number % 2].park(f"spot-{number}")

    parking = threading.Thread(target=park)
    parking.start()
    try:
        told = servers[0].events(0, 5)
        for each in range(1, 8):
            told += servers[each % 2].events(0, 5, after=told[-1].id)
    finally:
        stop.set()
        parking.join()
    ids = [each.id for each in told]
    assert ids == sorted(set(ids))
    sequences = [msgspec.json.decode(each.data).get("sequence") for each in told]
    assert sequences == list(range(40))


@over("beside", "kafka")
def test_a_websocket_tells_what_was_sent_at_another_server(place: Place) -> None:
    """A command over one is decided elsewhere, and answered; each live query has the delta, by
    way of the projector."""
    place.project()
    place.decide()
    one, other = (place.serve(*WAIT) for _ in range(2))
    parked = [one.park(f"spot-{number}").json() for number in range(10)]
    with Live(one.url) as asking, Live(other.url) as watching:
        for live in (asking, watching):
            live.follow("taken", SYSTEM.name, "taken")
            take_until_applied(live, *parked)
            assert len(live.followed["taken"].value) == 10
        told = len(watching.followed["taken"].kinds)
        answer = asking.ask(
            type="command",
            id="c1",
            system=SYSTEM.name,
            command="park_car",
            body={"spot": "z", "car": "blue", "stay_ms": 10**9},
            idempotency_key="blue",
        )
        assert (answer["type"], answer["status"]) == ("answer", 200), answer
        assert one.park("z", "blue", "blue").json() == answer["body"]
        for live in (asking, watching):
            take_until_applied(live, answer["body"])
            (row,) = [each for each in live.followed["taken"].value if each["spot"] == "z"]
            assert row["car"] == "blue"
        assert set(watching.followed["taken"].kinds[told:]) == {"delta"}


def take_until_applied(live: Live, *answers: Any) -> None:
    """Take messages until the value holds all events of these answers."""
    followed = live.followed["taken"]
    for each in answers:
        partition, sequence = str(each["command"]["partition"]), each["events"][-1]["sequence"]
        while followed.applied.get(partition, 0) <= sequence:
            live.next()


@over("beside", "kafka")
def test_a_server_is_killed_between_append_and_answer(place: Place) -> None:
    server, other = place.serve(*WAIT), place.serve(*WAIT)
    asking = Asking(server, "a", "checkout-1")
    until(lambda: place.commands() == 1, "it is appended")
    server.process.kill()
    server.process.wait()
    asking.join()
    assert asking.answer is None
    place.decide()
    answers = [other.park("a", key="checkout-1") for _ in range(2)]
    assert [each.status_code for each in answers] == [200, 200]
    assert answers[0].content == answers[1].content
    assert answers[0].json()["command"]["offset"] == 0  # the first sending's
    assert answers[0].headers["idempotency-replayed"] == "true"
    assert sorted(causes(place)) == [[], [0]]


@over("beside", "kafka")
def test_a_worker_is_killed_in_the_middle(place: Place) -> None:
    """Its successor's decisions are the answers, to those that waited all the time."""
    server, other = place.serve(*WAIT), place.serve(*WAIT)
    worker = place.decide()
    assert worker is not None
    asking = [Asking(server, f"spot-{number}", f"key-{number}") for number in range(100)]
    until(lambda: place.commands() > 20, "they are on their way")
    worker.kill()
    asking += [Asking(other, f"spot-{number}", f"key-{number}") for number in range(100, 120)]
    until(lambda: place.commands() == 120, "they are appended")
    place.decide()
    for each in asking:
        each.join()
    answers = [each.answer for each in asking if each.answer is not None]
    assert [each.status_code for each in answers] == [200] * 120
    for number, answer in enumerate(answers[:10]):
        assert other.park(f"spot-{number}", key=f"key-{number}").content == answer.content
    decided = causes(place)
    assert sum(map(len, decided)) == 120
    for each_once in decided:
        assert each_once == sorted(set(each_once))


@over("beside", "kafka")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_what_was_accepted_is_answered(place: Place, number: int) -> None:
    server = place.serve(*WAIT)
    asking = [Asking(server, f"spot-{each}") for each in range(5)]
    until(lambda: place.commands() == 5, "they are appended")
    server.process.send_signal(number)

    def is_refused() -> bool:
        try:
            return httpx.get(f"{server.url}/health/ready").status_code == 503
        except httpx.TransportError:
            return True

    until(is_refused, "it takes nothing more")
    place.decide()
    for each in asking:
        each.join()
        assert each.answer is not None
        assert each.answer.status_code == 200
    assert server.process.wait(60) == 0


# -- Kafka alone ---------------------------------------------------------------------------------


@over("kafka")
def test_what_was_never_committed_is_nobody_s_answer(place: Place) -> None:
    """A worker that decides, and dies before it commits: its successor's decision is told."""
    server = place.serve(*WAIT)
    asking = Asking(server, "a")
    until(lambda: place.commands() == 1, "it is appended")
    numbers = range(SYSTEM.partitions)
    commands = [place.log.partition(SYSTEM.commands_topic, number) for number in numbers]
    (number,) = (each.number for each in commands if each.high_watermark)
    events = place.log.partition(SYSTEM.events_topic, number)
    batch = place.log.open_writer(SYSTEM.events_topic, number).new_batch()
    never = CarParked(sequence=0, cause=0, spot="a", car="never", until_ms=1)
    batch.append(0, 1, b"a", SYSTEM.event_codec(events.config).encode(never), [])
    until(lambda: events.log_end > 0, "it is on the log, and not committed")
    place.decide()
    asking.join()
    assert asking.answer is not None
    assert (asking.answer.status_code, types(asking.answer)) == (200, ["car_parked.v1"])
    assert asking.answer.json()["events"][0]["car"] == "x"
    told = server.events(number, 2)
    assert [each.event for each in told] == ["rules_adopted.v1", "car_parked.v1"]
    assert b"never" not in told[1].data


@pytest.fixture
def own(broker: Broker, tmp_path: Path) -> Iterator[Place]:
    """On a broker to do harm to."""
    place = place_in(tmp_path / "own", "kafka", f"kafka://{broker.start()}/away.")
    yield place
    place.close()


def test_a_broker_goes_away_and_comes_back(own: Place, broker: Broker) -> None:
    server = own.serve(*WAIT)
    own.decide()
    assert server.park("before", key="before").status_code == 200
    assert server.client.get("/health/ready").status_code == 200
    broker.kill()
    unknown = Asking(server, "unknown", "unknown")
    told: list[httpx.Response] = []

    def is_sent_away() -> bool:
        told.append(server.park("away"))
        return bool(told[-1].json().get("type") == "urn:refold:problem:not-appended")

    until(is_sent_away, "it says that the log is away")
    assert (told[-1].status_code, told[-1].headers["retry-after"]) == (503, "1")
    assert server.client.get("/health/ready").status_code == 503
    assert server.client.get("/health/live").status_code == 200
    broker.start()
    until(lambda: server.client.get("/health/ready").status_code == 200, "the log is back")
    answers: list[httpx.Response] = []

    def is_decided() -> bool:
        answers.append(server.park("unknown", key="unknown"))
        return answers[-1].status_code == 200

    until(is_decided, "it goes on")
    unknown.join()
    assert unknown.answer is not None
    assert unknown.answer.status_code in (200, 503)  # it was handed over, or was not
    assert server.park("before", key="before").headers["idempotency-replayed"] == "true"
    for decided in causes(own):
        assert decided == sorted(set(decided))


def test_who_cannot_be_told_is_told_so(own: Place, broker: Broker) -> None:
    """The time to wait runs out while the log is away: nobody knows whether it has the command."""
    server = own.serve("--wait-s", "4")
    until(lambda: server.park("a").status_code == 504, "it is durable")
    broker.pause()
    try:
        answer = server.park("b", key="b")
        told = answer.json()
        if answer.status_code == 503:  # the log was asked something before the command was sent
            assert told["type"] == "urn:refold:problem:not-appended", told
        else:
            assert answer.status_code == 504, told
            assert "may be on it; send it again with its key" in told["detail"]
        assert "location" not in answer.headers
    finally:
        broker.resume()


def test_it_ends_while_the_broker_is_away(own: Place, broker: Broker) -> None:
    server = own.serve("--wait-s", "4")
    until(lambda: server.park("a").status_code == 504, "it is durable")
    broker.kill()
    asking = Asking(server, "b")
    asking.join()
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(60) == 0
