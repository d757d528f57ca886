"""A timeline and a thread, drawn for a terminal: by query, what rich can print."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from projections.social.feed.home import ShownPost
from projections.social.feed.queries import ThreadPost

NAME, FAINT = "bold cyan", "dim"


def timeline(posts: Sequence[ShownPost]) -> RenderableType:
    """A post a paragraph: who, when, what it says, and what it came to."""
    if not posts:
        return Text("no posts")
    return Group(*(_post(post) for post in posts))


def conversation(posts: Sequence[ThreadPost]) -> RenderableType:
    """A line a post, replies indented below what they reply to."""
    if not posts:
        return Text("no such post")
    top = min(post.depth for post in posts)
    return Group(
        *(
            Padding(
                Text.assemble((f"@{post.author} ", NAME), post.text or ("(not shown)", FAINT)),
                (0, 0, 0, 2 * (post.depth - top)),
            )
            for post in posts
        )
    )


def _post(post: ShownPost) -> RenderableType:
    about = {"repost": "reposted", "reply": "to", "quote": "quotes"}.get(post.kind, "")
    head = Text.assemble((f"@{post.author}", NAME), (f"  {_time(post.at_ms)}", FAINT))
    if about:
        head.append(f"  {about} @{post.parent_author}", style=FAINT)
    if post.edited:
        head.append("  edited", style=FAINT)
    counts = (
        f"{post.replies:,} replies  {post.reposts + post.quotes:,} reposts  {post.likes:,} likes"
    )
    if post.score:
        counts += f"  score {post.score:,}"
    return Group(head, Padding(Text(post.text), (0, 2)), Padding(Text(counts, FAINT), (0, 2)))


def _time(at_ms: int) -> str:
    return f"{datetime.fromtimestamp(at_ms // 1000, UTC):%m-%d %H:%M}"


RENDERINGS: dict[str, Callable[[Any], RenderableType]] = {
    "home": timeline,
    "home_ranked": timeline,
    "posts": timeline,
    "hashtag": timeline,
    "thread": conversation,
}
