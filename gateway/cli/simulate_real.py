"""`refold simulate SYSTEM --real`: chaos on real worker processes and a real broker.

Finds the system and those that reactors connect it with, hands them to `replay.simulator.real`,
and prints what came of it.
"""

import secrets
import shutil
import tempfile
from pathlib import Path

import typer

from gateway.cli.context import Context
from gateway.cli.outcome import CommandFailed, ExitCode
from gateway.cli.output import note, print_json, print_rows
from gateway.cli.progress import ProgressBar
from log.errors import InvalidConfig
from replay.simulator.profile import Profile
from replay.simulator.proxy import Address, parse_address
from replay.simulator.real import CHAOS, Place, RealOutcome, Steady, run_real


def simulate_real(
    context: Context,
    system: str,
    *,
    profile: Profile | None = None,
    seed: int = 1,
    minutes: float = 1.0,
    through: str | None = None,
    as_json: bool = False,
) -> None:
    """Run it and print it. typer.Exit(1) where something did not hold, or chaos was aborted.

    `through` is `LISTEN=TARGET`, both `host:port`: a proxy listens on the one, which a listener of
    the broker advertises, and leads to the other, where that listener is. Errors: CommandFailed.
    """
    config = context.config
    if config.log_folder is not None:
        raise CommandFailed(
            "--real is for a log on Kafka: name one with --log kafka://HOST:PORT/PREFIX; what a "
            "log in a folder withstands is simulated, without --real"
        )
    found = context.find(system)
    registered = [context.find(each.name) for each in found.system.connected]
    folder = Path(tempfile.gettempdir()) / f"refold-chaos-{secrets.token_hex(4)}"
    place = Place(
        url=config.log,
        location=config.kafka_location,
        folder=folder,
        group=config.group,
        through=parse_through(through),
    )
    with ProgressBar("chaos") as bar:
        outcome = run_real(
            registered,
            place,
            profile or CHAOS,
            seed=seed,
            duration_s=minutes * 60,
            tell=note,
            progress=bar.set,
        )
    if as_json:
        print_json(outcome)
    else:
        _print(outcome)
    if not outcome.is_good:
        note(f"what the processes said, and their read models, is in {folder}")
        raise typer.Exit(ExitCode.FOUND)
    shutil.rmtree(folder, ignore_errors=True)


def parse_through(text: str | None) -> tuple[Address, Address] | None:
    """Errors: CommandFailed."""
    if text is None:
        return None
    listen, found, target = text.partition("=")
    try:
        if not found:
            raise InvalidConfig(f"{text!r} names one address")
        return parse_address(listen), parse_address(target)
    except InvalidConfig as error:
        raise CommandFailed(
            f"--through {error}: it is LISTEN=TARGET, as 127.0.0.1:19092=127.0.0.1:29092"
        ) from error


def _print(outcome: RealOutcome) -> None:
    print_rows(
        [
            {"stretch": name, **(_row(steady) if steady is not None else {})}
            for name, steady in (
                ("before", outcome.before),
                ("faults", outcome.during),
                ("after", outcome.after),
            )
            if steady is not None
        ],
        as_json=False,
    )
    print()
    print_rows(
        [
            {
                "at_s": f"{hit.at_ms / 1000:.2f}",
                "fault": hit.kind,
                "target": hit.target,
                "lasts_s": f"{hit.lasts_ms / 1000:.2f}",
            }
            for hit in outcome.hits
        ],
        as_json=False,
        title="faults",
    )
    print()
    print(
        f"{outcome.commands:,} commands acknowledged, {outcome.events:,} events, "
        f"{len(outcome.hits)} faults, in {outcome.elapsed_s:.1f} s"
    )
    if outcome.aborted is not None:
        print(f"aborted: {outcome.aborted}")
    if outcome.violation is not None:
        print(f"VIOLATION: {outcome.violation}")
    if outcome.is_good:
        print(
            "every acknowledged command was decided once and in order; history decides to the "
            "same bytes; read models are what a rebuild makes"
        )


def _row(steady: Steady) -> dict[str, object]:
    return {
        "commands": steady.commands,
        "p50_latency": f"{steady.p50_ms:.1f} ms",
        "p99_latency": f"{steady.p99_ms:.1f} ms",
        "longest": f"{steady.longest_ms:.1f} ms",
    }
