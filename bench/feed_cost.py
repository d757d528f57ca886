"""What push, pull and hybrid fan-out cost as the tail of the follower distribution grows.

A thousand authors have followers by Pareto's law, from a light tail to a heavy one in which some
are followed by all. Who is followed more posts more: of each 1,000 posts, an author has his share
of the followers. Each of 5,000 readers reads his first page four times meanwhile.

- *Cost*: the processor's time for both, in memory: the posts applied, twenty in a run, as by a
  worker that keeps up, and the ids of 50 posts found at each read. What a page shows is then
  looked up in any case, and not counted.
- *Hold-up*: the processor's time for one post of the author with most followers, for which all
  posts behind it wait.

In hybrid, authors with 400 followers or more are pulled. `--plot FILE` draws both (matplotlib).
"""

import argparse
import random
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import msgspec

from bench.feed_crowd import Crowd, edges, names
from bench.harness import Options, Row, main
from processors.social.feed.events import FanoutChanged, FanoutMode
from projections.social.feed.accounts import FEED_ACCOUNTS
from projections.social.feed.home import sources
from projections.social.feed.post_lists import newest
from projections.social.feed.timelines import HOME_TIMELINES

AUTHORS = 1_000
POSTS = 1_000
LEAST_FOLLOWERS = 10
TAILS = (3.0, 2.0, 1.5, 1.2, 1.0, 0.85, 0.75)
"""Pareto's exponent; the smaller, the heavier the tail."""
PULL_AT = {"push": 1 << 60, "pull": 0, "hybrid": 400}
"""Authors with so many followers are pulled."""
FEW = 20
PAGE = 50
READS = 4


class Cost(NamedTuple):
    mean_us: float
    """A post, with its share of the reads."""
    hold_up_us: float


class Tail(msgspec.Struct):
    exponent: float
    most_followers: int
    costs: dict[str, Cost]
    """By the way of fan-out."""


def followers(exponent: float, readers: int) -> list[int]:
    """Of each author, the most first: the quantiles of Pareto's law."""
    shares = ((number + 0.5) / AUTHORS for number in range(AUTHORS))
    return [min(int(LEAST_FOLLOWERS * share ** (-1 / exponent)), readers) for share in shares]


def cost(counts: Sequence[int], readers: int, pull_at: int) -> Cost:
    crowd = Crowd((HOME_TIMELINES, FEED_ACCOUNTS))
    authors, reading = names("author", AUTHORS), names("reader", readers)
    crowd.register([*authors, *reading])
    crowd.follow(list(edges(authors, reading, counts)))
    crowd.tell(
        FanoutChanged(author=author, mode=FanoutMode.PULL, followers=count)
        for author, count in zip(authors, counts, strict=True)
        if count >= pull_at
    )
    crowd.post(authors)  # so that no list is empty
    crowd.catch_up()
    crowd.batch, crowd.store.batch_bytes = FEW, 1
    crowd.post(random.Random(9).choices(authors, counts, k=POSTS))
    started_s = time.process_time()
    crowd.catch_up()
    for name in reading * READS:
        with crowd.store.reading() as reader:
            newest(sources(reader, name), PAGE)
    ended_s = time.process_time()
    crowd.post(authors[:1])
    held_s = time.process_time()
    crowd.catch_up()
    held_s = time.process_time() - held_s
    return Cost((ended_s - started_s) / POSTS * 1e6, held_s * 1e6)


def measured(options: Options) -> list[Tail]:
    """Each of the tails, in turns; the best of the rounds."""
    tails = []
    for exponent in TAILS:
        counts = followers(exponent, options.size)
        sides = {name: partial(cost, counts, options.size, at) for name, at in PULL_AT.items()}
        rounds = [{name: side() for name, side in sides.items()} for _ in range(options.rounds)]
        best = {name: _best([each[name] for each in rounds]) for name in sides}
        tails.append(Tail(exponent, counts[0], best))
    return tails


def _best(costs: Sequence[Cost]) -> Cost:
    return Cost(min(one.mean_us for one in costs), min(one.hold_up_us for one in costs))


def plot(path: Path, tails: Sequence[Tail]) -> None:
    """The file's suffix says in which format."""
    import matplotlib
    from matplotlib.figure import Figure

    matplotlib.rcParams["svg.fonttype"] = "none"  # letters as text: a third of the size
    figure = Figure(figsize=(9, 4), layout="constrained")
    panels = figure.subplots(1, 2)
    titles = ("a post, with its share of the reads", "one post of the most followed")
    for number, (axes, title) in enumerate(zip(panels, titles, strict=True)):
        for name in PULL_AT:
            values = [tail.costs[name][number] / 1_000 for tail in tails]
            axes.plot(range(len(tails)), values, marker="o", label=name)
        labels = [f"{tail.exponent:g}\n{tail.most_followers:,}" for tail in tails]
        axes.set_xticks(range(len(tails)), labels, fontsize="small")
        axes.set_xlabel("exponent of the tail; followers of the most followed")
        axes.set_ylabel("ms of processor time")
        axes.set_ylim(bottom=0)
        axes.set_title(title)
        axes.grid(alpha=0.3)
    panels[0].legend()
    figure.savefig(path, metadata={"Date": None})


def run(options: Options) -> list[Row]:
    tails = measured(options)
    path: str | None = vars(options)["plot"]
    if path:
        plot(Path(path), tails)
    rows = []
    for tail in tails:
        where = f"{tail.exponent:g}, to {tail.most_followers:,}"
        for name, found in tail.costs.items():
            rows.append(Row(name=f"{name} {where}", value=found.mean_us, unit="us a post"))
            rows.append(Row(name="... most followed", value=found.hold_up_us, unit="us a post"))
    return rows


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--plot", metavar="FILE", help="draw it into this file (.svg, .png)")


if __name__ == "__main__":
    main("feed_cost", run, size=5_000, arguments=arguments)
