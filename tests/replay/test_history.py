"""The life of one order, post, booking: what is found on a log, and the tree that it makes."""

import json
from collections import Counter
from typing import Any, NamedTuple

import msgspec
import pytest

import replay.history
from log.backends.memory import MemoryLog
from log.errors import CorruptLog
from log.interface import Log
from log.record import Record, StoredRecord
from log.topic import TopicConfig
from processors.core.registry import Registry
from processors.core.system import System
from replay.causal_tree import walk
from replay.history import HistoryIndex, InvalidKey, Key, Place, history, parse_key
from tests.replay.played import BID, MARKET, SALE, play, play_demo, play_market, run, table
from tests.replay.recording import PARKING, UNREADABLE, append
from tests.replay.recording import run as run_parking
from tests.samples.parking import START_MS
from tests.samples.parking.commands import ParkCar
from tests.samples.relay import START, SYSTEMS, Pass

RACE = [(1, Pass(runner="ann", laps=1)), (2, Pass(runner="bob", laps=1))]


def relay(log: Log, *commands: tuple[int, Pass]) -> Log:
    play(log, SYSTEMS, commands or RACE)
    return log


def test_all_that_a_command_led_to_through_three_systems(log: Log) -> None:
    told = history(relay(log), SYSTEMS, Key("ann"))
    assert table(told) == [
        "*start pass.v1",
        "└─ *start passed.v1",
        "   ├─ middle pass.v1",
        "   │  └─ middle passed.v1",
        "   │     └─ finish pass.v1",
        "   │        └─ finish passed.v1",
        "   ├─ middle pass.v1",
        "   │  └─ middle passed.v1",
        "   │     └─ finish pass.v1",
        "   │        └─ finish passed.v1",
        "   └─ middle pass.v1",
        "      └─ middle passed.v1",
        "         └─ finish pass.v1",
        "            └─ finish passed.v1",
    ]
    assert (told.matching, told.messages, told.is_cut) == (2, 14, False)


def test_what_led_to_it_and_nothing_beside() -> None:
    told = history(relay(MemoryLog()), SYSTEMS, Key("bob-1", "runner"))
    assert table(told) == [
        "start pass.v1",
        "└─ start passed.v1",
        "   └─ middle pass.v1",
        "      └─ middle passed.v1",
        "         └─ *finish pass.v1",
        "            └─ *finish passed.v1",
    ]
    assert [each.fields.get("runner") for _, each in walk(told.roots)] == [
        *("bob", "bob", "bob/1", "bob/1", "bob-1", "bob-1")
    ]
    assert [each.timestamp for _, each in walk(told.roots)][:3] == [2, 2, 2]


def test_round_and_round_again() -> None:
    """Three laps: the chain comes back to the first system twice."""
    told = history(
        relay(MemoryLog(), (1, Pass(runner="ann", laps=3))), SYSTEMS, Key("ann", "runner")
    )
    depth = max(len(lead) for lead, _ in walk(told.roots)) // 3
    assert depth == 3 * 6 - 1
    assert told.messages == sum(2 * (3**lap + 2 * 3 ** (lap + 1)) for lap in range(3))
    by_system = {each.system for _, each in walk(told.roots)}
    assert by_system == {"relay.start", "relay.middle", "relay.finish"}


class Told(NamedTuple):
    """A message as brute force sees it."""

    came_from: str
    values: set[str]
    fields: dict[str, Any]


def everything(log: Log, systems: tuple[System, ...]) -> dict[str, Told]:
    """Every message of the systems, by its place."""
    found: dict[str, Told] = {}
    for system in systems:
        for number in range(log.topics()[system.commands_topic].partitions):
            for batch in log.partition(system.commands_topic, number).read(0, 1 << 30):
                for record in batch:
                    told = json.loads(record.value or b"")
                    origin = "" if "origin_topic" not in told else origin_of(told)
                    place = f"{system.commands_topic}/{number}@{record.offset}"
                    found[place] = Told(origin, values_of(record, told), told)
            for batch in log.partition(system.events_topic, number).read(0, 1 << 30):
                for record in batch:
                    told = json.loads(record.value or b"")
                    if told["type"] != "rules_adopted.v1":
                        cause = f"{system.commands_topic}/{number}@{told['cause']}"
                        place = f"{system.events_topic}/{number}#{told['sequence']}"
                        found[place] = Told(cause, values_of(record, told), told)
    return found


