"""An endless life of a small social network, the same for the same seed.

people act ─► decided by the crowd itself ─► news of the reactor ─► decided too
    └──────────────► the flow ◄─────────────────────┘  (and not in `demo_flow`)
"""

from collections.abc import Iterator
from typing import Final

from log.envelope import Command
from processors.social.feed.acts import ACTS, LIMITS, OPENING, join
from processors.social.feed.commands import SetLimits
from processors.social.feed.crowd import Crowd

START_MS: Final = 1_767_250_800_000
"""2026-01-01 07:00 UTC."""
FOUNDERS: Final = 8


def flow(seed: int, start_ms: int = START_MS) -> Iterator[tuple[int, Command]]:
    """People's commands, and those that the reactor makes, a moment after what they are of."""
    for now, command, _ in _life(seed, start_ms):
        yield now, command


def demo_flow(seed: int, start_ms: int = START_MS) -> Iterator[tuple[int, Command]]:
    """People's commands alone: the reactor runs."""
    for now, command, is_news in _life(seed, start_ms):
        if not is_news:
            yield now, command


def _life(seed: int, start_ms: int) -> Iterator[tuple[int, Command, bool]]:
    """(time, command, whether the reactor made it)."""
    crowd = Crowd(seed, start_ms)
    draw = crowd.draw
    acts, weights = list(ACTS), list(ACTS.values())
    opening = iter((*(join,) * FOUNDERS, *OPENING))
    crowd.plan.append(SetLimits(limits=LIMITS))
    while True:
        for command in crowd.plan:
            next_ms = crowd.now + _pause_ms(crowd)
            while crowd.news and crowd.news[0][0] <= next_ms:
                due, brought = crowd.news.popleft()
                crowd.now = max(crowd.now, due)
                crowd.decide(brought)
                yield crowd.now, brought, True
            crowd.now = next_ms
            crowd.decide(command)
            yield crowd.now, command, False
        crowd.plan.clear()
        act = next(opening, None) or draw.choices(acts, weights)[0]
        crowd.plan.extend(act(crowd))


def _pause_ms(crowd: Crowd) -> int:
    """Until the next command: mostly a moment, so that news and acts cross."""
    draw = crowd.draw
    return draw.randrange(1_000) if draw.random() < 0.6 else int(draw.expovariate(1 / 40_000))
