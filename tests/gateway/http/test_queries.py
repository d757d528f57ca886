"""Queries over HTTP: typed arguments, entity tags, and one's own writes read back."""

import pytest

from tests.gateway.http.conftest import PARKING, Server

LATER = {"sequence": 10**9}


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
    (f"{PARKING}/queries/taken?min_sequence=1", 400, "go together"),
    (f"{PARKING}/queries/taken?min_sequence=x&partition=0", 400, "whole numbers"),
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
