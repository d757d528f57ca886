"""Random commands, from nothing but their msgspec types: no rule may raise at any of them.

Each example decides a beginning of the system's flow, and then commands with fields drawn from
what the flow uses (so that names meet), from extremes, and at random.
"""

import enum
from collections import defaultdict
from collections.abc import Mapping
from itertools import islice
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import inspect

from log.envelope import Command
from log.record import Record
from processors.core.dead_letters import ERROR_HEADER
from processors.core.decider import decode_state, digest, encode_state
from processors.core.messages import Tick
from processors.core.testing.subject import (
    Subject,
    dead_letters,
    decide_all,
    digests,
    json_config,
    memory_log,
    no_failed_timers,
)

EXAMPLES = 150
SEED = 3
FLOW_COMMANDS = 250
RANDOM_COMMANDS = 15
STEPS_MS = (0, 1, 999, 60_000, 86_400_000, -1, -86_400_000)

INTEGERS = (0, 1, -1, 2**31 - 1, 2**31, 2**32, 2**53, 2**63 - 1, 2**63, -(2**63), 2**64, 10**30)
TEXTS = ("", " ", "\x00", "'\"\\", "é", "e\u0301", "\u202e", "💥", "0", "-1", "null", "x" * 300)

Seen = Mapping[str, list[Any]]
"""Values that the flow has, by the name of their field."""


def check_random_commands(subject: Subject) -> None:
    """Whatever the commands' fields hold: nothing raises, the invariant holds, and the state can
    be written down and read again."""
    system = subject.system
    beginning = list(islice(system.flow(SEED), FLOW_COMMANDS))
    seen = _seen_in([command for _, command in beginning])
    kinds: tuple[type[Any], ...] = (*system.commands, Tick)
    commands = st.one_of(*(command_strategy(kind, seen) for kind in kinds))

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(
        st.integers(0, FLOW_COMMANDS),
        st.lists(st.tuples(st.sampled_from(STEPS_MS), commands), max_size=RANDOM_COMMANDS),
    )
    def decide(prefix: int, drawn: list[tuple[int, Command]]) -> None:
        timed = beginning[:prefix]
        now = timed[-1][0] if timed else beginning[0][0]
        for step_ms, command in drawn:
            now += step_ms
            timed.append((now, command))
        _check_history(subject, timed)

    decide()


def _check_history(subject: Subject, commands: list[tuple[int, Command]]) -> None:
    system = subject.system
    encode = system.command_codec(json_config(system)).encode
    log = memory_log(system)
    for timestamp, command in commands:
        key, partitions = (
            (None, (timestamp % system.partitions,))
            if type(command) is Tick
            else system.placed(command, system.partitions)
        )
        record = Record(encode(command), key, timestamp)
        for partition in partitions:
            log.partition(system.commands_topic, partition).append([record])
    with no_failed_timers():
        folds = decide_all(log, system)
    for number, fold in enumerate(folds):
        for letter in dead_letters(log, system, number):
            error = dict(letter.headers)[ERROR_HEADER] or b""
            assert any(expected in error.decode() for expected in subject.expected_errors), (
                f"a command raised {error.decode()}: {letter.value!r}"
            )
        if system.invariant is not None:
            system.invariant(fold.state)
        state_format = system.decider.state_format
        again = decode_state(state_format, encode_state(state_format, fold.state))
        assert digest(state_format, again) == digest(state_format, fold.state)
    assert digests(system, decide_all(log, system)) == digests(system, folds)


def command_strategy(kind: type[Any], seen: Seen) -> st.SearchStrategy[Any]:
    """Commands of one type. The envelope is left out: origins are the core's business."""
    described = inspect.type_info(kind)
    assert isinstance(described, inspect.StructType)
    own = [field for field in described.fields if field.name not in Command.__struct_fields__]
    fields = {field.name: _field_strategy(field.name, field.type, seen) for field in own}
    return st.builds(kind, **fields)


def _field_strategy(name: str, described: inspect.Type, seen: Seen) -> st.SearchStrategy[Any]:
    drawn = type_strategy(described, seen)
    known = [value for value in seen.get(name, ()) if _fits(value, described)]
    return st.sampled_from(known) | drawn if known else drawn


def _fits(value: Any, described: inspect.Type) -> bool:
    """Whether a value of another command's field of this name would decode in this one."""
    if not isinstance(described, inspect.IntType):
        return True
    return isinstance(value, int) and (
        (described.gt is None or value > described.gt)
        and (described.ge is None or value >= described.ge)
        and (described.lt is None or value < described.lt)
        and (described.le is None or value <= described.le)
    )


def type_strategy(described: inspect.Type, seen: Seen) -> st.SearchStrategy[Any]:
    """Values of a type, as msgspec describes it, within its constraints.

    Errors: NotImplementedError for a type that commands had no use for yet.
    """
    match described:
        case inspect.NoneType():
            return st.none()
        case inspect.BoolType():
            return st.booleans()
        case inspect.IntType():
            return _integers(described)
        case inspect.StrType(pattern=str(pattern)):
            return st.from_regex(pattern)
        case inspect.StrType():
            return _texts(described)
        case inspect.BytesType():
            return st.binary(max_size=20)
        case inspect.EnumType(cls=kind):
            members: list[enum.Enum] = list(kind)
            return st.sampled_from(members)
        case inspect.LiteralType(values=values):
            return st.sampled_from(values)
        case inspect.UnionType(types=types):
            return st.one_of(*(type_strategy(one, seen) for one in types))
        case inspect.ListType(item_type=item) | inspect.CollectionType(item_type=item):
            return st.lists(type_strategy(item, seen), max_size=4)
        case inspect.VarTupleType(item_type=item):
            return st.lists(type_strategy(item, seen), max_size=4).map(tuple)
        case inspect.TupleType(item_types=items):
            return st.tuples(*(type_strategy(one, seen) for one in items))
        case inspect.DictType(key_type=key, value_type=value):
            pairs = type_strategy(key, seen), type_strategy(value, seen)
            return st.dictionaries(*pairs, max_size=4)
        case inspect.StructType(cls=kind, fields=fields):
            return st.builds(
                kind,
                **{field.name: _field_strategy(field.name, field.type, seen) for field in fields},
            )
        case inspect.Metadata(type=inner):
            return type_strategy(inner, seen)
    raise NotImplementedError(f"no strategy for a command's field of type {described}")


def _integers(described: inspect.IntType) -> st.SearchStrategy[int]:
    least = described.ge if described.ge is not None else _above(described.gt, 1)
    most = described.le if described.le is not None else _above(described.lt, -1)
    drawn = st.integers(least, most)
    inside = [
        number
        for number in INTEGERS
        if (least is None or number >= least) and (most is None or number <= most)
    ]
    return st.sampled_from(inside) | drawn if inside else drawn


def _texts(described: inspect.StrType) -> st.SearchStrategy[str]:
    least, most = described.min_length or 0, described.max_length
    drawn = st.text(min_size=least, max_size=20 if most is None else min(most, 20))
    inside = [text for text in TEXTS if least <= len(text) and (most is None or len(text) <= most)]
    return st.sampled_from(inside) | drawn if inside else drawn


def _above(bound: int | float | None, step: int) -> int | None:
    return None if bound is None else int(bound) + step


def _seen_in(commands: list[Command]) -> Seen:
    seen: dict[str, list[Any]] = defaultdict(list)
    for command in commands:
        for name in command.__struct_fields__:
            value = getattr(command, name)
            if value not in seen[name]:
                seen[name].append(value)
    return seen
