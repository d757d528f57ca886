"""Queries over HTTP: typed arguments, entity tags, and one's own writes read back."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

import pytest

from log.backends.file.log import FileLog
from processors.core.appender import Appender
from processors.markets.exchange import SYSTEM as EXCHANGE
from tests.gateway.http.conftest import PARKING, Server, Servers, servers_in, until

EXCHANGED = "/api/markets/exchange"


def test_own_writes_are_read(shared: Server) -> None:
    for number in range(20):
        spot = f"own-{number}"
        parked = shared.park(spot, "mine").json()
        answer = shared.client.get(
            f"{PARKING}/queries/who",
            params={
                "spot": spot,
                "min_sequence": parked["events"][-1]["sequence"],
                "partition": parked["command"]["partition"],
            },
        )
        assert (answer.status_code, answer.json()["car"]) == (200, "mine")


def test_a_new_server_answers_before_anything_has_happened(servers: Servers) -> None:
    server = servers.start("parking")
    found = server.client.get(f"{PARKING}/queries/who", params={"spot": "a"})
    assert (found.status_code, found.json()) == (200, None)


def test_the_tag_tells_whether_anything_was_applied(shared: Server) -> None:
    parked = shared.park("tagged").json()
    seen = {
        "min_sequence": str(parked["events"][-1]["sequence"]),
        "partition": str(parked["command"]["partition"]),
    }
    path = f"{PARKING}/queries/who"
    first = shared.client.get(path, params={"spot": "tagged", **seen})
    tag = first.headers["etag"]
    same = shared.client.get(path, params={"spot": "tagged"}, headers={"If-None-Match": tag})
    assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", tag)
    left = shared.client.post(f"{PARKING}/commands/leave_spot", json={"spot": "tagged"}).json()
    seen["min_sequence"] = str(left["events"][-1]["sequence"])
    after = shared.client.get(
        path, params={"spot": "tagged", **seen}, headers={"If-None-Match": f'"x", {tag}'}
    )
    assert (after.status_code, after.content) == (200, b"null")
    assert after.headers["etag"] != tag


def test_a_query_that_reads_the_clock_has_no_tag(shared: Server) -> None:
    path = "/api/booking/stays/queries/search"
    params = {"area": "0,0,1,1"}
    timeless = shared.client.get(path, params=params)
    timed = shared.client.get(path, params={**params, "now_ms": "1700000000000"})
    assert [each.status_code for each in (timeless, timed)] == [200, 200], timed.text
    assert ["etag" in each.headers for each in (timeless, timed)] == [False, True]


REFUSED = [  # path, status, what the detail holds
    (f"{PARKING}/queries/who", 400, "argument 'spot' is missing"),
    (f"{PARKING}/queries/who?spot=a&spot=b", 400, "given twice"),
    (f"{PARKING}/queries/who?spat=a", 400, "did you mean 'spot'?"),
    (f"{PARKING}/queries/who?spot=a&%20=1", 400, "there is no argument"),
    (f"{PARKING}/queries/stays?spot=a&limit=many", 400, "argument limit='many'"),
    (f"{PARKING}/queries/stays?spot=a&since_ms=1{'0' * 30}", 400, ""),
    (f"{PARKING}/queries/whom", 404, "there are taken, who, stays"),
    (f"{PARKING}/queries/taken?min_sequence=1", 400, "goes with partition"),
    (f"{PARKING}/queries/taken?partition=1", 400, "goes with min_sequence or at"),
    (f"{PARKING}/queries/taken?min_sequence=x&partition=0", 400, "min_sequence: Expected `int"),
    (f"{PARKING}/queries/taken?min_sequence=1&min_sequence=2&partition=0", 400, "given twice"),
    (f"{PARKING}/queries/who?spot=a&page_size=5", 400, "gives no rows"),
    (f"{PARKING}/queries/taken?page_size=0", 400, "page_size"),
    (f"{PARKING}/queries/taken?cursor=abc", 400, "goes with page_size"),
    (f"{PARKING}/queries/taken?page_size=5&cursor=abc", 400, "no cursor of this query"),
    (f"{PARKING}/queries/taken?page_size=5&cursor=%C3%A4", 400, "no cursor of this query"),
    (f"{PARKING}/queries/taken?at=yesterday", 400, "is no place"),
    (f"{PARKING}/queries/taken?at=1000000&partition=0", 404, "not decided"),
    (f"{PARKING}/queries/taken?at=5", 400, "name its partition"),
    (f"{PARKING}/queries/taken?min_sequence=1&partition=9", 404, "partitions"),
    ("/api/markets/exchange/queries/trades?instrument=A&limit=0", 400, ">= 1"),
    ("/api/markets/exchange/queries/candles?instrument=A&interval=2h", 400, "interval"),
    ("/api/markets/exchange/queries/best?instrument=NONE", 400, "NONE"),
]


@pytest.mark.parametrize(("path", "status", "detail"), REFUSED)
def test_what_cannot_be_asked(shared: Server, path: str, status: int, detail: str) -> None:
    answer = shared.client.get(path)
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.status_code, detail in answer.json()["detail"]) == (status, True), answer.text


def test_every_query_without_need_of_arguments_answers(shared: Server) -> None:
    """Of the systems that are served, on a nearly empty log."""
    document = shared.client.get("/schema/openapi.json").json()
    asked = [
        path
        for path, operations in document["paths"].items()
        if "/queries/" in path
        and not any(each.get("required") for each in operations["get"]["parameters"])
    ]
    answers = [shared.client.get(path) for path in asked]
    assert len(answers) > 5
    assert {each.status_code for each in answers} == {200}


def page_by_page(server: Server, path: str, size: int) -> list[list[Any]]:
    """The pages, by the address that each gives of the next."""
    pages = []
    address = f"{path}&page_size={size}" if "?" in path else f"{path}?page_size={size}"
    while address:
        answer = server.client.get(address)
        assert answer.status_code == 200, answer.text
        pages.append(answer.json())
        address = answer.links.get("next", {}).get("url", "")
    return pages


@pytest.fixture(scope="module")
def traded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """An exchange on which much was traded, in one instrument."""
    servers = servers_in(tmp_path_factory.mktemp("traded"))
    with FileLog(servers.folder / ".refold") as log:
        appender = Appender(log, EXCHANGE)
        for at, command in islice(EXCHANGE.flow(3), 3_000):
            appender.add(command, at)
        appender.flush()
        ends = [
            log.partition(EXCHANGE.commands_topic, number).high_watermark
            for number in range(EXCHANGE.partitions)
        ]
    server = servers.start("exchange")
    for number, end in enumerate(ends):
        if end:
            _until_seen(server, number, end - 1)
    # By the clock of today that day is over long since: the market closes, and nothing follows.
    phases = f"{EXCHANGED}/queries/phases"
    until(lambda: {row["phase"] for row in server.client.get(phases).json()} == {"closed"})
    yield server
    servers.close()


def _until_seen(server: Server, number: int, offset: int) -> None:
    """Until a command is decided, and read models have applied what it led to."""
    path = f"{EXCHANGED}/partitions/{number}/commands/{offset}"
    until(lambda: server.client.get(path).status_code != 202)
    sequence = server.client.get(path).json()["events"][-1]["sequence"]
    seen = {"min_sequence": sequence, "partition": number}
    answer = server.client.get(f"{EXCHANGED}/queries/instruments", params=seen)
    assert answer.status_code == 200


def test_pages_are_the_whole_and_nothing_twice(traded: Server) -> None:
    instrument = traded.client.get(f"{EXCHANGED}/queries/instruments").json()[0]["instrument"]
    asked = f"?instrument={instrument}"
    for name, most, backwards in (("trades", 100_000, False), ("candles", 100_000, True)):
        path = f"{EXCHANGED}/queries/{name}{asked}"
        whole = traded.client.get(f"{path}&limit={most}").json()
        assert len(whole) > 10
        for size in (len(whole) // 9, 7, len(whole) - 1, len(whole), len(whole) + 1):
            pages = page_by_page(traded, path, size)
            assert [len(page) for page in pages[:-1]] == [size] * (len(pages) - 1)
            ordered = pages[::-1] if backwards else pages
            assert [row for page in ordered for row in page] == whole, (name, size)
        limited = page_by_page(traded, f"{path}&limit=10", 4)
        assert [len(page) for page in limited] == [4, 4, 2]


def test_rows_that_come_meanwhile_neither_skip_nor_repeat_one(servers: Servers) -> None:
    server = servers.start("parking")
    for number in range(30):
        server.park(f"spot-{number:02}")
    until(lambda: len(server.client.get(f"{PARKING}/queries/taken").json()) == 30)
    first = server.client.get(f"{PARKING}/queries/taken?page_size=10")
    assert [row["spot"] for row in first.json()] == [f"spot-{n:02}" for n in range(10)]
    for number in range(5):
        server.park(f"a-new-one-{number}")  # in front of all that was given
    until(lambda: len(server.client.get(f"{PARKING}/queries/taken").json()) == 35)
    second = server.client.get(first.links["next"]["url"])
    assert [row["spot"] for row in second.json()] == [f"spot-{n:02}" for n in range(10, 20)]

    server.client.post(f"{PARKING}/commands/leave_spot", json={"spot": "spot-19"})
    until(lambda: len(server.client.get(f"{PARKING}/queries/taken").json()) == 34)
    gone = server.client.get(second.links["next"]["url"])
    assert (gone.status_code, gone.json()["type"]) == (410, "urn:refold:problem:cursor-gone")


def test_a_query_is_asked_as_of_then(servers: Servers) -> None:
    server = servers.start("parking")
    first = server.park("a", "early").json()["command"]
    server.client.post(f"{PARKING}/commands/leave_spot", json={"spot": "a"})
    server.park("a", "late")
    path = f"{PARKING}/queries/who?spot=a"
    until(lambda: (server.client.get(path).json() or {}).get("car") == "late")
    at = f"&at={first['offset']}&partition={first['partition']}"
    assert server.client.get(path + at).json()["car"] == "early"
    assert server.client.get(f"{path}&at=2001-01-01T00:00:00Z").json() is None
    assert server.client.get(f"{path}&at=end").json()["car"] == "late"
    listed = f"{PARKING}/queries/taken?page_size=1{at}"
    assert [row["car"] for row in server.client.get(listed).json()] == ["early"]
