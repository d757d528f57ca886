"""What one account may see of the others, as things stand now: looked up when something is shown,
so that a block, a mute, a deleted post or a private account is right at once.

- Where one of the two blocks the other, neither sees the other's posts.
- A private account's posts are for its followers.
- A muted account is seen where one looks for it, and not where posts and news come by themselves.

Whoever looks without an account sees what is public.
"""

from typing import Any

from projections.core.store import Reader
from projections.social.feed.accounts import ACCOUNTS, RELATIONS, Account
from projections.social.feed.posts import POSTS, Post
from projections.social.feed.timelines import FOLLOWERS


class Sight:
    """Of `viewer`, for one query."""

    __slots__ = ("_known", "_reader", "_unmuted_only", "viewer")

    def __init__(self, reader: Reader, viewer: str, *, unmuted_only: bool = False) -> None:
        self.viewer = viewer
        self._reader = reader
        self._unmuted_only = unmuted_only
        self._known: dict[str, Account | None] = {}

    def account(self, author: str) -> Account | None:
        """The account, where its posts may be seen."""
        known: Any = self._known.get(author, self)
        if known is self:
            known = self._known[author] = self._look(author)
        return known  # type: ignore[no-any-return]

    def post(self, author: str, post_id: int) -> Post | None:
        """The post, where it stands and may be seen."""
        if self.account(author) is None:
            return None
        post = self._reader.get(POSTS, author, post_id)
        return None if post is None or post.deleted else post

    def may_meet(self, author: str) -> bool:
        """Whether neither blocks the other (nor, where it matters, is muted)."""
        viewer = self.viewer
        if not viewer or author == viewer:
            return True
        relation = self._reader.get(RELATIONS, viewer, author)
        if relation is not None and (relation.blocks or self._unmuted_only):
            return False
        relation = self._reader.get(RELATIONS, author, viewer)
        return relation is None or not relation.blocks

    def _look(self, author: str) -> Account | None:
        account = self._reader.get(ACCOUNTS, author)
        if account is None or not self.may_meet(author):
            return None
        if account.private and author != self.viewer:
            follows = self._reader.get(FOLLOWERS, author, self.viewer)
            return None if follows is None else account
        return account
