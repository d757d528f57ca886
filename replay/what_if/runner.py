"""Decides the commands of one side by one set of rules: the script of that side's process.

It is run by its path (`python -P runner.py JOB`) in the environment of the rules, which may be of
another revision with another core. So it uses only what every revision has: `FileLog`, `Task` and
a package's `SYSTEM`. The job is a JSON file; the events go to the side's own log, each partition's
last state to `<states>/<partition>.jsonl`, and to stdout go lines of JSON: how far it is, and at
the end a `Decided` or what went wrong. No clock runs: no ticks are appended.
"""

import importlib
import json
import logging
import sys
import time
import traceback
from pathlib import Path
from typing import Any

import msgspec

TELL_EVERY_S = 0.2


def main(job_path: str) -> int:
    """0, or 1 where the last line on stdout is an error."""
    job = json.loads(Path(job_path).read_text())
    sys.path[:0] = job["import_path"]
    sys.path.append(job["core_path"])  # last: a revision, or its environment, may have its own
    logging.disable(logging.WARNING)  # dead letters are counted
    try:
        _tell(_decide(job))
    except Exception as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{place.filename}, line {place.lineno}"
        _tell({"error": f"{type(error).__name__}: {error} ({where})"})
        return 1
    return 0


def _decide(job: dict[str, Any]) -> dict[str, Any]:
    started_s = time.monotonic()
    module = importlib.import_module(job["package"])
    system = getattr(module, "SYSTEM", None)
    found = getattr(system, "name", None)
    if system is None or found != job["system"]:
        other = "no SYSTEM" if system is None else f"the system {found!r}"
        raise ValueError(f"{job['package']} declares {other}, and not {job['system']!r}")
    log_module = importlib.import_module("log.backends.file")
    task_module = importlib.import_module("processors.core.task")
    with log_module.FileLog(job["log"]) as log:
        task_of = task_module.Task
        opened = [(number, _open(task_of, log, system, number, job)) for number in job["numbers"]]
        total = sum(task.commands.high_watermark - task.next_command for _, task in opened)
        done, told_s = 0, 0.0
        for number, task in opened:
            while decided := task.step():
                done += decided
                if time.monotonic() - told_s > TELL_EVERY_S:
                    told_s = time.monotonic()
                    _tell({"done": done, "total": total})
            write_state(system, task.fold.state, Path(job["states"]) / f"{number}.jsonl")
            task.close()
    return {
        "rules_version": system.rules_version,
        "elapsed_s": time.monotonic() - started_s,
    }


def _open(task_of: Any, log: Any, system: Any, number: int, job: dict[str, Any]) -> Any:
    if not job["snapshots"]:
        return task_of(log, system, number)
    snapshots = importlib.import_module("processors.core.snapshots")
    where = job["snapshots"] if "://" in job["snapshots"] else Path(job["snapshots"])
    kept = snapshots.open_snapshots(where, system, number, scope=job["scope"])
    return task_of(log, system, number, kept)


def write_state(system: Any, state: Any, path: Path) -> None:
    """A state's rows, one a line, as JSON that is the same for equal states: a row's tag (empty
    where it has none), and its fields with their names, also where a state is kept without."""
    with path.open("wb") as file:
        for row in system.decider.state_format.to_rows(state):
            tag = str(row.__struct_config__.tag or "") if isinstance(row, msgspec.Struct) else ""
            file.write(msgspec.json.encode((tag, _named(row, is_row=True))) + b"\n")


def _named(value: Any, is_row: bool = False) -> Any:
    if isinstance(value, msgspec.Struct):
        config = value.__struct_config__
        kept = None if config.array_like else msgspec.to_builtins(value)
        named = {config.tag_field or "type": config.tag} if config.tag and not is_row else {}
        names = zip(value.__struct_encode_fields__, value.__struct_fields__, strict=True)
        for name, field in names:
            if kept is None or name in kept:  # else it is left out, as it is the default
                named[name] = _named(getattr(value, field))
        return named
    if isinstance(value, dict):
        return {key: _named(value[key]) for key in sorted(value, key=msgspec.json.encode)}
    if isinstance(value, list | tuple):
        return [_named(each) for each in value]
    if isinstance(value, set | frozenset):
        return sorted(map(_named, value), key=msgspec.json.encode)
    return value


def _tell(told: dict[str, Any]) -> None:
    print(json.dumps(told), flush=True)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1]))
