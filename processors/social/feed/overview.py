"""The feed for people: who is followed most on one partition.

31 accounts, 27 active; 212 posts
ann      23 followers  pull   11 posts   57 likes
bo       17 followers  push   ...
"""

from heapq import nsmallest
from typing import Final

from processors.social.feed.state import Feed

SHOWN: Final = 12


def overview(feed: Feed) -> str:
    accounts = feed.accounts
    active = sum(account.active for account in accounts.values())
    posts = sum(len(account.posts) for account in accounts.values())
    lines = [f"{len(accounts)} accounts, {active} active; {posts} posts"]
    first = nsmallest(SHOWN, accounts, key=lambda name: (-len(accounts[name].followers), name))
    width = max(map(len, first), default=0)
    for name in first:
        account = accounts[name]
        likes = sum(len(post.likes) for post in account.posts.values())
        lines.append(
            f"{name:<{width}}  {len(account.followers):>5} followers  {account.mode.value}"
            f"  {len(account.posts):>5} posts  {likes:>5} likes"
            f"{'  private' if account.private else ''}{'' if account.active else '  inactive'}"
        )
    return "\n".join(lines)