def origin_of(told: dict[str, Any]) -> str:
    number = told.get("origin_partition", 0)
    return f"{told['origin_topic']}/{number}#{told['origin_sequence']}"


def values_of(record: StoredRecord, told: dict[str, Any]) -> set[str]:
    """All values as text, but for the envelope's."""
    envelope = {"type", "sequence", "cause", "cause_index", "cause_count"}
    values = {(record.key or b"").decode()}
    waiting: list[Any] = [
        value
        for name, value in told.items()
        if name not in envelope and not name.startswith("origin_")
    ]
    while waiting:
        match waiting.pop():
            case dict() as inner:
                waiting.extend(inner.values())
            case list() as inner:
                waiting.extend(inner)
            case value:
                values.add(str(value))
    return values


def expected(messages: dict[str, Told], value: str) -> set[str]:
    """The places that belong to a value."""
    seeds = {place for place, each in messages.items() if value in each.values}
    down, up = set(seeds), set(seeds)
    while more := {place for place, each in messages.items() if each.came_from in down} - down:
        down |= more
    while more := {messages[place].came_from for place in up} - up - {""}:
        up |= more
    return down | up


@pytest.mark.parametrize(
    ("name", "commands", "field"),
    [
        ("clearing", 300, "order_id"),
        ("stays", 120, "booking"),
        ("feed", 150, "post_id"),
        ("photos", 12, "photo"),
    ],
)
def test_demos_of_the_registered_systems(name: str, commands: int, field: str) -> None:
    """For the values that come up most: what brute force finds, each message once."""
    log = MemoryLog(clock=lambda: 0)
    systems = play_demo(log, name, commands)
    messages = everything(log, systems)
    counts = Counter(str(told.fields[field]) for told in messages.values() if field in told.fields)
    for value, _ in counts.most_common(4):
        told = history(log, systems, Key(value))
        places = [each.place for _, each in walk(told.roots)]
        assert len(places) == told.messages >= 4
        assert set(places) == expected(messages, value)
        assert len(places) == len(set(places))
        assert told.matching == sum(each.matches for _, each in walk(told.roots))


def test_the_life_of_an_order(log: Log) -> None:
    told = history(play_market(log), MARKET, Key(str(BID)))
    assert table(told) == [
        "*clearing place_order.v1",
        "└─ *clearing order_reserved.v1",
        "   └─ *exchange place_order.v1",
        "      ├─ *exchange order_accepted.v1",
        "      └─ *exchange order_traded.v1",
        "         ├─ *clearing record_fill.v1",
        "         │  └─ *clearing order_filled.v1",
        "         └─ clearing record_fill.v1",
        "            └─ clearing order_filled.v1",
    ]


def test_an_event_of_anothers_command_is_shown_without_the_rest() -> None:
    """The sale rests; what happened to it later came of the other's order."""
    told = history(play_market(MemoryLog()), MARKET, Key(str(SALE)))
    assert table(told) == [
        "*clearing place_order.v1",
        "└─ *clearing order_reserved.v1",
        "   └─ *exchange place_order.v1",
        "      └─ *exchange order_accepted.v1",
        "clearing place_order.v1",
        "└─ clearing order_reserved.v1",
        "   └─ exchange place_order.v1 +1",
        "      └─ *exchange order_traded.v1",
        "         ├─ clearing record_fill.v1",
        "         │  └─ clearing order_filled.v1",
        "         └─ *clearing record_fill.v1",
        "            └─ *clearing order_filled.v1",
    ]


