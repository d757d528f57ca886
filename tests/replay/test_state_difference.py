"""Two states of one history, or of two."""

from itertools import islice

from log.backends.memory import MemoryLog
from log.interface import Log
from replay.differences import ABSENT
from replay.state import END, At, state_at
from replay.state_difference import diff_states
from tests.replay.recording import PARKING, append, run
from tests.samples.parking import START_MS, flow
from tests.samples.parking.commands import LeaveSpot, ParkCar

STAY_MS = 60_000


def park(spot: str, car: str, at: int) -> tuple[int, ParkCar]:
    return START_MS + at, ParkCar(spot=spot, car=car, stay_ms=STAY_MS)


def test_two_places(log: Log) -> None:
    append(log, park("a", "x", 0), park("b", "y", 1), (START_MS + 2, LeaveSpot(spot="a")))
    run(log)
    first, second, third = (
        state_at(log, PARKING, 0, At(command_offset=offset)) for offset in range(3)
    )
    found = diff_states(PARKING, first, third)
    b = {"car": "y", "until_ms": START_MS + 1 + STAY_MS}
    a = {"car": "x", "until_ms": START_MS + STAY_MS}
    assert [(each.path, each.left, each.right) for each in found.fields] == [
        ("stays.a", a, ABSENT),
        ("stays.b", ABSENT, b),
    ]
    assert not found.is_same
    assert (found.left.command_offset, found.right.command_offset) == (0, 2)
    assert (found.left.digest, found.right.digest) == (first.digest, third.digest)
    back = diff_states(PARKING, third, second)
    assert [(each.path, each.left, each.right) for each in back.fields] == [("stays.a", ABSENT, a)]


def test_two_logs(log: Log) -> None:
    append(log, *islice(flow(1), 50))
    run(log)
    with MemoryLog() as other:
        append(other, *islice(flow(1), 40))
        run(other)
        left, right = state_at(log, PARKING, 0), state_at(other, PARKING, 0)
        assert not diff_states(PARKING, left, right).is_same
        before = state_at(log, PARKING, 0, At(command_offset=39))
        assert diff_states(PARKING, before, right).is_same


def test_every_two_places_differ_iff_their_digests_do(log: Log) -> None:
    append(log, *islice(flow(1), 40))
    run(log)
    states = [state_at(log, PARKING, 0, At(command_offset=offset)) for offset in range(40)]
    for left in states[::3]:
        for right in (*states[::5], state_at(log, PARKING, 0, END)):
            assert diff_states(PARKING, left, right).is_same == (left.digest == right.digest)
