"""Events as they happen: each once, in order, also across restarts of the server."""

import json
import signal
import threading
from functools import partial
from typing import Any

import httpx
import pytest

from tests.gateway.http.conftest import PARKING, Server, Servers, until


def test_a_stream_tells_what_happens(shared: Server) -> None:
    sent = shared.park("streamed").json()
    partition, offset = sent["command"]["partition"], sent["events"][0]["sequence"]
    path = f"{PARKING}/partitions/{partition}/events"
    told = shared.events(partition, offset + 1)
    assert [each.id for each in told] == list(range(offset + 1))
    assert told[0].event == "rules_adopted.v1"
    assert told[-1].event == "car_parked.v1"
    assert b'"spot":"streamed"' in told[-1].data
    with shared.client.stream("GET", f"{path}?from=end") as stream:
        lines = stream.iter_lines()
        assert next(lines) == "retry: 1000"
        left = shared.client.post(f"{PARKING}/commands/leave_spot", json={"spot": "streamed"})
        assert left.status_code == 200
        heard = [line for line in (next(lines) for _ in range(4)) if line]
    assert heard[1:2] == ["event: car_left.v1"]


REFUSED = [  # query, last event id, status
    ("from=x", None, 400),
    ("from=-1", None, 400),
    ("from=100000000", None, 400),
    ("", "100000000", 400),
    ("", "x", 400),
]


@pytest.mark.parametrize(("query", "last_id", "status"), REFUSED)
def test_no_such_place(shared: Server, query: str, last_id: str | None, status: int) -> None:
    headers = {} if last_id is None else {"Last-Event-ID": last_id}
    answer = shared.client.get(f"{PARKING}/partitions/0/events?{query}", headers=headers)
    assert (answer.status_code, answer.json()["status"]) == (status, status)
    assert shared.client.get(f"{PARKING}/partitions/7/events").status_code == 404


def test_a_stream_goes_on_after_a_restart(servers: Servers) -> None:
    server = servers.start("parking")
    for number in range(10):
        server.park(f"spot-{number}")
    begun = [server.events(partition, 3) for partition in (0, 1)]
    server.process.kill()
    server.process.wait()
    again = servers.start("parking")
    for number in range(10, 20):
        again.park(f"spot-{number}")
    spots = set()
    for partition, first in enumerate(begun):
        whole = again.events(partition, 3)
        assert whole == first
        total = count_events(again, partition)
        rest = again.events(partition, total - 3, after=first[-1].id)
        assert [each.id for each in first + rest] == list(range(total))
        spots |= {each.data.split(b'"spot":"')[1].split(b'"')[0] for each in (first + rest)[1:]}
    assert len(spots) == 20


def count_events(server: Server, partition: int) -> int:
    """So many there are, told by the refusal of what there is not."""
    answer = server.client.get(f"{PARKING}/partitions/{partition}/events?from=100000000")
    return int(answer.json()["detail"].split("ends at offset ")[1].split(":")[0])


def test_a_server_with_streams_ends(servers: Servers) -> None:
    server = servers.start("parking")
    server.park("a")
    with server.client.stream("GET", f"{PARKING}/partitions/0/events") as stream:
        lines = stream.iter_lines()
        next(lines)
        assert server.end() == 0
        assert all(line is not None for line in lines)  # the stream ends, whole


class Follower:
    """Reads the stream of a system, and comes back with the last id, as a browser does."""

    def __init__(self) -> None:
        self.last_id = ""
        self.told: list[tuple[int, int, str]] = []
        """Partition, offset and type of each event."""

    def has(self, count: int) -> bool:
        return len(self.told) >= count

    def follow(self, client: httpx.Client, count: int = 10**9) -> None:
        """Until there are so many events in all, or the server goes."""
        headers = {"Last-Event-ID": self.last_id} if self.last_id else {}
        name = ""
        try:
            with client.stream("GET", f"{PARKING}/events", headers=headers) as stream:
                assert stream.status_code == 200, stream.read()
                for line in stream.iter_lines():
                    field, _, value = line.partition(": ")
                    if field == "id":
                        name = value
                    elif field == "data":
                        data: dict[str, Any] = json.loads(value)
                        event = data["event"]["type"]
                        self.told.append((data["partition"], data["offset"], event))
                    elif line == "" and name:
                        self.last_id = name
                        if len(self.told) >= count:
                            return
        except httpx.TransportError:
            pass


def test_the_stream_of_a_system_loses_and_doubles_nothing_over_kills(servers: Servers) -> None:
    """Given a follower, when the server is killed again and again while cars park, then it has
    every event of every partition once, in order."""
    follower = Follower()
    for turn in range(3):
        server = servers.start("parking")
        thread = threading.Thread(target=follower.follow, args=(server.client,))
        thread.start()
        for number in range(15):
            server.park(f"spot-{turn}-{number}")
        until(partial(follower.has, turn * 15 + 5))
        server.end(signal.SIGKILL)
        thread.join()
    last = servers.start("parking")
    totals = [count_events(last, partition) for partition in (0, 1)]
    if len(follower.told) < sum(totals):
        follower.follow(last.client, sum(totals))
    for partition in (0, 1):
        offsets = [offset for number, offset, _ in follower.told if number == partition]
        assert offsets == list(range(totals[partition]))
    parked = [kind for _, _, kind in follower.told if kind == "car_parked.v1"]
    assert len(parked) == 45


def test_a_systems_stream_from_the_end(shared: Server) -> None:
    with shared.client.stream("GET", f"{PARKING}/events?from=end") as stream:
        lines = stream.iter_lines()
        assert next(lines) == "retry: 1000"
        shared.park("system-end")
        heard = [line for line in (next(lines) for _ in range(4)) if line]
    assert heard[1] == "event: car_parked.v1"
    again = {"Last-Event-ID": heard[0].partition(": ")[2]}
    with shared.client.stream("GET", f"{PARKING}/events", headers=again) as stream:
        lines = stream.iter_lines()
        assert next(lines) == "retry: 1000"
        shared.park("system-end")
        heard = [line for line in (next(lines) for _ in range(4)) if line]
    assert heard[1] == "event: car_refused.v1"


@pytest.mark.parametrize("place", ["x", "1", "0.0.0", "0.-1", "0.100000000", "0.", "1.x"])
def test_no_such_place_of_a_system(shared: Server, place: str) -> None:
    for asked in ({"params": {"from": place}}, {"headers": {"Last-Event-ID": place}}):
        answer = shared.client.get(f"{PARKING}/events", **asked)  # type: ignore[arg-type]
        assert (answer.status_code, answer.json()["status"]) == (400, 400), answer.text
    assert shared.client.get("/api/no/such/events").status_code == 404