def test_a_log_without_the_topics_of_some_systems() -> None:
    log = play_market(MemoryLog())
    for kind in ("commands", "events", "dead-letters"):
        log.delete_topic(f"markets.exchange.{kind}")
    told = history(log, [each.system for each in Registry()], Key(str(BID)))
    assert table(told) == [
        "*clearing place_order.v1",
        "└─ *clearing order_reserved.v1",
        "*clearing record_fill.v1",
        "└─ *clearing order_filled.v1",
    ]
    assert (told.roots[1].came_from or "").startswith("markets.exchange.events/")
    assert history(MemoryLog(), SYSTEMS, Key("1")).roots == []


def test_what_retention_deleted_is_missing_and_named() -> None:
    log = MemoryLog()
    append(log, *((START_MS, ParkCar(spot=f"s{n}", car="x", stay_ms=9)) for n in range(5)))
    run_parking(log)
    log.partition(PARKING.commands_topic, 0).delete_before(3)
    (root,) = history(log, [PARKING], Key("s1")).roots
    assert (root.type, root.came_from) == ("car_parked.v1", f"{PARKING.commands_topic}/0@1")


def test_a_timer_is_told_with_the_command_that_it_fired_with() -> None:
    log = MemoryLog()
    append(log, (START_MS, ParkCar(spot="a", car="x", stay_ms=5)))
    append(log, (START_MS + 9, ParkCar(spot="b", car="y", stay_ms=5)))
    run_parking(log)
    assert table(history(log, [PARKING], Key("a"))) == [
        "*parking park_car.v1",
        "└─ *parking car_parked.v1",
        "parking park_car.v1 +1",
        "└─ *parking car_left.v1",
    ]


def test_a_command_that_cannot_be_read() -> None:
    log = MemoryLog()
    append(log, UNREADABLE, b'["spot-3"', b'"spot-3"')
    run_parking(log)
    assert table(history(log, [PARKING], Key("3", "spot"))) == [
        "*parking park_car.v1",
        "└─ parking command_dead_lettered.v1",
    ]
    (read, *others) = history(log, [PARKING], Key("x", "key")).roots[0:3]
    assert read.type == "park_car.v1"
    assert [other.type for other in others] == ["(unreadable)"] * 2
    assert others[0].fields == {"value": '["spot-3"'}


def test_an_event_that_cannot_be_read_is_damage() -> None:
    log = MemoryLog()
    append(log, (START_MS, ParkCar(spot="a", car="x", stay_ms=5)))
    run_parking(log)
    log.partition(PARKING.events_topic, 0).append([Record(b'{"spot":"a"')])
    with pytest.raises(CorruptLog, match="the event at offset 2 cannot be read"):
        history(log, [PARKING], Key("a"))


def test_events_told_again_are_there_once() -> None:
    log = MemoryLog()
    append(log, (START_MS, ParkCar(spot="a", car="x", stay_ms=5)))
    run_parking(log)
    events = log.partition(PARKING.events_topic, 0)
    events.append([Record(r.value, r.key, r.timestamp) for b in events.read(0) for r in b])
    told = history(log, [PARKING], Key("a"))
    assert (told.matching, told.messages) == (2, 2)
    append(log, (START_MS, ParkCar(spot="b", car="x", stay_ms=5)))
    run_parking(log)
    (event,) = history(log, [PARKING], Key("b")).roots[0].children
    assert (event.place, event.offset) == (f"{PARKING.events_topic}/0#2", 4)
    by_offset, by_sequence = (
        history(log, [PARKING], Place(PARKING.events_topic, 0, number, is_sequence))
        for number, is_sequence in ((4, False), (2, True))
    )
    assert table(by_offset) == table(by_sequence)
    assert by_offset.roots[0].place == f"{PARKING.commands_topic}/0@1"


