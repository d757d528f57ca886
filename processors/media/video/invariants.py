"""What holds of every state between two commands. For tests: walks everything."""

from processors.media.video.decider import RANGES_AWAITED
from processors.media.video.state import SEEN_MAX, Encoding, Library, Status, Video


def check(state: Library) -> None:
    """AssertionError, with the video, where the state is impossible."""
    retiring: set[tuple[int, str, int]] = set()
    for name, video in state.videos.items():
        assert name == video.video, f"{name}: it is {video.video}"
        _check_video(video)
        if video.encoding is not None:
            _check_encoding(name, video.encoding)
            assert video.encoding.number == video.latest, f"{name}: another encoding is the latest"
        retiring.update((each.due_ms, name, each.encoding) for each in video.retiring)
    assert retiring <= set(state.retirements), "an encoding has no timer to go by"
    assert not state.retirements or state.retirements[0] in retiring, "a timer for nothing"
    for name, job in state.jobs.items():
        assert name == job.job, f"the job {name} is {job.job}"
    times = list(state.seen.values())
    assert times == sorted(times) and len(times) <= SEEN_MAX, "what was seen is out of order"


def _check_video(video: Video) -> None:
    name, status = video.video, video.status
    assert (status is Status.PROBING) == (video.ladder is not None and not _is_dead(status)), name
    assert video.served <= video.latest, f"{name}: an encoding is served that there never was"
    assert video.retirement_of(video.served) is None, f"{name}: what is served is to go"
    assert bool(video.served) == bool(video.listing), f"{name}: served, and no listing"
    if status is Status.ENCODING:
        assert video.encoding is not None and not video.served, f"{name}: nothing is on its way"
    if status in (Status.READY, Status.PUBLISHED):
        assert video.served, f"{name}: nothing to be served"
    if status is Status.READY:
        assert video.awaits_pictures or video.is_held, f"{name}: nobody published it"
    if _is_dead(status):
        assert not video.served and video.encoding is None, f"{name}: it is no more"


def _is_dead(status: Status) -> bool:
    return status in (Status.FAILED, Status.TAKEN_DOWN)


def _check_encoding(name: str, encoding: Encoding) -> None:
    where, items = f"{name}, encoding {encoding.number}", encoding.plan.items
    awaited = encoding.records.count("")
    done = len(encoding.records) - awaited
    assert awaited == encoding.awaited <= RANGES_AWAITED, f"{where}: {awaited} ranges on their way"
    assert encoding.is_packaging == (done == items), f"{where}: packaging, with {done} of {items}"
    expected = min(items, done + RANGES_AWAITED)
    assert len(encoding.records) == expected, f"{where}: {expected} were to be asked for"
