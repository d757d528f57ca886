"""The interactions of a file of the Higgs data set as commands of the feed.

    userA userB unix_time RT|MT|RE      a line: A reposts, mentions or replies to B

Accounts register when they are first named. The file names accounts and not posts: so whoever is
reposted or replied to has written something just before, where he has not yet, and one post more
where the same account reposts him again (a post is reposted once).
"""

import gzip
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from log.envelope import Command
from processors.social.feed.commands import Limits, RegisterAccount, SetLimits, WritePost
from processors.social.feed.events import PostKind

KINDS = {"RT": "repost", "MT": "mention", "RE": "reply"}
NO_LIMIT = 1_000_000_000


class HiggsImporter:
    def __init__(self) -> None:
        self._last_post: dict[str, int] = {}
        """The id of each account's last post; 0: it has none."""
        self._written: dict[str, list[int]] = {}
        """What there is of each account to be reposted."""
        self._reposts: Counter[tuple[str, str]] = Counter()

    def commands(self, lines: Iterable[str]) -> Iterator[tuple[int, Command]]:
        """(time in ms, command), in the order of the file."""
        limits = Limits(posts_per_hour_max=NO_LIMIT)
        for number, line in enumerate(lines):
            who, whom, time_s, kind = line.split()
            at = int(time_s) * 1_000
            if not number:
                yield at, SetLimits(limits=limits)
            for name in (who, whom):
                if name not in self._last_post:
                    self._last_post[name] = 0
                    yield at, RegisterAccount(author=name)
            if kind == "MT":
                yield at, self._post(at, who, text=f"@{whom} {number}")
                continue
            nth = self._reposts[who, whom] if kind == "RT" else 0
            written = self._written.setdefault(whom, [])
            if len(written) <= nth:
                yield at, self._post(at, whom, text=f"what {number} is about")
                written.append(self._last_post[whom])
            if kind == "RT":
                self._reposts[who, whom] += 1
                yield at, self._post(at, who, PostKind.REPOST, (whom, written[nth]))
            else:
                parent = whom, written[-1]
                yield at, self._post(at, who, PostKind.REPLY, parent, f"answer {number}")

    def _post(
        self,
        at: int,
        author: str,
        kind: PostKind = PostKind.ORIGINAL,
        parent: tuple[str, int] = ("", 0),
        text: str = "",
    ) -> WritePost:
        self._last_post[author] = max(at, self._last_post[author] + 1)
        parent_author, parent_id = parent
        return WritePost(
            author=author, kind=kind, text=text, parent_author=parent_author, parent_id=parent_id
        )


def lines_of(path: Path) -> list[str]:
    return gzip.decompress(path.read_bytes()).decode("ascii").splitlines()


def network(path: Path) -> dict[tuple[str, str], int]:
    """A published network: the weight of each edge."""
    edges = (line.split() for line in lines_of(path))
    return {(who, whom): int(weight) for who, whom, weight in edges}