def test_a_place() -> None:
    log = relay(MemoryLog())
    whole = history(log, SYSTEMS, Key("ann", "runner"))
    root = whole.roots[0]
    by_place = history(log, SYSTEMS, Place(root.topic, root.partition, root.offset))
    assert by_place.messages == whole.messages
    event = root.children[0]
    for place in (
        Place(event.topic, event.partition, event.offset),
        Place(event.topic, event.partition, int(event.place.rpartition("#")[2]), True),
    ):
        assert history(log, SYSTEMS, place).messages == whole.messages
    with pytest.raises(InvalidKey, match=r"holds no offset 99: it has the offsets 0 to"):
        history(log, SYSTEMS, Place(START.commands_topic, 0, 99))
    with pytest.raises(InvalidKey, match="no sequence 99"):
        history(log, SYSTEMS, Place(START.events_topic, 0, 99, True))
    with pytest.raises(InvalidKey, match="no partition 9 of"):
        history(log, SYSTEMS, Place(START.events_topic, 9, 0))


def test_the_limit_keeps_the_earliest_and_says_so() -> None:
    log = MemoryLog()
    parked = ParkCar(spot="a", car="x", stay_ms=1000)
    append(log, *((START_MS + (n * 7) % 50, parked) for n in range(50)))
    run_parking(log)
    told = history(log, [PARKING], Key("a"), limit=10)
    assert (told.matching, told.messages, told.is_cut) == (100, 10, True)
    commands = [each for _, each in walk(told.roots) if each.kind == "command"]
    assert [each.timestamp for each in commands] == [START_MS + n for n in range(len(commands))]
    exact = history(log, [PARKING], Key("a"), limit=100)
    assert (exact.messages, exact.is_cut) == (100, False)
    cut = history(relay(MemoryLog()), SYSTEMS, Key("ann", "runner"), limit=5)
    assert (cut.matching, cut.messages, cut.is_cut) == (2, 5, True)


def test_where_the_key_is_looked_for() -> None:
    log = relay(MemoryLog())
    everywhere = history(log, SYSTEMS, Key("1", "laps"))
    assert everywhere.matching == everywhere.messages == 28
    finish = history(log, SYSTEMS, Key("1", "laps"), system="relay.finish")
    assert (finish.matching, finish.messages) == (12, 28)
    assert {each.system for _, each in walk(finish.roots) if each.matches} == {"relay.finish"}
    numbers = range(5)
    counts = [
        history(log, SYSTEMS, Key("1", "laps"), system="relay.finish", partition=n).matching
        for n in numbers
    ]
    assert sum(counts) == 12
    assert max(counts) < 12


VALUE = {
    "type": "x.v1",
    "id": 17,
    "text": "seventeen",
    "flag": True,
    "price": -5,
    "legs": [{"order": 18, "name": "a/b"}, {"order": 19}],
    "terms": {"parent": "p-1", "tags": ["red", "blue"]},
    "maker_order_id": 21,
    "name": 'caf\u00e9 "quoted"',
    "sequence": 4,
    "cause": 1234,
}
HOLDS = [
    ("17", "", True),
    ("17", "id", True),
    ("17", "order", False),
    ("1", "", False),
    ("7", "", False),
    ("-5", "price", True),
    ("seventeen", "", True),
    ("seven", "", False),
    ("18", "order", True),
    ("19", "legs.order", True),
    ("19", "gs.order", False),
    ("p-1", "terms.parent", True),
    ("21", "order_id", True),
    ("21", "maker_order_id", True),
    ("21", "der_id", False),
    ("21", "maker", False),
    ("blue", "tags", True),
    ("a/b", "", True),
    ('caf\u00e9 "quoted"', "", True),
    ("True", "", False),
    ("1234", "", False),
    ("x.v1", "", False),
    ("the key", "", True),
    ("the key", "key", True),
    ("the key", "text", False),
]


@pytest.mark.parametrize(("value", "field", "holds"), HOLDS)
@pytest.mark.parametrize("written", ["json", "escaped", "spaced", "msgpack", "compressed"])
def test_what_holds_a_value(written: str, value: str, field: str, holds: bool) -> None:
    """However it is written down: by us, by others' JSON, in msgpack, in compressed batches."""
    as_bytes = {
        "escaped": json.dumps(VALUE, separators=(",", ":")).replace("/", "\\/").encode(),
        "spaced": json.dumps(VALUE, indent=1).encode(),
        "msgpack": msgspec.msgpack.encode(VALUE),
    }.get(written, msgspec.json.encode(VALUE))
    config = TopicConfig(
        partitions=1,
        value_format="msgpack" if written == "msgpack" else "json",
        compression_type="zstd" if written == "compressed" else "none",
    )
    log = MemoryLog()
    log.create_topic(PARKING.commands_topic, config)
    records = [Record(as_bytes, b"the key", 5), Record(as_bytes[:-1], b"other", 5)]
    log.partition(PARKING.commands_topic, 0).append(records)
    assert history(log, [PARKING], Key(value, field)).matching == holds


