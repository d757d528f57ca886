"""The people of a flow: who is there, what they have posted, and what they may do next.

A small network that grows as real ones do: who has followers gets more (preferential attachment:
Barabási and Albert, "Emergence of Scaling in Random Networks", 1999), so that the numbers of
followers follow a power law, and the first to join act most. To know the ids that the rules give,
the crowd decides each command itself, on one partition that holds all.
"""

import random
from collections import deque
from collections.abc import Sequence
from typing import Any, Final

from log.envelope import Command
from processors.core.timers import decide_fully
from processors.social.feed.decider import DECIDER
from processors.social.feed.events import (
    AccountRegistered,
    Followed,
    PostDeleted,
    Posted,
    PostKind,
)
from processors.social.feed.reactors import NEWS
from processors.social.feed.state import Reference, initial

RECENT_POSTS: Final = 200
"""What people still answer and like."""
LOOKS: Final = 4
"""How often one looks for another post where he may not answer the first."""
FIRST_NAMES: Final = (
    "ann", "bo", "cem", "dana", "eli", "fay", "gus", "hana", "ivo", "jun", "kai", "lea",
    "mio", "noa", "ola", "pia", "quin", "ravi", "sue", "tom", "uma", "vic", "wen", "xia",
    "yan", "zoe",
)  # fmt: skip
TOPICS: Final = (
    "rain", "bikes", "jazz", "tea", "chess", "bread", "maps", "stars", "moss", "trains",
    "ink", "goats",
)  # fmt: skip
WORDS: Final = (
    "the", "a", "my", "our", "all", "some", "today", "never", "again", "just", "look", "what",
    "why", "found", "lost", "new", "old", "slow", "quiet", "morning", "night", "river",
    "street", "window", "light", "kettle", "garden", "paper", "signal", "corner", "winter",
)  # fmt: skip


class Crowd:
    """`state` is the network after all that was `decided`; `plan` is what people will do first,
    `news` what the reactor will bring, with its time."""

    def __init__(self, seed: int, now: int) -> None:
        self.draw = random.Random(seed)
        self.now = now
        self.state = initial()
        self.names: list[str] = []
        self.ballot: list[str] = []
        """Each account once, and once more for each follow of it."""
        self.recent: deque[Reference] = deque(maxlen=RECENT_POSTS)
        """Posts other than reposts; some of them are deleted."""
        self.reposts: deque[Reference] = deque(maxlen=RECENT_POSTS)
        self.gone: deque[Reference] = deque(maxlen=RECENT_POSTS)
        self.plan: deque[Command] = deque()
        self.news: deque[tuple[int, Command]] = deque()

    def decide(self, command: Command) -> None:
        """What the command does, now; and what the reactor makes of it."""
        events, self.state = decide_fully(DECIDER, self.state, command, self.now)
        for event in events:
            self._note(event)
            react = NEWS.on.get(type(event))
            for brought in () if react is None else react(event, self.now):
                due = self.now + self.draw.randrange(50, 1_500)
                if self.news:
                    due = max(due, self.news[-1][0])
                self.news.append((due, brought))

    def _note(self, event: Any) -> None:
        match event:
            case AccountRegistered(author=author):
                self.names.append(author)
                self.ballot.append(author)
            case Followed(author=author):
                self.ballot.append(author)
            case Posted(author=author, post_id=post_id, kind=PostKind.REPOST):
                self.reposts.append((author, post_id))
            case Posted(author=author, post_id=post_id):
                self.recent.append((author, post_id))
            case PostDeleted(author=author, post_id=post_id):
                self.gone.append((author, post_id))

    def someone(self) -> str:
        """Those who joined first act most."""
        return self.names[int(len(self.names) * self.draw.random() ** 2)]

    def someone_known(self) -> str:
        """By how many follow."""
        return self.draw.choice(self.ballot)

    def someone_of(self, names: Sequence[str] | dict[str, int]) -> str | None:
        """One of the accounts; None where there is none."""
        if not names:
            return None
        return self.draw.choice(list(names))

    def recent_post(self, by: str) -> Reference | None:
        """One that `by` may answer, as a rule: the later, the likelier. None: there is none."""
        if not self.recent:
            return None
        for _ in range(LOOKS):
            author, post_id = self.recent[-1 - int(len(self.recent) * self.draw.random() ** 2)]
            account = self.state.accounts[author]
            if post_id in account.posts and (not account.private or by in account.followers):
                break
        return author, post_id

    def own_post(self, author: str) -> int | None:
        """One of an account's last posts."""
        posts = self.state.accounts[author].posts
        return self.draw.choice(list(posts)[-3:]) if posts else None

    def new_name(self) -> str:
        """Names of those who come after the first ones have a number."""
        number = len(self.names)
        first = FIRST_NAMES[number % len(FIRST_NAMES)]
        return first if number < len(FIRST_NAMES) else f"{first}{number}"

    def sentence(self, about: str) -> str:
        """Some words, with a tag by the one's interests and at times a mention."""
        words = self.draw.choices(WORDS, k=self.draw.randrange(3, 12))
        if self.draw.random() < 0.5:
            interest = sum(about.encode()) + int(4 * self.draw.random() ** 3)
            words.append(f"#{TOPICS[interest % len(TOPICS)]}")
        if self.draw.random() < 0.2:
            words.insert(0, f"@{self.someone_known()}")
        return " ".join(words)
