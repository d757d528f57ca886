"""Events as they happen: each once, in order, also across restarts of the server."""

import pytest

from tests.gateway.http.conftest import PARKING, Server, Servers


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