SYSTEM_LIST = (*SYSTEMS, PARKING)
PARSED = [
    ("17", None, Key("17")),
    ("runner=ann", None, Key("ann", "runner")),
    ("terms.parent=a=b", None, Key("a=b", "terms.parent")),
    ("parking:a", "samples.parking", Key("a")),
    ("samples.parking:spot=a", "samples.parking", Key("a", "spot")),
    ("middle:x:y", "relay.middle", Key("x:y")),
    ("urn:x", None, Key("urn:x")),
    ("owner/photo/22", None, Key("owner/photo/22")),
    ("start.events/2@7", None, Place("relay.start.events", 2, 7)),
    ("relay.start.events/2#7", None, Place("relay.start.events", 2, 7, True)),
]


@pytest.mark.parametrize(("text", "system", "sought"), PARSED)
def test_how_a_key_is_written(text: str, system: str | None, sought: Key | Place) -> None:
    assert parse_key(text, SYSTEM_LIST) == (system, sought)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("events/0@1", "could be relay.start.events or relay.middle.events"),
        ("nothing.events/0@1", "is no topic of a system here"),
        ("start.commands/0#1", r"commands have offsets \(start.commands/0@1\)"),
        ("", "there is no value"),
        ("parking:", "there is no value"),
    ],
)
def test_a_key_that_cannot_be(text: str, what: str) -> None:
    with pytest.raises(InvalidKey, match=what):
        parse_key(text, SYSTEM_LIST)


def test_progress_is_told() -> None:
    log = relay(MemoryLog())
    told: list[tuple[int, int]] = []
    history(log, SYSTEMS, Key("ann"), progress=lambda done, total: told.append((done, total)))
    assert told[-1][0] == told[-1][1] > 0
    assert all(done <= total for done, total in told)


def test_a_command_sent_twice_by_a_reactor_is_there_twice() -> None:
    """A reactor that begins again appends again: the second time nothing changes."""
    log = relay(MemoryLog())
    for system in SYSTEMS:
        group = f"{system.name}.reactors"
        log.commit(group, dict.fromkeys(log.committed(group), 0))
    run(log, SYSTEMS)
    told = history(log, SYSTEMS, Key("bob-1", "runner"))
    assert sum(each.type == "nothing_changed.v1" for _, each in walk(told.roots)) == 1
    ends = {each.came_from for _, each in walk(told.roots) if each.type == "pass.v1"}
    assert len(ends) == 3


def test_an_index_serves_later_searches_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also of what came since, and after retention has taken what it knew; it reads only that."""
    monkeypatch.setattr(replay.history, "READ_BYTES", 200)
    log = relay(MemoryLog())
    index = HistoryIndex(log, SYSTEMS)
    looked: list[int] = []

    def search(sought: Key | Place) -> None:
        told = history(
            log, SYSTEMS, sought, index=index, progress=lambda done, _: looked.append(done)
        )
        assert told == history(log, SYSTEMS, sought)

    place = Place(START.commands_topic, 0, 0)
    search(place)
    first, looked[:] = max(looked), []
    search(place)
    assert first > 0 and max(looked, default=0) == 0
    relay(log, (5, Pass(runner="cid", laps=1)))
    for sought in (Key("cid"), place, Place(START.events_topic, 0, 1, is_sequence=True)):
        search(sought)
    for topic in (START.commands_topic, START.events_topic):
        log.partition(topic, 0).delete_before(1)
    search(Place(START.commands_topic, 0, 1))
    search(Key("ann"))
