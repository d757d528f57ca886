"""Trees of messages, drawn: as lines for people, and as Mermaid that any text may stand in."""

import re
from typing import Any

import msgspec
import pytest

from replay.causal_tree import Message, fields_text, grow, mermaid, text_lines, walk

EVIL = 'a"]; end --> x\n%% <b>&amp; `code` \\ {x} [y] (z) | #quot; \x1b[2J ü'


def message(place: str, came_from: str | None = None, **others: Any) -> Message:
    topic, _, rest = place.rpartition("/")
    fields = {"order": place[-1], **others.pop("fields", {})}
    return Message(
        place=place,
        kind="event" if "#" in rest else "command",
        system="a.b",
        topic=topic,
        partition=0,
        offset=int(rest[2:]),
        timestamp=others.pop("timestamp", 1_700_000_000_000),
        type=others.pop("type", "thing.v1"),
        key=None,
        fields=fields,
        came_from=came_from,
        **others,
    )


def forest(**fields: Any) -> list[Message]:
    return grow(
        [
            message("a.events/0#1", "a.commands/0@0", cause_count=5),
            message("b.commands/0@7", "a.events/0#0", timestamp=1_700_000_000_001),
            message("a.events/0#0", "a.commands/0@0", cause_count=5, fields=fields),
            message("a.commands/0@0", matches=True),
            message("b.commands/0@3", "a.events/0#9", timestamp=5),
        ]
    )


def test_a_forest_grows_in_order() -> None:
    assert [(lead, each.place) for lead, each in walk(forest())] == [
        ("", "b.commands/0@3"),
        ("", "a.commands/0@0"),
        ("├─ ", "a.events/0#0"),
        ("│  └─ ", "b.commands/0@7"),
        ("└─ ", "a.events/0#1"),
    ]


def test_as_lines() -> None:
    lines = list(text_lines(forest(text="tab\there")))
    assert lines == [
        "1970-01-01T00:00:00.005Z  b.commands/0@3  thing.v1  order=3  "
        "(from a.events/0#9, which is not here)",
        "2023-11-14T22:13:20.000Z  a.commands/0@0  *thing.v1  order=0  (+3 more)",
        "2023-11-14T22:13:20.000Z  a.events/0#0    ├─ thing.v1  order=0 text=tab\\there",
        "2023-11-14T22:13:20.001Z  b.commands/0@7  │  └─ thing.v1  order=7",
        "2023-11-14T22:13:20.000Z  a.events/0#1    └─ thing.v1  order=1",
    ]
    assert list(text_lines([])) == []


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({}, ""),
        ({"a": 1, "b": True, "c": None, "d": "x y"}, "a=1 b=true c=null d=x y"),
        ({"a": {"b": [1, 2]}}, 'a={"b":[1,2]}'),
        ({"a": "x" * 50}, f"a={'x' * 39}…"),
        ({f"f{n}": "x" * 30 for n in range(9)}, f"f0={'x' * 30} f1={'x' * 30} …"),
        ({"a": "\x1b[2J\n"}, "a=\\x1b[2J\\n"),
    ],
)
def test_fields_in_short(fields: dict[str, Any], text: str) -> None:
    assert fields_text(fields, 80) == text


NODE = re.compile(r'    (\w+)(?:\["([^"]*)"\]|\("([^"]*)"\))(:::sought)?')
EDGE = re.compile(r"    (\w+) (?:-->|==>|-\.->) (\w+)")


def test_as_mermaid() -> None:
    """Every line is a node or an edge of the grammar; ids are unique; edges join nodes."""
    drawn = mermaid(forest(text=EVIL))
    first, *lines, last = drawn.splitlines()
    assert (first, last) == ("flowchart TD", "    classDef sought stroke-width:3px")
    nodes = [match for line in lines if (match := NODE.fullmatch(line))]
    edges = [match.groups() for line in lines if (match := EDGE.fullmatch(line))]
    assert len(nodes) + len(edges) == len(lines)
    ids = [node[1] for node in nodes]
    assert len(ids) == len(set(ids)) == 5 + 1  # and what is not here
    assert {end for edge in edges for end in edge} <= set(ids)
    assert sorted(edges) == [("from0", "m0"), ("m1", "m2"), ("m1", "m4"), ("m2", "m3")]
    assert [node[1] for node in nodes if node[4]] == ["m1"]


def test_no_text_breaks_out_of_its_label() -> None:
    """What Mermaid would read as its own is written by its codes: `#34;` for a quote."""
    (root,) = grow([message("a.commands/0@0", fields={"text": EVIL}, type=EVIL)])
    label = next(line for line in mermaid([root]).splitlines() if "m0[" in line)
    inner = label.partition('["')[2].rpartition('"]')[0].replace("<br/>", "")
    assert not set(re.sub(r"#\d+;", "", inner)) & set('"#&<>`\\{}[]()|;%\n\x1b')
    decoded = re.sub(r"#(\d+);", lambda match: chr(int(match[1])), inner)
    assert decoded.startswith(EVIL.replace("\n", "\\n").replace("\x1b", "\\x1b"))


def test_a_deep_tree_can_be_encoded_and_drawn() -> None:
    """A hundred hops, command and event each: what a search stops at."""
    chain = [message("a.commands/0@0")]
    for number in range(1, 200):
        mark = "#" if number % 2 else "@"
        chain.append(message(f"a.x/0{mark}{number}", chain[-1].place, timestamp=number))
    roots = grow(chain)
    assert msgspec.json.encode(roots).count(b'"place"') == 200
    assert len(list(text_lines(roots))) == 200
    assert mermaid(roots).count("\n    m") >= 200
