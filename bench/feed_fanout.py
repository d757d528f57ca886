"""Timeline entries written a second: the projection in memory against the same pushes to Redis.

Ours reads the posts from the events topic, decodes them, looks the followers up, and has each post
in the timeline of each; a list keeps the newest 400. The peer has all pushes ready, as (timeline,
score, member), and does nothing but `ZADD`, a thousand in a pipeline, without trimming. Timelines
are full from the start on both sides, and at the end the newest 400 must be the same. Most of the
peer's time is its client's; so a second peer has the protocol ready as bytes, and `redis-cli
--pipe`, which is written in C, does nothing but send them: Redis itself, as fast as it goes.

What is compared is a worker that catches up, some thousand posts in a run. One that keeps up has
a few posts in a run, so that each entry rewrites a list: shown without a reach.
"""

import subprocess
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import hiredis
import redis

from bench.feed_crowd import Crowd, edges, names
from bench.harness import Options, Row, at_least, best_of, main, timed
from bench.redis_peer import running_redis
from projections.social.feed.post_lists import LENGTH, line_of, post_of
from projections.social.feed.timelines import HOME_TIMELINES, TIMELINES

READERS = 10_000
AUTHORS = 1_000
FOLLOWERS = 200
"""Of each author; a reader follows 20 authors or so."""
PIPELINE = 1_000
FEW = 20
"""Posts in a run of a worker that keeps up."""
Push = tuple[str, int, str]
"""A timeline, the score, the member."""


class Sides:
    """All have the same full timelines. `post` makes the next posts, for one side or all."""

    def __init__(self, client: redis.Redis, socket: Path) -> None:
        self.client = client
        self.other = redis.Redis(unix_socket_path=str(socket), db=1)
        """The second peer's, of the same server."""
        self._mass = ("redis-cli", "-s", str(socket), "-n", "1", "--pipe")
        self.crowd = Crowd((HOME_TIMELINES,))
        self.authors, readers = names("author", AUTHORS), names("reader", READERS)
        self.followers: dict[str, list[str]] = {author: [] for author in self.authors}
        following = list(edges(self.authors, readers, [FOLLOWERS] * AUTHORS))
        for author, follower in following:
            self.followers[author].append(follower)
        self.crowd.register([*self.authors, *readers])
        self.crowd.follow(following)
        self._next = cycle(self.authors)
        self.crowd.post(islice(self._next, LENGTH * READERS // FOLLOWERS * 3 // 2))
        self.crowd.catch_up()
        with self.crowd.store.reading() as reader:
            for row in reader.rows(TIMELINES):
                members = {line: post_of(line)[1] for line in row.posts.splitlines()}
                if members:
                    client.zadd(row.reader, members)
                    self.other.zadd(row.reader, members)

    def post(self, count: int) -> list[Push]:
        posts = self.crowd.post(islice(self._next, count))
        return [
            (reader, post_id, line_of(post_id, author))
            for post_id, author in posts
            for reader in self.followers[author]
        ]

    def push(self, pushes: list[Push]) -> None:
        pipeline = self.client.pipeline(transaction=False)
        execute: Any = pipeline.execute_command
        for start in range(0, len(pushes), PIPELINE):
            for timeline, score, member in pushes[start : start + PIPELINE]:
                execute("ZADD", timeline, score, member)
            pipeline.execute()

    def push_bytes(self, protocol: bytes) -> None:
        subprocess.run(self._mass, input=protocol, check=True, stdout=subprocess.DEVNULL)

    def check(self) -> None:
        """AssertionError where the sides hold other timelines."""
        with self.crowd.store.reading() as reader:
            for row in islice(reader.rows(TIMELINES), 0, None, 97):
                for client in (self.client, self.other):
                    held: Any = client.zrevrange(row.reader, 0, LENGTH - 1)
                    assert [line.decode() for line in held] == row.posts.splitlines()[::-1]


def run(options: Options) -> list[Row]:
    posts = options.size // FOLLOWERS
    with running_redis() as (client, socket):
        sides = Sides(client, socket)
        pushes: list[Push] = []

        def ours() -> float:
            pushes[:] = sides.post(posts)
            return timed(sides.crowd.catch_up)

        def by_client() -> float:
            return timed(lambda: sides.push(pushes))

        def by_bytes() -> float:
            pack: Any = hiredis.pack_command
            protocol = b"".join(pack(("ZADD", *push)) for push in pushes)
            return timed(lambda: sides.push_bytes(protocol))

        best = best_of({"ours": ours, "client": by_client, "bytes": by_bytes}, options.rounds)
        sides.check()
        sides.crowd.batch, sides.crowd.store.batch_bytes = FEW, 1
        best |= best_of({"few": ours}, options.rounds)
        sides.other.close()
    rate = {name: posts * FOLLOWERS / seconds for name, seconds in best.items()}
    few = rate["few"]
    return [
        at_least("catching up", rate["ours"], "entries/s", rate["client"], 1.0),
        at_least("... beside redis-cli --pipe", rate["ours"], "entries/s", rate["bytes"], 1.0),
        Row(name=f"keeping up, {FEW} posts a run", value=few, unit="entries/s"),
        Row(name="Redis, pipelined ZADD", value=rate["client"], unit="entries/s"),
        Row(name="Redis, redis-cli --pipe", value=rate["bytes"], unit="entries/s"),
    ]


if __name__ == "__main__":
    main("feed_fanout", run, size=400_000)
