"""Accounts by example: profiles with counters, who follows whom, requests, what is private."""

from processors.social.feed.commands import (
    ApproveFollow,
    Block,
    ChangeProfile,
    DeclineFollow,
    Follow,
    Mute,
    SetPrivate,
    Unblock,
    Unfollow,
    Unmute,
)
from tests.projections.social.feed.society import START_MS, Society

DAY_MS = 86_400_000


def names(society: Society, query: str, account: str, field: str, **named: object) -> list[str]:
    return [getattr(row, field) for row in society.ask(query, account, **named)]


def test_a_profile_with_its_counters(friends: Society) -> None:
    friends.post("ann", "one")
    friends.do(ChangeProfile(author="ann", name="Ann A.", bio="I post"))
    profile = friends.ask("profile", "ann")
    assert (profile.name, profile.bio, profile.private) == ("Ann A.", "I post", False)
    assert (profile.posts, profile.followers, profile.following) == (1, 2, 1)
    assert (profile.registered_at_ms, profile.active) == (START_MS, True)
    friends.do(Unfollow(author="ann", follower="cay"))
    assert friends.ask("profile", "ann").followers == 1
    assert friends.ask("profile", "cay").following == 1
    assert friends.ask("profile", "nobody") is None


def test_an_account_that_stays_away_is_shown_as_inactive(friends: Society) -> None:
    friends.now_ms += 31 * DAY_MS
    friends.settle()
    assert not friends.ask("profile", "ann").active
    friends.post("ann", "back")
    assert friends.ask("profile", "ann").active


def test_followers_and_following_by_name_page_by_page(friends: Society) -> None:
    assert names(friends, "followers", "ann", "follower") == ["bob", "cay"]
    assert names(friends, "followers", "ann", "follower", limit=1) == ["bob"]
    assert names(friends, "followers", "ann", "follower", after="bob") == ["cay"]
    assert names(friends, "following", "cay", "author") == ["ann", "bob"]
    assert names(friends, "following", "cay", "author", after="ann") == ["bob"]


def test_a_private_accounts_followers_are_for_its_followers(friends: Society) -> None:
    friends.register("dan")
    friends.do(SetPrivate(author="ann", private=True))
    assert names(friends, "followers", "ann", "follower", viewer="dan") == []
    assert names(friends, "following", "ann", "author") == []
    assert names(friends, "followers", "ann", "follower", viewer="bob") == ["bob", "cay"]
    assert friends.ask("profile", "ann", viewer="dan").followers == 2, "its counters are public"


def test_follow_requests_wait_for_an_answer(society: Society) -> None:
    society.register("ann", private=True)
    society.register("bob", "cay", "dan")
    society.follow("ann", "bob", "cay", "dan")
    assert names(society, "follow_requests", "ann", "follower") == ["bob", "cay", "dan"]
    society.do(
        ApproveFollow(author="ann", follower="bob"), DeclineFollow(author="ann", follower="cay")
    )
    assert names(society, "follow_requests", "ann", "follower") == ["dan"]
    assert names(society, "followers", "ann", "follower", viewer="ann") == ["bob"]


def test_whom_an_account_mutes_and_blocks(friends: Society) -> None:
    friends.do(Mute(author="cay", muted="ann"), Block(author="cay", blocked="bob"))
    rows = friends.ask("relations", "cay")
    assert [(row.other, row.mutes, row.blocks) for row in rows] == [
        ("ann", True, False),
        ("bob", False, True),
    ]
    assert friends.ask("profile", "cay", viewer="bob") is None
    assert friends.ask("profile", "bob", viewer="cay") is None
    friends.do(Unmute(author="cay", muted="ann"), Unblock(author="cay", blocked="bob"))
    assert friends.ask("relations", "cay") == []
    assert friends.ask("profile", "cay", viewer="bob").author == "cay"


def test_a_refused_follow_is_gone_from_both_sides(friends: Society) -> None:
    friends.do(Follow(author="ann", follower="nobody"))
    assert names(friends, "followers", "ann", "follower") == ["bob", "cay"]
    assert friends.ask("profile", "ann").followers == 2
