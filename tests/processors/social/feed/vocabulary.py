"""Short ways to say what the tests of the feed need: accounts, posts, codes of rejections."""

from typing import Any

from processors.social.feed import SYSTEM
from processors.social.feed.commands import Follow, Limits, RegisterAccount, WritePost
from processors.social.feed.events import LimitsSet, Posted, Rejected
from processors.social.feed.state import Feed
from processors.social.feed.terms import PostKind
from tests.given_when_then import Scenario, given

NOON = 1_767_268_800_000
"""2026-01-01 12:00 UTC, in ms."""


def feed(*names: str, at: int = NOON, private: str = "", **limits: int) -> Scenario[Feed]:
    """A feed with these accounts, one of them private, and with these limits in place of the usual
    ones."""
    scenario = given(SYSTEM.decider, LimitsSet(limits=Limits(**limits)))
    for name in names:
        scenario.when(RegisterAccount(author=name, private=name == private), at)
    return scenario


def posted(scenario: Scenario[Feed], author: str, text: str = "hello", at: int = NOON) -> int:
    """The id of a new post."""
    return id_of(scenario.when(WritePost(author=author, text=text), at))


def id_of(events: list[Any]) -> int:
    """Of the one post among some events."""
    ids = [event.post_id for event in events if isinstance(event, Posted)]
    assert len(ids) == 1, events
    return int(ids[0])


def follow(scenario: Scenario[Feed], author: str, *followers: str, at: int = NOON) -> None:
    for follower in followers:
        scenario.when(Follow(author=author, follower=follower), at)


def code_of(events: list[Any]) -> str:
    """`code field` of the one rejection that a command led to."""
    assert len(events) == 1, events
    rejection = events[0]
    assert isinstance(rejection, Rejected), rejection
    assert rejection.reason, "a rejection says why, in words"
    return f"{rejection.code.value} {rejection.field}"


def answering(kind: PostKind, author: str, parent_author: str, parent_id: int) -> WritePost:
    """A reply, a repost or a quote."""
    text = "" if kind is PostKind.REPOST else "indeed"
    return WritePost(
        author=author, kind=kind, text=text, parent_author=parent_author, parent_id=parent_id
    )
