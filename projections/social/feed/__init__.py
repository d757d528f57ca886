"""The read models of the feed: what each table holds stands in the module of its projection.

social.feed.events ─┬─► home_timelines       authors, followers, readers, timelines (fan-out)
                    ├─► feed_posts           posts with their counters, revisions
                    ├─► feed_accounts        accounts, mutes and blocks, follow requests
                    ├─► feed_notifications   inboxes
                    ├─► feed_hashtags        posts by hashtag, what is trending
                    ├─► feed_interactions    who did how much towards whom
                    └─► feed_likes           which posts an account likes

Timelines and other lists hold ids; `home.py` looks up what is shown, and `sight.py` says what may
be seen; `ranking.py` is the formula of the ranked order.
"""

from projections.social.feed import queries, queries_accounts, renderings
from projections.social.feed.accounts import FEED_ACCOUNTS
from projections.social.feed.hashtags import FEED_HASHTAGS
from projections.social.feed.interactions import FEED_INTERACTIONS
from projections.social.feed.likes import FEED_LIKES
from projections.social.feed.notifications import FEED_NOTIFICATIONS
from projections.social.feed.posts import FEED_POSTS
from projections.social.feed.timelines import HOME_TIMELINES

PROJECTIONS = (
    HOME_TIMELINES,
    FEED_POSTS,
    FEED_ACCOUNTS,
    FEED_NOTIFICATIONS,
    FEED_HASHTAGS,
    FEED_INTERACTIONS,
    FEED_LIKES,
)
QUERIES = (*queries.QUERIES, *queries_accounts.QUERIES)
DEMO_QUERIES = (
    queries.home,
    queries.home_ranked,
    queries.trending,
    queries_accounts.profile,
    queries_accounts.notifications,
)
RENDERINGS = renderings.RENDERINGS
