"""Timelines and threads as a terminal shows them."""

from typing import Any

import pytest
from rich.console import Console

from processors.social.feed.commands import EditPost
from processors.social.feed.events import PostKind
from projections.social.feed.renderings import RENDERINGS
from tests.projections.social.feed.society import MODELS, Society


def printed(name: str, answer: Any) -> str:
    console = Console(width=70, no_color=True)
    with console.capture() as capture:
        console.print(RENDERINGS[name](answer))
    return "\n".join(line.rstrip() for line in capture.get().splitlines())


def test_a_timeline(friends: Society) -> None:
    post = friends.post("ann", "helo")
    friends.do(EditPost(author="ann", post_id=post, text="hello"))
    friends.post("bob", kind=PostKind.REPOST, to=("ann", post))
    assert printed("home", friends.ask("home", "cay")) == (
        "@bob  11-14 22:13  reposted @ann  edited\n"
        "  hello\n"
        "  0 replies  1 reposts  0 likes\n"
        "@ann  11-14 22:13  edited\n"
        "  hello\n"
        "  0 replies  1 reposts  0 likes"
    )
    assert "score 25,000" in printed("home_ranked", friends.ask("home_ranked", "cay"))


def test_a_thread(friends: Society) -> None:
    first = friends.post("ann", "why?")
    second = friends.post("bob", "because", PostKind.REPLY, ("ann", first))
    friends.post("cay", "ah", PostKind.REPLY, ("bob", second))
    shown = printed("thread", friends.ask("thread", "bob", second))
    assert shown == "@ann why?\n  @bob because\n    @cay ah"


@pytest.mark.parametrize("name", RENDERINGS)
def test_nothing_is_drawn_as_such(name: str) -> None:
    assert printed(name, []) in ("no posts", "no such post")


def test_each_is_of_a_query() -> None:
    assert MODELS.queries.keys() >= RENDERINGS.keys()
