"""What is otherwise in each hostile world, one thing at a time.

In the plain world all is fixed: hash seed, clock, random numbers. Every other world differs from
it in one thing alone, so that what differs in a world is known to come from that thing.
"""

import shutil
import subprocess
from collections.abc import Collection, Iterator
from pathlib import Path

import msgspec

HASH_SEEDS = 3
LOCALES = ("de_DE", "tr_TR", "hi_IN")
"""A comma in a number, letters with other capitals, digits in other groups."""
LOCALES_MAX = 3
LOCALEDEF_TIMEOUT_S = 60.0
PLAIN_LOCALES = ("C", "POSIX")


class World(msgspec.Struct, frozen=True, kw_only=True):
    """One world. The defaults are the plain one's."""

    name: str
    kind: str
    """The one thing that is otherwise."""
    environment: dict[str, str] = {}
    """Variables that the process starts with, beside those of this one."""
    clock_ns: int = 1_000_000_000 * 10**9
    """What the first look at a clock shows: nanoseconds since 1970."""
    clock_step_ns: int = 1_000_000
    """How much later it is at each further look."""
    random_seed: int = 1
    is_elsewhere: bool = False
    """Environment variables, host and process number are others, as the rules see them."""
    has_locale: bool = False
    """The locale of the environment is set, as a program with windows does."""
    has_other_folder: bool = False
    is_scattered: bool = False
    """Objects come to lie in memory in no order."""
    restarts: bool = False
    """The first half of history is folded and not decided, as after a restart."""


KINDS = (
    "nothing", "hash seed", "time zone", "locale", "clock", "random", "environment",
    "working folder", "memory", "restart",
)  # fmt: skip
"""`nothing` is otherwise where the plain run is run again."""
SEED = "PYTHONHASHSEED"
PLAIN = World(name="plain", kind="nothing", environment={SEED: "0"})


def other_worlds(folder: Path, kinds: Collection[str]) -> tuple[list[World], list[str]]:
    """Those of some kinds, but for the plain one; and what could not be made, each with the
    reason. Locales that this machine lacks are made in `folder`."""
    locales = list(_locales(folder)) if "locale" in kinds else []
    left_out = []
    if "locale" in kinds and not locales:
        left_out.append(
            "locale: this machine has none but C, and no localedef to make one "
            "(Debian: apt-get install locales)"
        )
    seeds = range(1, HASH_SEEDS + 1)
    worlds = [
        _world("again", "nothing"),
        *(_world(f"hash seed {seed}", "hash seed", {SEED: str(seed)}) for seed in seeds),
        _world("time zone +14:00", "time zone", {"TZ": "EAST-14"}),
        _world("time zone -09:30", "time zone", {"TZ": "WEST+9:30"}),
        *locales,
        _world("another clock", "clock", clock_ns=2_000_000_007 * 10**9, clock_step_ns=7 * 10**9),
        _world("other random numbers", "random", random_seed=2),
        _world("another environment", "environment", is_elsewhere=True),
        _world("another folder", "working folder", has_other_folder=True),
        _world("scattered memory", "memory", is_scattered=True),
        _world("a restart", "restart", restarts=True),
    ]
    return [world for world in worlds if world.kind in kinds], left_out


def _world(name: str, kind: str, environment: dict[str, str] | None = None, **other: int) -> World:
    variables = {**PLAIN.environment, **(environment or {})}
    return World(name=name, kind=kind, environment=variables, **other)  # type: ignore[arg-type]


def _locales(folder: Path) -> Iterator[World]:
    found = _installed()
    made = dict.fromkeys(found, "") or {name: str(folder) for name in _made(folder)}
    for name, path in list(made.items())[:LOCALES_MAX]:
        variables = {"LC_ALL": name, **({"LOCPATH": path} if path else {})}
        yield _world(f"locale {name}", "locale", variables, has_locale=True)


def _installed() -> list[str]:
    """The locales of the machine, those first that differ most."""
    program = shutil.which("locale")
    if program is None:
        return []
    told = subprocess.run([program, "-a"], capture_output=True, text=True, check=False)
    names = [
        name
        for name in told.stdout.split()
        if name.partition(".")[0] not in PLAIN_LOCALES
        and name.lower().endswith((".utf8", ".utf-8"))
    ]
    return sorted(names, key=lambda name: (name.partition(".")[0] not in LOCALES, name))


def _made(folder: Path) -> Iterator[str]:
    program = shutil.which("localedef")
    if program is None:
        return
    for name in LOCALES:
        made = folder / f"{name}.UTF-8"
        subprocess.run(
            [program, "--no-archive", "-i", name, "-f", "UTF-8", str(made)],
            capture_output=True,
            check=False,
            timeout=LOCALEDEF_TIMEOUT_S,
        )
        if made.is_dir():  # it also ends with 1 where it has but warnings
            yield made.name
