"""Push, pull and hybrid fan-out give the timelines that a naive oracle gives, however partitions
interleave and runs are cut; and what fan-out writes."""

from collections.abc import Iterator
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as some

from processors.social.feed.commands import Unfollow
from projections.social.feed import post_lists, timelines
from projections.social.feed.timelines import READERS, TIMELINES
from tests.projections.social.feed.histories import (
    KINDS,
    NAMES,
    Folded,
    History,
    Modes,
    Step,
    seeded,
)
from tests.projections.social.feed.society import Society

SHORT = 5
SEEDS = 150
ACCOUNT = some.integers(0, len(NAMES) - 1)
STEPS = some.lists(some.tuples(some.sampled_from(KINDS), ACCOUNT, ACCOUNT), max_size=60)
MODES: tuple[Modes, ...] = get_args(Modes)


@pytest.fixture(autouse=True, scope="module")
def small_lists() -> Iterator[None]:
    """Timelines and blocks of followers so short that a small feed fills them."""
    patch = pytest.MonkeyPatch()
    patch.setattr(post_lists, "LENGTH", SHORT)
    patch.setattr(timelines, "BLOCK", 2)
    yield
    patch.undo()


@given(STEPS, some.integers(0, 1_000), some.integers(1, 4))
def test_push_pull_and_hybrid_equal_the_oracle(
    steps: list[Step], seed: int, page_size: int
) -> None:
    for modes in MODES:
        history = History.of(steps, modes)
        folded = Folded(history, seed)
        for name in NAMES:
            expected = history.oracle(name, SHORT)
            assert folded.timeline(name) == expected, (modes, name)
            assert folded.timeline(name, page_size) == expected, (modes, name, page_size)


@given(STEPS, some.integers(0, 1_000), some.integers(0, 1_000))
def test_rows_do_not_depend_on_how_partitions_interleave(
    steps: list[Step], seed: int, other: int
) -> None:
    history = History.of(steps, "hybrid")
    assert Folded(history, seed).rows == Folded(history, other).rows


@pytest.mark.parametrize("modes", MODES)
def test_seeded_histories_equal_the_oracle(modes: Modes) -> None:
    for seed in range(SEEDS):
        history = History.of(seeded(seed, 20 + seed), modes)
        folded, other = Folded(history, seed), Folded(history, seed + 1)
        assert folded.rows == other.rows
        for name in NAMES:
            assert folded.timeline(name, 2) == history.oracle(name, SHORT), (seed, name)


def test_the_inactive_are_not_written_and_the_others_hold_ids_alone() -> None:
    history = History.of(seeded(8, 2_000), "push")
    held = {row.reader: row for row in Folded(history, 1).rows["timelines"]}
    assert history.away and held.keys() == set(NAMES) - history.away
    for name, row in held.items():
        own = set(history.lines[name])
        lines = row.posts.splitlines()
        assert len(lines) == row.length <= SHORT and own.isdisjoint(lines)


def test_hysteresis_of_the_real_rules_loses_and_doubles_nothing(society: Society) -> None:
    society.limit(pull_at_followers=4, push_below_followers=3)
    names = ("star", "reader", "x", "y", "z")
    society.register(*names)
    society.follow("star", "reader")
    posts: list[int] = []

    def check(is_pulled: bool) -> None:
        posts.append(society.post("star", str(len(posts))))
        assert society.is_pulled("star") is is_pulled
        found = [post.post_id for post in society.ask("home", "reader")]
        assert found == posts[::-1][:SHORT]

    check(False)
    society.follow("star", "x", "y")
    check(False)
    society.follow("star", "z")
    check(True)
    _unfollow(society, "z")
    check(True)
    _unfollow(society, "y")
    check(False)
    with society.memory.reading() as reader:
        pushed, sources = reader.get(TIMELINES, "reader"), reader.get(READERS, "reader")
    assert pushed is not None and pushed.length == SHORT
    assert sources is not None
    assert (sources.pushed_by, sources.pulled_from) == ("star", "")
    society.follow("star", "y")
    check(False)


def _unfollow(society: Society, follower: str) -> None:
    society.do(Unfollow(author="star", follower=follower))
