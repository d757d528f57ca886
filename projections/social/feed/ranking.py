"""The ranked order of a timeline, in integers.

    score = 1_000_000 * (1 + affinity) * (1 + engagement) // (120 + age)

- *affinity*: the bits of what the reader did towards the author so far, by `ACT_WEIGHTS`: 0 for
  nothing, 1 for 1, 2 for 2 to 3, 3 for 4 to 7, and no more than 8.
- *engagement*: the bits of the post's likes + 2 replies + 3 (reposts + quotes), no more than 20. A
  repost has that of what it shows.
- *age*: minutes before the newest post of the page: two hours halve a score, six quarter it.

Equal scores: the newer post first.
"""

from typing import Final

from projections.core.store import Reader
from projections.social.feed.interactions import INTERACTIONS
from projections.social.feed.posts import Post

ACT_WEIGHTS: Final = {"like": 1, "mention": 2, "reply": 3, "repost": 3, "quote": 3}
AFFINITY_MAX: Final = 8
ENGAGEMENT_MAX: Final = 20
SCALE: Final = 1_000_000
HALVED_AFTER_MIN: Final = 120
MINUTE_MS: Final = 60_000


def affinity(reader: Reader, viewer: str, author: str) -> int:
    acts = reader.rows(INTERACTIONS, viewer, author)
    points = sum(act.weight * ACT_WEIGHTS[act.kind] for act in acts)
    return min(points.bit_length(), AFFINITY_MAX)


def engagement(post: Post) -> int:
    points = post.likes + 2 * post.replies + 3 * (post.reposts + post.quotes)
    return min(points.bit_length(), ENGAGEMENT_MAX)


def score(affinity: int, engagement: int, age_ms: int) -> int:
    age_min = age_ms // MINUTE_MS
    return SCALE * (1 + affinity) * (1 + engagement) // (HALVED_AFTER_MIN + age_min)
