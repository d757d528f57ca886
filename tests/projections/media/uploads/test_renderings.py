"""Uploads and quotas as bars."""

from rich.console import Console

from projections.media.uploads.queries import Storage, UploadStatus
from projections.media.uploads.renderings import RENDERINGS


def drawn(query: str, rows: list[object]) -> str:
    console = Console(width=120, record=True, color_system=None)
    with console.capture() as captured:
        console.print(RENDERINGS[query](rows))
    return captured.get()


def status(name: str, offset: int, length: int | None) -> UploadStatus:
    progress = None if length is None else offset * 1_000_000 // length
    return UploadStatus(
        "ann",
        name,
        1,
        "receiving",
        offset,
        length,
        progress,
        f"{name}.jpg",
        "",
        False,
        0,
        0,
        "",
        "",
    )


def test_progress() -> None:
    lines = drawn("uploads", [status("cat", 5, 10), status("dog", 7, None)]).splitlines()
    assert "5 of 10" in lines[1]
    assert lines[1].count("━") > 10
    assert "7 of ?" in lines[2]
    assert "no uploads" in drawn("uploads", [])


def test_quotas() -> None:
    text = drawn("largest", [Storage("ann", 1500, 3000, 1500, 1, 2, 900)])
    assert "1,500 of 3,000" in text
    assert "nobody" in drawn("largest", [])
