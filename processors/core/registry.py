"""The registry of systems: those that come with refold, and the user's own.

A system is a package that declares `SYSTEM` in its `__init__.py`. Ours stand under `processors`
(`markets.exchange` is `processors.markets.exchange`); a user's are named in `refold.toml`
(`systems = ["shop.orders"]`) or by an entry point of the group `refold.systems`. Its read models
are in `projections.<family>.<system>` for ours, in `<package>.projections` for a user's.
"""

import difflib
import importlib
import importlib.metadata
import importlib.util
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from types import ModuleType

from processors.core.system import System

BUILT_IN = (
    "processors.booking.hotels",
    "processors.booking.stays",
    "processors.markets.clearing",
    "processors.markets.exchange",
    "processors.media.photos",
    "processors.media.uploads",
    "processors.media.video",
    "processors.social.feed",
)
ENTRY_POINT_GROUP = "refold.systems"


class UnknownSystem(Exception):
    """No system of that name, or a module that does not declare one."""


@dataclass(frozen=True)
class Registered:
    """A system, and the package that it was found in."""

    system: System
    package: str

    def read_models_module(self) -> ModuleType | None:
        """The module of the system's projections; None where it has none."""
        family = "processors."
        if self.package.startswith(family):
            name = f"projections.{self.package.removeprefix(family)}"
        else:
            name = f"{self.package}.projections"
        if importlib.util.find_spec(name) is None:
            return None
        return importlib.import_module(name)


class Registry:
    """Systems by name, in a fixed order. Ours are imported when they are asked for: all of them
    take longer than most commands."""

    def __init__(self, packages: Iterable[str] = ()) -> None:
        self._packages: dict[str, str] = {}
        self._loaded: dict[str, Registered] = {}
        for package in BUILT_IN:
            self._packages[".".join(package.split(".")[-2:])] = package
        installed = importlib.metadata.entry_points(group=ENTRY_POINT_GROUP)
        for package in dict.fromkeys((*(point.value for point in installed), *packages)):
            if package in BUILT_IN:
                continue
            registered = load_system(package)
            name = registered.system.name
            if name in self._packages:
                raise UnknownSystem(
                    f"two packages declare the system {name}: {self._packages[name]} and {package}"
                )
            self._packages[name] = package
            self._loaded[name] = registered
        self._check_ways()

    def _load(self, name: str) -> Registered:
        if name not in self._loaded:
            self._loaded[name] = load_system(self._packages[name])
        return self._loaded[name]

    def _check_ways(self) -> None:
        """One system declares all reactors from one source to one target: an origin is dropped by
        a watermark, which two of them would raise for each other."""
        declared: dict[tuple[str, str], str] = {}
        for registered in self._loaded.values():
            owner = registered.system
            for reactor in owner.reactors:
                way = ((reactor.source or owner).name, (reactor.target or owner).name)
                if declared.setdefault(way, owner.name) != owner.name:
                    raise UnknownSystem(
                        f"{declared[way]} and {owner.name} both declare reactors from {way[0]} to "
                        f"{way[1]}: declare them in one system, or go by a system of their own"
                    )

    def __iter__(self) -> Iterator[Registered]:
        found = [self._load(name) for name in self._packages]
        self._check_ways()
        return iter(found)

    def find(self, name: str) -> Registered:
        """By full name (`markets.exchange`, `markets/exchange`) or its last part (`exchange`)."""
        asked = name.replace("/", ".")
        if asked in self._packages:
            return self._load(asked)
        short = [full for full in self._packages if full.rsplit(".", 1)[-1] == asked]
        if len(short) == 1:
            return self._load(short[0])
        if short:
            raise UnknownSystem(f"{name!r} could be {' or '.join(short)}: give the full name")
        known = {form: full for full in self._packages for form in (full, full.rsplit(".", 1)[-1])}
        near = difflib.get_close_matches(asked, known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(self._packages)}"
        raise UnknownSystem(f"there is no system {name!r}: {hint}")


def load_system(package: str) -> Registered:
    """Import a package that declares `SYSTEM`; UnknownSystem says what is wrong with it."""
    try:
        module = importlib.import_module(package)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{package}.".startswith(f"{error.name}."):
            raise  # the package is there, and one of its own imports is not
        raise UnknownSystem(
            f"cannot import the system {package!r}: there is no module {error.name!r} on the "
            "import path; check `systems` in refold.toml"
        ) from error
    system = getattr(module, "SYSTEM", None)
    if not isinstance(system, System):
        raise UnknownSystem(
            f"the package {package!r} declares no system: set SYSTEM = System(...) in its "
            "__init__.py"
        )
    if not f".{package}".endswith(f".{system.name}"):
        raise UnknownSystem(
            f"the package {package!r} declares the system {system.name!r}: the name must be the "
            "package's last two parts"
        )
    return Registered(system, package)
