"""The report: one page that parses without an error, holds what was found, and escapes it all."""

import re
from pathlib import Path

import html5lib
import pytest

from log.backends.memory import MemoryLog
from replay.what_if import WhatIf, plots, report
from replay.what_if.plots import STEPS_MS, Points, draw_lines, ticks
from replay.what_if.report import render_report, write_report
from tests.replay.what_if.sides_at_hand import ask, happen, history
from tests.samples.parking.commands import ParkCar

NASTY = '<script>alert("&")</script>'


def parsed(page: str) -> None:
    """Every error of the HTML standard fails."""
    html5lib.HTMLParser(strict=True).parse(page)


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> WhatIf:
    recorded = MemoryLog()
    park = ParkCar(spot=NASTY, car=NASTY, stay_ms=100_000)
    happen(recorded, *((1_700_000_000_000 + 1000 * at, park) for at in range(3)))
    history(recorded, 100)
    edits = [
        {"op": "remove", "offset": 0},
        {
            "op": "change",
            "where": {"type": "park_car.v1", "spot": "spot-0"},
            "set": {"car": "other"},
        },
    ]
    queries = ["taken", "stays spot-0 limit=100", f"who '{NASTY}'"]
    return ask(
        recorded, tmp_path_factory.mktemp("what-if"), edits=edits, queries=queries, max_changed=0
    )


def test_the_page_is_whole_and_escaped(found: WhatIf) -> None:
    page = render_report(found)
    parsed(page)
    assert NASTY not in page and "<script" not in page
    assert "&lt;script&gt;" in page
    assert "Beyond the budget" in page
    assert "stays spot-0 limit=100" in page
    assert "removed" in page
    assert not re.search(r'(src|href)="(?!#)', page)  # nothing from elsewhere


def test_plots_take_the_pages_colours_and_ids_of_their_own(found: WhatIf) -> None:
    page = render_report(found)
    assert page.count("<svg") >= 3
    assert "var(--before)" in page and "var(--after)" in page and "var(--ink)" in page
    assert not any(colour in page for colour in plots.COLOURS)
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    for used in re.findall(r"url\(#([^)]+)\)", page):
        assert used in ids


def test_without_matplotlib(found: WhatIf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "can_plot", lambda: False)
    page = render_report(found)
    parsed(page)
    assert "<svg" not in page
    assert "refold[replay]" in page


def test_it_is_written_whole_or_not_at_all(
    found: WhatIf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_report(found, tmp_path / "report.html")
    written = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert written == render_report(found)

    def fails(found: WhatIf) -> str:
        raise OSError("full")

    monkeypatch.setattr(report, "render_report", fails)
    with pytest.raises(OSError, match="full"):
        write_report(found, tmp_path / "report.html")
    assert (tmp_path / "report.html").read_text(encoding="utf-8") == written
    assert [path.name for path in tmp_path.glob("*report*")] == ["report.html"]


@pytest.mark.parametrize("length_ms", [0, 1, 999, 60_000, 3_600_000, 86_400_000, 10**11])
def test_ticks_are_few_and_round(length_ms: int) -> None:
    begin = 1_700_000_123_456
    moments, texts = ticks(begin, begin + length_ms)
    assert 1 <= len(moments) <= 5
    assert len(texts) == len(moments)
    assert all(begin <= at <= begin + length_ms for at in moments)
    assert len(moments) == 1 or (moments[1] - moments[0]) % STEPS_MS[0] == 0


def test_a_line_of_one_point_and_none() -> None:
    svg = draw_lines("q", "price <&>", Points([1_700_000_000_000], [5]), Points([], []))
    parsed(f"<!DOCTYPE html><title>x</title>{svg}")
    assert "price &lt;&amp;&gt;" in svg
