"""What goes wrong, how often and for how long: a profile, built in or from a TOML file.

The same profile serves the simulator (virtual milliseconds, one process) and chaos on real worker
processes (`--real`); a kind of fault that a mode cannot make is refused by name.

    name = "rough"

    [[faults]]
    kind = "kill"              # a worker, kill -9
    every_ms = [500, 4000]     # a random while between two
    lasts_ms = [100, 1000]     # until it is started again

    [[faults]]
    kind = "lost_ack"          # written, but nobody is told
    per_million = 20000        # of the operations that it can happen to
"""

import tomllib
from pathlib import Path

import msgspec

from log.errors import InvalidConfig


class Fault(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One kind of fault: now and then (`every_ms`), or at some operations (`per_million`)."""

    kind: str
    every_ms: tuple[int, int] | None = None
    """At least and at most so long between two."""
    lasts_ms: tuple[int, int] = (0, 0)
    per_million: int = 0
    delay_ms: tuple[int, int] = (20, 200)
    """By how much a `network_delay` delays; chaos on real processes only."""


class Hypothesis(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The steady state, which holds before the faults, and again within `settles_ms` after."""

    lag_max: int = 0
    """Commands that wait, in all."""
    settles_ms: int = 120_000
    p99_ms: int = 0
    """From a command's append to its events, for 99 in 100; 0: however long. On real workers."""


class BlastRadius(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much may be hit at a time."""

    workers_at_once: int = 1


class Abort(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When to stop injecting faults early; 0: never."""

    lag_above: int = 0
    latency_above_ms: int = 0


class Profile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A named set of faults, and the deployment that they are aimed at."""

    name: str
    workers: int = 2
    producers: int = 2
    commands: int = 200
    """How many are appended while faults are injected, in all."""
    faults: tuple[Fault, ...] = ()
    hypothesis: Hypothesis = Hypothesis()
    blast_radius: BlastRadius = BlastRadius()
    abort: Abort = Abort()

    def of(self, kind: str) -> Fault | None:
        """The fault of a kind, where the profile has it."""
        return next((fault for fault in self.faults if fault.kind == kind), None)

    def check_kinds(self, known: frozenset[str], mode: str) -> None:
        """InvalidConfig for a kind that `mode` cannot make."""
        for fault in self.faults:
            if fault.kind not in known:
                raise InvalidConfig(
                    f"profile {self.name!r}: {mode} cannot make the fault {fault.kind!r}: there "
                    f"are {', '.join(sorted(known))}"
                )


def load_profile(path: Path) -> Profile:
    """Errors: InvalidConfig, with the file and the field."""
    try:
        found = msgspec.convert(tomllib.loads(path.read_text()), Profile)
    except (OSError, tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise InvalidConfig(f"{path} is no profile: {error}") from error
    for fault in found.faults:
        if fault.every_ms is None and not fault.per_million:
            raise InvalidConfig(
                f"{path}: the fault {fault.kind!r} never happens: give it every_ms = [least, "
                "most] or per_million"
            )
        for name in ("every_ms", "lasts_ms", "delay_ms"):
            least, most = getattr(fault, name) or (0, 0)
            if not 0 <= least <= most:
                raise InvalidConfig(f"{path}: {fault.kind}: {name} = [{least}, {most}]")
    return found
