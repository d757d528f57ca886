"""The demo: films drawn here, encoded for real with no settings of anybody's, and watched."""

from itertools import islice
from pathlib import Path

from log.backends.file import FileLog
from processors.core.workers.embedded import Worker
from processors.media.blobs import FolderBlobs
from processors.media.video import SYSTEM
from processors.media.video.board import overview
from processors.media.video.commands import CreateVideo, ViewVideo
from processors.media.video.demo import demo_flow
from processors.media.video.events import VideoPublished, ViewCounted
from processors.media.video.samples import TITLES, blob_of, film
from tests.processors.media.video.pipeline import append, events_of, needs_ffmpeg, of_kind


def test_a_film_is_the_same_bytes_each_time(tmp_path: Path) -> None:
    blobs = FolderBlobs(tmp_path)
    put = [blobs.put(film(number)) for number in range(len(TITLES))]
    assert put == [blob_of(number) for number in range(len(TITLES))]
    assert len(set(put)) == len(TITLES)


def test_what_people_ask_is_the_same_for_the_same_seed() -> None:
    assert list(islice(demo_flow(3), 400)) == list(islice(demo_flow(3), 400))
    kinds = [type(command) for _, command in islice(demo_flow(3), 50)]
    assert kinds == [CreateVideo] * len(TITLES) + [ViewVideo] * (50 - len(TITLES))


@needs_ffmpeg
def test_the_demos_films_are_published_and_seen(tmp_path: Path) -> None:
    commands = [command for _, command in islice(demo_flow(3), 80)]
    with FileLog(tmp_path / "log") as log:
        for some in (commands[:2], commands[len(TITLES) :]):
            append(log, *some)
            with Worker(log, [SYSTEM], simulated=True) as worker:
                worker.run(until_idle=True)
                drawn = "\n".join(overview(task.fold.state) for task in worker.tasks)
        events = list(events_of(log))
    assert {event.video for event in of_kind(events, VideoPublished)} == {"film-0", "film-1"}
    assert of_kind(events, ViewCounted)
    assert "film-0" in drawn and "published" in drawn
