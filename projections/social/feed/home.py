"""The home timeline as it is read: what was pushed, merged with what is pulled, then looked up.

    timelines ──┐
    own posts ──┼─► the newest 400 lines ─► a page ─► posts, accounts ─► what the reader may see
    pulled from ┘

A line's place never changes, and a page holds lines older than the one it goes on below. So posts
that arrive meanwhile neither repeat nor hide anything; what falls behind the newest 400 is no
longer there. An inactive account's lines are merged from those whom it follows.
"""

from collections.abc import Iterable, Iterator

import msgspec

from projections.core.errors import QueryError
from projections.core.store import Reader
from projections.social.feed import post_lists
from projections.social.feed.accounts import ACCOUNTS, Account
from projections.social.feed.post_lists import below, merged, newest, post_of
from projections.social.feed.posts import Post
from projections.social.feed.ranking import affinity, engagement, score
from projections.social.feed.sight import Sight
from projections.social.feed.timelines import AUTHORS, READERS, TIMELINES


class ShownPost(msgspec.Struct, gc=False):
    """A post as it is shown. Of a repost, text, media and counters are those of what it shows."""

    author: str
    name: str
    post_id: int
    kind: str
    at_ms: int
    text: str
    media: str
    """References, a line each."""
    edited: bool
    likes: int
    replies: int
    reposts: int
    quotes: int
    parent_author: str
    parent_id: int
    parent_text: str | None
    """Of a reply or a quote; None where there is no parent, or it cannot be seen."""
    cursor: str
    """Ask for what is `before` this to go on behind this post."""
    score: int = 0
    """Of the ranked order alone."""


Line = tuple[str, Account, Post, Post | None]
"""A line of a list, who posted it, what, and the parent where that may be seen."""


def page(reader: Reader, account: str, limit: int, before: str) -> list[Line]:
    """The newest posts before a place that the account may see, newest first."""
    check_place(before)
    sight = Sight(reader, account, unmuted_only=True)
    lists = sources(reader, account)
    found: list[Line] = []
    if not before:  # most pages are: what is older need not be taken apart
        lines = newest(lists, min(limit, post_lists.LENGTH))
        found += seen(sight, lines)
        if len(lines) < limit or len(found) == limit:
            return found
        before = lines[-1]
    whole = merged(lists, post_lists.LENGTH)
    while len(found) < limit and (lines := below(whole, before, limit - len(found))):
        found += seen(sight, lines)
        before = lines[-1]
    return found


def seen(sight: Sight, lines: Iterable[str]) -> Iterator[Line]:
    """Of these posts, those that stand and may be seen."""
    for line in lines:
        author, post_id = post_of(line)
        account, post = sight.account(author), sight.post(author, post_id)
        if account is None or post is None:
            continue
        parent = None
        if post.parent_author:
            parent = sight.post(post.parent_author, post.parent_id)
            if parent is None and post.kind == "repost":
                continue
        yield line, account, post, parent


def shown(found: Line, cursor: str = "", score: int = 0) -> ShownPost:
    line, account, post, parent = found
    content = parent if parent is not None and post.kind == "repost" else post
    return ShownPost(
        post.author,
        account.name,
        post.post_id,
        post.kind,
        post.at_ms,
        content.text,
        content.media,
        content.revision > 0,
        content.likes,
        content.replies,
        content.reposts,
        content.quotes,
        post.parent_author,
        post.parent_id,
        None if parent is None else parent.text,
        cursor or line,
        score,
    )


def ranked(reader: Reader, account: str, found: list[Line]) -> list[ShownPost]:
    """A page in its ranked order; behind any post of it, the next page goes on. See `ranking`."""
    if not found:
        return []
    end, newest_ms = found[-1][0], found[0][2].post_id
    affinities: dict[str, int] = {}
    rows = []
    for each in found:
        _line, _account, post, parent = each
        author = post.author
        if author not in affinities:
            affinities[author] = affinity(reader, account, author)
        content = parent if parent is not None and post.kind == "repost" else post
        points = score(affinities[author], engagement(content), newest_ms - post.post_id)
        rows.append(shown(each, end, points))
    return sorted(rows, key=lambda row: (row.score, row.post_id, row.author), reverse=True)


def sources(reader: Reader, account: str) -> list[str]:
    """The lists that a timeline is merged from."""
    own = reader.get(AUTHORS, account)
    lists = [own.posts] if own is not None else []
    names = reader.get(READERS, account)
    pulled = names.pulled_from.split() if names is not None else []
    timeline = reader.get(TIMELINES, account)
    if timeline is not None:
        lists.append(timeline.posts)
    elif reader.get(ACCOUNTS, account) is None:
        raise QueryError(f"there is no account {account!r}: it is to register first")
    elif names is not None:
        pulled += names.pushed_by.split()
    for name in pulled:
        author = reader.get(AUTHORS, name)
        if author is not None:
            lists.append(author.posts)
    return lists


def check_place(place: str) -> None:
    if place and not place[: post_lists.DIGITS].isdecimal():
        raise QueryError(f"{place!r} is no place in a timeline: give the `cursor` of a post")
