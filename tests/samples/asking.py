"""A system that asks the outside one question each, and a wayward outside: what effects are tested
with.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from log.envelope import Command, Event
from processors.core.decider import Decider, whole_state
from processors.core.effect import Effect, Limits, Perform, Refused, Request
from processors.core.system import System


class Ask(Command, tag="ask.v1", kw_only=True):
    question: str


class Withdraw(Command, tag="withdraw.v1", kw_only=True):
    question: str


class RecordAnswer(Command, tag="record_answer.v1", kw_only=True):
    question: str
    answer: str


class RecordFailure(Command, tag="record_failure.v1", kw_only=True):
    question: str
    reason: str


class Asked(Event, tag="asked.v1", kw_only=True):
    question: str


class Withdrawn(Event, tag="withdrawn.v1", kw_only=True):
    question: str


class Answered(Event, tag="answered.v1", kw_only=True):
    question: str
    answer: str


class NotAnswered(Event, tag="not_answered.v1", kw_only=True):
    question: str
    reason: str


class Open(Command, tag="open.v1"):
    """The state: which questions wait for an answer."""

    questions: dict[str, bool]


def decide(state: Open, command: Command, at: int) -> list[Event]:
    match command:
        case Ask(question=question) if question not in state.questions:
            return [Asked(question=question)]
        case RecordAnswer(question=question, answer=answer) if state.questions.get(question):
            return [Answered(question=question, answer=answer)]
        case RecordFailure(question=question, reason=reason) if state.questions.get(question):
            return [NotAnswered(question=question, reason=reason)]
        case Withdraw(question=question) if state.questions.get(question):
            return [Withdrawn(question=question)]
    return []


def evolve(state: Open, event: Asked | Answered | NotAnswered | Withdrawn) -> Open:
    state.questions[event.question] = type(event) is Asked
    return state


def flow(seed: int, start_ms: int = 1) -> Iterator[tuple[int, Ask]]:
    number = 0
    while True:
        yield start_ms + number, Ask(question=f"{seed}-{number}")
        number += 1


@dataclass
class World:
    """What is outside: how it behaves to a question is told by the question's first word."""

    calls: list[tuple[str, str, int]] = field(default_factory=list)
    """(key, question, attempt), in order."""
    at_once_most: int = 0
    opened: int = 0
    is_down: bool = False
    _at_once: int = 0
    _failures: Counter[str] = field(default_factory=Counter)

    @asynccontextmanager
    async def open(self, settings: Mapping[str, str]) -> AsyncIterator[Perform]:
        self.opened += 1

        async def perform(request: Request) -> RecordAnswer:
            self._at_once += 1
            self.at_once_most = max(self.at_once_most, self._at_once)
            try:
                return await self._answer(request, settings["greeting"])
            finally:
                self._at_once -= 1

        try:
            yield perform
        finally:
            self.opened -= 1

    async def _answer(self, request: Request, greeting: str) -> RecordAnswer:
        question: str = request.event.question
        self.calls.append((request.key, question, request.attempt))
        await asyncio.sleep(0.001)
        if self.is_down:
            raise ConnectionError("nobody is there")
        match question.split():
            case ["slow", *_]:
                await asyncio.sleep(60.0)
            case ["never", *_]:
                raise Refused("not that")
            case ["twice", *_] if request.attempt < 3:
                raise OSError("the line is bad")
            case ["broken", *_]:
                raise OSError("the line is cut")
        return RecordAnswer(question=question, answer=f"{greeting}, {question}")


LIMITS = Limits(
    at_once=4, attempts=3, attempt_s=0.2, backoff_s=0.001, backoff_s_max=0.002, breaker_failures=50
)


def asking(world: World, limits: Limits = LIMITS) -> System:
    """The system, with that outside."""
    effect = Effect(
        name="ask",
        on=(Asked,),
        open=world.open,
        wanted=lambda state, event: bool(state.questions.get(event.question)),
        failed=lambda event, reason: RecordFailure(question=event.question, reason=reason),
        limits=limits,
        settings={"greeting": "yes"},
        script=lambda request: RecordAnswer(question=request.event.question, answer="yes"),
    )
    return System(
        name="samples.asking",
        decider=Decider(
            initial=lambda: Open({}), decide=decide, evolve=evolve, state_format=whole_state(Open)
        ),
        commands=(Ask, Withdraw, RecordAnswer, RecordFailure),
        events=(Asked, Answered, NotAnswered, Withdrawn),
        key=lambda command: str(command.question),
        partitions=2,
        flow=flow,
        effects=(effect,),
    )
