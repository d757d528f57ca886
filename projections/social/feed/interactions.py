"""Who did how much towards whom: a network for each kind of act.

An act counts once and for good: what was taken back, deleted or refused since was done all the
same. A mention counts for each account that a post names when it is posted.
"""

import msgspec

from processors.social.feed.events import Posted, PostKind, PostLiked
from projections.core.projection import Events, Projection, Table
from projections.core.rows import Tables

KINDS = {PostKind.REPLY: "reply", PostKind.REPOST: "repost", PostKind.QUOTE: "quote"}


class Interaction(msgspec.Struct, gc=False):
    who: str
    whom: str
    kind: str
    """`reply`, `repost`, `quote`, `mention` or `like`."""
    weight: int = 0


INTERACTIONS = Table("interactions", Interaction, key=("who", "whom", "kind"))


def fold(tables: Tables, events: Events) -> None:
    rows = tables[INTERACTIONS]

    def count(who: str, whom: str, kind: str) -> None:
        row = rows.get((who, whom, kind)) or Interaction(who, whom, kind)
        row.weight += 1
        rows.put(row)

    for event, _at_ms in events:
        if type(event) is PostLiked:
            count(event.by, event.author, "like")
            continue
        if event.parent_author:
            count(event.author, event.parent_author, KINDS[event.kind])
        for account in event.mentions:
            count(event.author, account, "mention")


FEED_INTERACTIONS = Projection(
    name="feed_interactions",
    events=(Posted, PostLiked),
    tables=(INTERACTIONS,),
    fold=fold,
    rows_of="partition",
)
