"""A social feed: accounts, posts, who follows whom. Key: the author, the account that a command is
about; timelines are read models (`projections/social/feed`), and fan-out happens there.

write_post, edit_post, delete_post ─┬─► rejected                 code, field, sentence
                                    └─► posted, post_edited, post_deleted
like_post ─────────────────────────────► post_liked
follow ─┬─► followed ─► fanout_changed    push or pull, by how many follow
        └─► follow_requested ─► followed, follow_request_closed
block, mute, visit ... ────────────────► blocked, muted, visited ...
(time) ────────────────────────────────► account_became_inactive

Where two accounts are concerned, the first decides for itself, and the reactor brings the news:

    author of the reply                           author of the parent
    write_post ─► posted ───────── news ────────► count_reference ─► reference_counted
                                                        └─► reference_refused (blocked, private,
    post_deleted ◄─ take_back_post ◄──── news ───────────────────┘             deleted)

    the followed                                  the follower
    follow ─► followed ─────────── news ────────► count_follow ─► follow_counted
                                                        └─► follow_refused (his own limits)
    unfollowed ◄─ take_back_follow ◄──── news ───────────────────┘

    who blocks                                    the blocked
    block ─► blocked, unfollowed ─ news ────────► record_block ─► block_recorded, unfollowed
                                                        └─► block_refused (there is no such one)
    unblocked ◄─ take_back_block ◄────── news ───────────────────┘

the vocabulary    commands.py, events.py, terms.py
the rules         decider.py ─┬─ accounts.py    registering, visits, mutes, limits
                              ├─ posting.py     posts, likes, what counts at a post
                              ├─ following.py   follows, requests, blocks, fan-out's thresholds
                              └─ text.py        mentions, hashtags
  facts applied   facts.py
the state         state.py; written down: state_rows.py
between accounts  reactors.py
for people        overview.py; invariants.py says what always holds
flows             flow.py, of a crowd.py that does acts.py
"""

from typing import Any

from processors.core.system import System
from processors.social.feed import invariants
from processors.social.feed.commands import COMMANDS
from processors.social.feed.decider import DECIDER
from processors.social.feed.events import EVENTS
from processors.social.feed.flow import demo_flow, flow
from processors.social.feed.overview import overview
from processors.social.feed.reactors import NEWS


def key_of(command: Any) -> str | None:
    """The account that it is about; None, for every partition, where it is the operator's."""
    return getattr(command, "author", "") or None


SYSTEM = System(
    name="social.feed",
    decider=DECIDER,
    commands=COMMANDS,
    events=EVENTS,
    key=key_of,
    invariant=invariants.check,
    render=overview,
    flow=flow,
    demo_flow=demo_flow,
    reactors=(NEWS,),
)
