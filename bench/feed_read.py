"""Home timelines read a second, 50 posts each, hydrated: ours from memory against Redis.

Ours is the query `home`: the newest 50 of what was pushed, of one's own posts and of those who are
pulled; each post with its text and counters, its author's name, and whether the reader may see it
(blocked, muted, private, deleted). The peer is the usual way with Redis: `ZREVRANGE` for the ids,
then `HGETALL` for each post, pipelined; no author is looked up, and nothing is left out. It takes
its 50 posts as redis-py gives them, as dicts of bytes. Both must find the same posts.
"""

from functools import partial
from itertools import cycle, islice
from typing import Any

import msgspec
import redis

from bench.feed_crowd import Crowd, edges, names
from bench.harness import Options, Row, at_least, best_of, main, timed
from bench.redis_peer import running_redis
from projections.core.read_models import Query
from projections.social.feed.accounts import FEED_ACCOUNTS
from projections.social.feed.post_lists import line_of, post_of
from projections.social.feed.posts import FEED_POSTS, POSTS
from projections.social.feed.queries import home
from projections.social.feed.timelines import HOME_TIMELINES, TIMELINES

READERS = 1_000
AUTHORS = 1_000
FOLLOWERS = 100
POSTS_EACH = 10
PAGE = 50
HOME = Query(home)


def filled(client: redis.Redis) -> Crowd:
    """The same timelines and posts on both sides."""
    crowd = Crowd((HOME_TIMELINES, FEED_POSTS, FEED_ACCOUNTS))
    authors, readers = names("author", AUTHORS), names("reader", READERS)
    crowd.register([*authors, *readers])
    crowd.follow(list(edges(authors, readers, [FOLLOWERS] * AUTHORS)))
    crowd.post(islice(cycle(authors), AUTHORS * POSTS_EACH))
    crowd.catch_up()
    pipeline = client.pipeline(transaction=False)
    with crowd.store.reading() as reader:
        for post in reader.rows(POSTS):
            fields: Any = {
                name: value
                for name, value in msgspec.structs.asdict(post).items()
                if value is not None and type(value) is not bool
            }
            pipeline.hset(f"post:{line_of(post.post_id, post.author)}", mapping=fields)
        for row in reader.rows(TIMELINES):
            members = {line: post_of(line)[1] for line in row.posts.splitlines()}
            if members:
                pipeline.zadd(f"timeline:{row.reader}", members)
    pipeline.execute()
    return crowd


def of_redis(client: redis.Redis, reader: str) -> list[dict[bytes, bytes]]:
    pipeline = client.pipeline(transaction=False)
    lines: Any = client.zrevrange(f"timeline:{reader}", 0, PAGE - 1)
    for line in lines:
        pipeline.hgetall(b"post:" + line)
    return list(pipeline.execute())


def run(options: Options) -> list[Row]:
    with running_redis() as (client, _socket):
        crowd = filled(client)
        asked = list(islice(cycle(names("reader", READERS)), options.size))
        for name in asked[:: max(options.size // 20, 1)]:
            ours = [
                (post.author.encode(), b"%d" % post.post_id)
                for post in HOME.run(crowd.store, {"follower": name})
            ]
            assert len(ours) == PAGE
            assert ours == [(post[b"author"], post[b"post_id"]) for post in of_redis(client, name)]

        def read_ours() -> None:
            for name in asked:
                HOME.run(crowd.store, {"follower": name})

        def read_redis() -> None:
            for name in asked:
                of_redis(client, name)

        sides = {"ours": partial(timed, read_ours), "redis": partial(timed, read_redis)}
        best = best_of(sides, options.rounds)
    rate = {name: options.size / seconds for name, seconds in best.items()}
    return [
        at_least("home timeline of 50 posts", rate["ours"], "pages/s", rate["redis"], 1.0),
        Row(name="... takes", value=1e6 / rate["ours"], unit="us"),
        Row(name="Redis, ZREVRANGE and HGETALL", value=rate["redis"], unit="pages/s"),
    ]


if __name__ == "__main__":
    main("feed_read", run, size=2_000)
