"""`refold new`: writes a small working system into the current folder, from `skeleton/`.

In the names of the skeleton's files FAMILY and SYSTEM stand for the new names; in the texts
`${family}` and `${system}` do.
"""

import importlib.resources
import importlib.util
import keyword
import re
from collections.abc import Iterator
from importlib.resources.abc import Traversable
from pathlib import Path, PurePosixPath
from string import Template
from typing import Annotated

import typer

from gateway.cli.context import JsonOption
from gateway.cli.outcome import CommandFailed
from gateway.cli.output import note, print_json
from gateway.config import FILE_NAME

app = typer.Typer(add_completion=False)

SUFFIX = ".template"
NAME = re.compile(r"[a-z][a-z0-9_]*")
SHARED = (FILE_NAME, "conftest.py", "FAMILY/__init__.py")
"""Kept as they are where they exist: several systems may stand in one folder."""


@app.command()
def new(
    name: Annotated[str, typer.Argument(metavar="FAMILY/SYSTEM", help="Such as `shop/orders`.")],
    as_json: JsonOption = False,
) -> None:
    """Write a small working system of your own, into the current folder.

    Commands, events, rules, read models, tests and a page; `refold.toml` names it. Nothing is
    overwritten.

    Example:

        refold new shop/orders
        pytest
        refold demo orders
    """
    family, system = parse_name(name)
    folder = Path.cwd()
    files = dict(skeleton_files(family, system))
    check_free(folder, family, files)
    written = []
    for path, content in files.items():
        target = folder / path
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
            written.append(path)
    if as_json:
        print_json({"system": f"{family}.{system}", "written": written})
    else:
        print(f"{family}.{system} is written:")
        for path in written:
            print(f"  {path}")
        print(
            f"\nTry:\n  pytest\n  refold systems {system}\n  refold demo {system}\n"
            f"and read on in docs/{family}/{system}.md"
        )
    if FILE_NAME not in written:
        note(f'{FILE_NAME} was there: see that its `systems` names "{family}.{system}"')


def parse_name(name: str) -> tuple[str, str]:
    """Family and system; CommandFailed where they cannot be a package's name."""
    family, _, system = name.replace("/", ".").partition(".")
    for part in (family, system):
        if not NAME.fullmatch(part) or keyword.iskeyword(part):
            raise CommandFailed(
                f"{name!r} is no name for a system: give FAMILY/SYSTEM, such as shop/orders, each "
                "of lower-case letters, digits and underscores, and no word of Python's own"
            )
    return family, system


def check_free(folder: Path, family: str, files: dict[str, bytes]) -> None:
    """CommandFailed where a file would be overwritten, or the family's name is taken."""
    shared = {path.replace("FAMILY", family) for path in SHARED}
    for path in files:
        if path not in shared and (folder / path).exists():
            raise CommandFailed(f"{folder / path} exists already: nothing was written")
    found = importlib.util.find_spec(family)
    places = found.submodule_search_locations or [found.origin or "Python"] if found else []
    foreign = [place for place in places if Path(place) != folder / family]
    if foreign:
        raise CommandFailed(
            f"the name {family!r} belongs to another package ({foreign[0]}): choose another family"
        )


def skeleton_files(family: str, system: str) -> Iterator[tuple[str, bytes]]:
    """The new system's files, as (path, content)."""
    root = importlib.resources.files("gateway.cli") / "skeleton"
    for path, source in _walk(root, PurePosixPath()):
        name = str(path).removesuffix(SUFFIX).replace("FAMILY", family).replace("SYSTEM", system)
        content = source.read_bytes()
        if path.suffix == SUFFIX:
            text = Template(content.decode())
            content = text.substitute(family=family, system=system).encode()
        yield name, content


def _walk(folder: Traversable, path: PurePosixPath) -> Iterator[tuple[PurePosixPath, Traversable]]:
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.is_dir():
            yield from _walk(entry, path / entry.name)
        else:
            yield path / entry.name, entry
