"""The rules of uploads: `initial`, `decide`, `evolve`, `next_due`.

decide ── command ─┬─► uploading.py, assembling.py    of an owner's uploads
       │           └─► ledger.py                      of blobs, by digest
       └── tick ───────► the earliest timer: expiry, forgetting, or a sweep
evolve ── event ──────► facts.py
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

from log.envelope import Event
from processors.core.decider import Decider, StateFormat
from processors.core.messages import Tick
from processors.media.uploads import assembling, commands, ledger, uploading
from processors.media.uploads.facts import FACTS
from processors.media.uploads.state import Row, Uploads, from_rows, to_rows
from processors.media.uploads.state_parts import PARTS

RULES: Final[dict[type[Any], Callable[[Uploads, Any, int], Sequence[Event]]]] = {
    commands.SetPolicy: ledger.set_policy,
    commands.SetQuota: uploading.set_quota,
    commands.CreateUpload: uploading.create,
    commands.AppendChunk: uploading.append,
    commands.TerminateUpload: uploading.terminate,
    commands.RetryAssembly: uploading.retry_assembly,
    commands.NoteHold: uploading.note_hold,
    commands.RecordAssembled: assembling.assembled,
    commands.RecordAssemblyFailed: assembling.assembly_failed,
    commands.HoldBlob: ledger.hold,
    commands.ReleaseBlob: ledger.release,
    commands.ReportBlob: ledger.report,
    commands.RecordStamps: ledger.stamps_told,
    commands.RecordSwept: ledger.swept,
    commands.RecordSweepFailed: ledger.sweep_failed,
    commands.SurveyStore: ledger.survey,
    commands.RecordSurvey: ledger.surveyed,
    commands.RecordSurveyFailed: ledger.survey_failed,
}


def next_due(state: Uploads) -> int | None:
    return state.timers[0].due_ms if state.timers else None


def decide(state: Uploads, command: Any, at: int) -> Sequence[Event]:
    if type(command) is Tick:
        return _tick(state, at)
    return RULES[type(command)](state, command, at)


def _tick(state: Uploads, at: int) -> Sequence[Event]:
    """One timer a tick: the core asks again while one is due."""
    if not state.timers or state.timers[0].due_ms > at:
        return []
    timer = state.timers[0]
    if not timer.owner:
        return [ledger.timer_of(state, timer.name)]
    upload = state.owners[timer.owner].uploads[timer.name]
    return [uploading.timer_of(state, upload, at)]


def evolve(state: Uploads, event: Event) -> Uploads:
    fact = FACTS.get(type(event))
    if fact is not None:
        fact(state, event)
    return state


DECIDER: Final[Decider[Uploads]] = Decider(
    initial=Uploads,
    decide=decide,
    evolve=evolve,
    state_format=StateFormat(row_type=Row, to_rows=to_rows, from_rows=from_rows, parts=PARTS),
    next_due=next_due,
)
