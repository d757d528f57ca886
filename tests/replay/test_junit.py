"""The JUnit report: what a CI system reads from it."""

from xml.etree import ElementTree

from replay.junit import junit_of
from replay.verify import Difference, Side, Verification

SIDE = Side(timestamp=1, key="a", value="{}")
DIFFERENCE = Difference(
    command_offset=7, sequence=9, event_offset=9, fields=["x"], recorded=SIDE, decided=None
)


def verification(system: str, partition: int, compared: int, differs: bool) -> Verification:
    return Verification(
        system=system,
        partition=partition,
        rules_version=3,
        commands_compared=compared,
        difference=DIFFERENCE if differs else None,
    )


def test_suites_cases_failures() -> None:
    report = junit_of(
        [
            verification("a.one", 0, 10, False),
            verification("a.one", 1, 5, True),
            verification("b.two", 0, 0, False),
        ],
        lambda each: f"differs at <{each.partition}> \x00\x1b & more\nrecorded: {{}}",
    )
    assert report.startswith(b"<?xml version='1.0' encoding='utf-8'?>\n<testsuites ")
    root = ElementTree.fromstring(report)
    counts = ("tests", "failures", "skipped", "errors")
    assert [(suite.get("name"), *(suite.get(each) for each in counts)) for suite in root] == [
        ("a.one", "2", "1", "0", "0"),
        ("b.two", "1", "0", "1", "0"),
    ]
    assert [root.get(each) for each in counts] == ["3", "1", "1", "0"]
    whole, failed, skipped = root.iter("testcase")
    assert (whole.get("classname"), whole.get("name")) == ("a.one", "partition 0")
    properties = {each.get("name"): each.get("value") for each in whole.iter("property")}
    assert (properties["commands_compared"], properties["rules_version"]) == ("10", "3")
    assert [child.tag for child in whole] == ["properties"]
    failure = failed.find("failure")
    assert failure is not None
    assert failure.get("message") == "differs at <1> �� & more"
    assert failure.text == "differs at <1> �� & more\nrecorded: {}"
    assert [child.tag for child in skipped] == ["properties", "skipped"]


def test_of_nothing() -> None:
    assert ElementTree.fromstring(junit_of([], repr)).get("tests") is None
