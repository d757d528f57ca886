"""Uploads and storage as bars for a terminal: by query, what rich can print."""

from collections.abc import Callable, Sequence
from typing import Any

from rich.console import RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from projections.media.uploads.queries import PPM, Storage, UploadStatus

BAR_WIDTH = 24


def progress(rows: Sequence[UploadStatus]) -> RenderableType:
    """A line an upload: what it is, how far it is."""
    if not rows:
        return Text("no uploads")
    table = Table(box=None, header_style="dim")
    for header in ("upload", "file", "state", "progress"):
        table.add_column(header)
    table.add_column("bytes", justify="right")
    for row in rows:
        length = "?" if row.length is None else f"{row.length:,}"
        table.add_row(
            row.upload,
            row.filename,
            row.state,
            ProgressBar(total=PPM, completed=row.progress_ppm or 0, width=BAR_WIDTH),
            f"{row.offset:,} of {length}",
        )
    return table


def quotas(rows: Sequence[Storage]) -> RenderableType:
    """A line an owner: what it has taken of its quota."""
    if not rows:
        return Text("nobody has uploaded")
    table = Table(box=None, header_style="dim")
    table.add_column("owner")
    table.add_column("quota")
    for header in ("bytes taken", "files", "unfinished"):
        table.add_column(header, justify="right")
    for row in rows:
        table.add_row(
            row.owner,
            ProgressBar(total=max(row.quota_bytes, 1), completed=row.used_bytes, width=BAR_WIDTH),
            f"{row.used_bytes:,} of {row.quota_bytes:,}",
            f"{row.files:,}",
            f"{row.uploads:,}",
        )
    return table


RENDERINGS: dict[str, Callable[[Any], RenderableType]] = {
    "uploads": progress,
    "largest": quotas,
}
