"""Any two states compared: of two places, two partitions or two logs.

States come in as `state_at` gives them; the fields that differ go out, each by its path.
"""

from typing import Any

import msgspec

from processors.core.system import System
from replay.differences import FieldDifference, compare_rows
from replay.row_names import written_rows
from replay.state import StateAt


class StatePlace(msgspec.Struct, frozen=True, kw_only=True):
    """A state by its place, without its rows; see `StateAt`."""

    partition: int
    command_offset: int
    next_sequence: int
    at: int
    rules_version: int
    digest: str


class StateDifference(msgspec.Struct, frozen=True, kw_only=True):
    """Two states, and the fields in which they differ."""

    system: str
    left: StatePlace
    right: StatePlace
    fields: list[FieldDifference]
    """Of the state alone: what the places say of themselves may differ where nothing else does."""

    @property
    def is_same(self) -> bool:
        return not self.fields


def diff_states(system: System, left: StateAt, right: StateAt) -> StateDifference:
    """Two states of a system, field by field, with the names that today's rules have for them.

    Errors: msgspec.ValidationError where rows do not fit the system's states.
    """
    row_type: Any = system.decider.state_format.row_type
    fields: list[FieldDifference] = []
    if left.digest != right.digest:
        sides = ([msgspec.convert(row, row_type) for row in each.rows] for each in (left, right))
        fields = compare_rows(*(written_rows(row_type, rows) for rows in sides))
    return StateDifference(
        system=system.name, left=_place(left), right=_place(right), fields=fields
    )


def _place(state: StateAt) -> StatePlace:
    return StatePlace(**{name: getattr(state, name) for name in StatePlace.__struct_fields__})
