"""The feed on real data: the interactions of the Higgs data set, counted exactly, and the
friendships of ego-Facebook as the follow graph, with every timeline as a naive oracle has it."""

from collections import defaultdict
from collections.abc import Iterator

import pytest

from log.envelope import Command
from processors.core.workers.running import quiet_collector
from processors.social.feed.commands import (
    Follow,
    Limits,
    RegisterAccount,
    SetLimits,
    WritePost,
)
from projections.core.store import Reader
from projections.social.feed import post_lists
from projections.social.feed.accounts import ACCOUNTS, FEED_ACCOUNTS
from projections.social.feed.home import sources
from projections.social.feed.interactions import FEED_INTERACTIONS, INTERACTIONS
from projections.social.feed.post_lists import line_of, merged
from projections.social.feed.timelines import AUTHORS, FOLLOWERS, HOME_TIMELINES
from tests.projections.social.feed.higgs import HiggsImporter, lines_of, network
from tests.projections.social.feed.replaying import REAL_DATA, in_memory, replay

START_MS = 1_341_100_800_000
DAY_MS = 86_400_000
NETWORKS = {"repost": "retweet", "mention": "mention", "reply": "reply"}
"""Our kinds of interaction, by the names of the published files."""
PULL_AT, PUSH_BELOW = 200, 150

pytestmark = pytest.mark.skipif(not REAL_DATA.exists(), reason=f"{REAL_DATA} is not here")
Friends = dict[str, set[str]]


@pytest.fixture(autouse=True)
def collector() -> Iterator[None]:
    """Millions of objects that stay are not looked through again and again."""
    with quiet_collector():
        yield


def test_the_three_networks_of_563_069_interactions_are_exact() -> None:
    lines = lines_of(REAL_DATA / "higgs-activity_time.txt.gz")
    assert len(lines) == 563_069
    store = in_memory(replay(HiggsImporter().commands(lines)), FEED_INTERACTIONS)
    found: dict[str, dict[tuple[str, str], int]] = defaultdict(dict)
    with store.reading() as reader:
        for row in reader.rows(INTERACTIONS):
            found[row.kind][row.who, row.whom] = row.weight
    assert found.keys() == NETWORKS.keys()
    for kind, name in NETWORKS.items():
        assert found[kind] == network(REAL_DATA / f"higgs-{name}_network.edgelist.gz"), kind
    assert sum(sum(edges.values()) for edges in found.values()) == 563_069


def friendships() -> list[tuple[str, str]]:
    lines = (REAL_DATA / "facebook_combined.txt").read_text().splitlines()
    return [(one, other) for one, other in map(str.split, lines)]


def commands_of(friends: Friends) -> Iterator[tuple[int, Command]]:
    """Friends follow each other; then everyone posts twice, in another order each time."""
    limits = Limits(
        follows_per_day_max=10_000, pull_at_followers=PULL_AT, push_below_followers=PUSH_BELOW
    )
    yield START_MS, SetLimits(limits=limits)
    for name in friends:
        yield START_MS, RegisterAccount(author=name)
    for author, others in friends.items():
        for follower in sorted(others):
            yield START_MS + 1, Follow(author=author, follower=follower)
    for turn in (1, 2):
        for number, name in enumerate(sorted(friends, reverse=turn == 2)):
            yield START_MS + turn * DAY_MS + number, WritePost(author=name, text=f"post {turn}")


def oracle(friends: Friends, name: str) -> list[str]:
    """The newest posts of an account's friends and its own, oldest first."""
    posted = [sorted(friends), sorted(friends, reverse=True)]
    places = [{one: at for at, one in enumerate(names)} for names in posted]
    return [
        line_of(START_MS + turn * DAY_MS + place[one], one)
        for turn, place in enumerate(places, 1)
        for one in sorted(friends[name] | {name}, key=place.__getitem__)
    ][-post_lists.LENGTH :]


def test_88_234_friendships_are_the_follow_graph() -> None:
    edges = friendships()
    assert len(edges) == 88_234
    friends: Friends = defaultdict(set)
    for one, other in edges:
        friends[one].add(other)
        friends[other].add(one)
    store = in_memory(replay(commands_of(friends)), HOME_TIMELINES, FEED_ACCOUNTS)
    with store.reading() as reader:
        follows: Friends = defaultdict(set)
        for row in reader.rows(FOLLOWERS):
            follows[row.author].add(row.follower)
        assert follows == friends
        assert _triangles(follows) == 1_612_010
        _check_counters(reader, friends)
        pulled = {row.author for row in reader.rows(AUTHORS) if row.pushed is not None}
        assert pulled == {name for name in friends if len(friends[name]) >= PULL_AT}
        for name in list(friends)[::10]:
            assert merged(sources(reader, name), post_lists.LENGTH) == oracle(friends, name)


def _check_counters(reader: Reader, friends: Friends) -> None:
    accounts = list(reader.rows(ACCOUNTS))
    assert len(accounts) == 4_039
    assert max(account.followers for account in accounts) == 1_045
    for account in accounts:
        degree = len(friends[account.author])
        assert (account.followers, account.following, account.posts) == (degree, degree, 2)


def _triangles(friends: Friends) -> int:
    pairs = ((one, other) for one, others in friends.items() for other in others if one < other)
    return sum(len(friends[one] & friends[other]) for one, other in pairs) // 3
