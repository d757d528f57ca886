"""Golden histories: a system's commands, and the events that its rules made of them, kept as text.

`commands.jsonl` and `events.jsonl` in one folder, a record a line, values as they are on the log.
A change of the rules shows as a change of these files, for a reviewer to read. Their form is
`processors/core/golden.py`'s; `refold golden` records and checks others, from a log.

    python -m processors.core.testing golden PACKAGE FOLDER

records them again from the system's flow.
"""

from collections.abc import Iterator

from processors.core.golden import (
    COMMANDS_NAME,
    EVENTS_NAME,
    Placed,
    decided_lines,
    encode_line,
    read_commands,
    write_lines,
)
from processors.core.testing.subject import Subject, flow_records

SEED = 1
COMMANDS = 200


def check_golden_history(subject: Subject) -> None:
    """Deciding the golden commands again gives the golden events, to the byte."""
    again = f"python -m processors.core.testing golden {subject.package} {subject.golden}"
    path = subject.golden / EVENTS_NAME
    assert path.exists(), f"there is no golden history yet: record it with\n{again}"
    found = list(decided_lines(subject.system, golden_commands(subject)))
    expected = path.read_bytes().splitlines()
    for number, (one, other) in enumerate(zip(found, expected, strict=False), 1):
        assert one == other, (
            f"{path}:{number}: the rules decide differently\n"
            f"  golden {other.decode()}\n  now    {one.decode()}\n"
            f"If they are meant to, raise the system's rules_version and record it again:\n{again}"
        )
    assert len(found) == len(expected), f"{path}: now {len(found)} events, not {len(expected)}"


def record_golden_history(subject: Subject) -> None:
    """Write the folder from the system's flow."""
    subject.golden.mkdir(parents=True, exist_ok=True)
    flow = flow_records(subject.system, SEED, COMMANDS)
    commands = (encode_line(partition, r.timestamp or 0, r.key, r.value) for partition, r in flow)
    write_lines(subject.golden / COMMANDS_NAME, commands)
    events = decided_lines(subject.system, golden_commands(subject))
    write_lines(subject.golden / EVENTS_NAME, events)


def golden_commands(subject: Subject) -> Iterator[Placed]:
    """The golden commands, as (partition, record)."""
    return read_commands(subject.golden)
