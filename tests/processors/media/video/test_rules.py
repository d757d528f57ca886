"""The rules of videos, one by one: given events, when a command, then events."""

from typing import Any

import msgspec
import pytest

from processors.media.video import SYSTEM, invariants
from processors.media.video.commands import (
    CreateVideo,
    FailStep,
    FailTranscode,
    FinishTranscode,
    HoldVideo,
    RecordDropped,
    RecordPackage,
    RecordPictures,
    RecordProbe,
    RecordRange,
    ReencodeVideo,
    ReleaseVideo,
    StartTranscode,
    TakeDownVideo,
    ViewVideo,
    WithdrawTranscode,
)
from processors.media.video.decider import RANGES_AWAITED, RETIRES_AFTER_MS
from processors.media.video.dropping import RECORDS_A_PART
from processors.media.video.events import (
    EncodingFailed,
    EncodingPackaged,
    EncodingRetired,
    EncodingStarted,
    FilesDropped,
    FilesLeft,
    FilesReleased,
    PackageRequested,
    PicturesFailed,
    PicturesMade,
    RangeRequested,
    RangeTranscoded,
    RejectCode,
    SourceProbed,
    TranscodeFailed,
    TranscodeFinished,
    TranscodeStarted,
    TranscodeWithdrawn,
    VideoCreated,
    VideoFailed,
    VideoHeld,
    VideoPublished,
    VideoRejected,
    VideoReleased,
    VideoTakenDown,
    ViewCounted,
)
from processors.media.video.ladder import DEFAULT_LADDER
from processors.media.video.state import SEEN_MAX, SEEN_WINDOW_MS, Library, Status
from processors.media.video.terms import Blob, File, Ladder, Rung, Source, Step, Variant
from tests.given_when_then import Scenario, given

DIGEST = "ab" * 32
BLOB = Blob(DIGEST, 7)
LADDER = Ladder(
    rungs=(Rung(short_side=240, bits_per_s_max=400_000),), segment_gops=1, range_segments=1
)
PICTURES = RecordPictures(video="v", listing=BLOB, files=(File("poster-1.jpg", DIGEST, 9),))


def facts(seconds: int = 6, **changed: Any) -> Source:
    source = Source(
        width=426, height=240, rate_num=25, rate_den=1, duration_us=seconds * 1_000_000
    )
    return msgspec.structs.replace(source, **changed)


def created() -> Scenario[Library]:
    scenario = given(SYSTEM.decider)
    scenario.when(creation())
    return scenario


def creation(ladder: Ladder = LADDER) -> CreateVideo:
    return CreateVideo(
        video="v", user="u", channel="c", source=DIGEST, source_bytes=1, ladder=ladder
    )


def probed(seconds: int = 6) -> Scenario[Library]:
    """Six seconds are three ranges of one rendition."""
    scenario = created()
    scenario.when(RecordProbe(video="v", facts=facts(seconds)))
    return scenario


def answer(item: int, encoding: int = 1) -> RecordRange:
    return RecordRange(
        video="v", encoding=encoding, item=item, record=f"{item:064}", init=BLOB, segments=(BLOB,)
    )


def package(encoding: int = 1) -> RecordPackage:
    audio = Variant(rendition="240p", bandwidth=2, average_bandwidth=1, codecs="avc1.64000d")
    return RecordPackage(
        video="v", encoding=encoding, listing=BLOB, files=(), variants=(audio,), duration_us=6
    )


def published() -> Scenario[Library]:
    scenario = probed()
    scenario.when(PICTURES)
    for item in range(3):
        scenario.when(answer(item))
    scenario.when(package())
    assert scenario.state.videos["v"].status is Status.PUBLISHED
    return scenario


def kinds(events: list[Any]) -> list[type[Any]]:
    return [type(event) for event in events]


def status_of(scenario: Scenario[Library]) -> Status:
    return scenario.state.videos["v"].status


def the_rejection(events: list[Any]) -> VideoRejected:
    (rejected,) = events
    assert isinstance(rejected, VideoRejected) and rejected.reason
    return rejected


def test_an_upload_is_probed_and_its_ranges_asked_for() -> None:
    scenario = given(SYSTEM.decider)
    assert kinds(scenario.when(creation())) == [VideoCreated]
    events = scenario.when(RecordProbe(video="v", facts=facts()))
    assert kinds(events) == [SourceProbed, EncodingStarted, *[RangeRequested] * 3]
    assert [event.job for event in events[2:]] == [f"1/240p/{number}/v" for number in range(3)]
    assert kinds(scenario.when(RecordProbe(video="v", facts=facts()))) == []


def test_each_answer_is_taken_once_and_the_last_asks_for_the_package() -> None:
    scenario = probed()
    assert kinds(scenario.when(answer(2))) == [RangeTranscoded]
    assert scenario.when(answer(2)) == []
    assert kinds(scenario.when(answer(0))) == [RangeTranscoded]
    (_, wanted) = scenario.when(answer(1))
    assert isinstance(wanted, PackageRequested)
    (records,) = wanted.renditions
    assert records.records == tuple(f"{item:064}" for item in range(3)), "in the order of time"
    assert scenario.when(answer(7)) == scenario.when(answer(0, encoding=2)) == []


def test_a_long_video_has_so_many_ranges_on_their_way_and_no_more() -> None:
    scenario = created()
    events = scenario.when(RecordProbe(video="v", facts=facts(seconds=200)))
    assert kinds(events).count(RangeRequested) == RANGES_AWAITED
    (_, asked) = scenario.when(answer(3))
    assert isinstance(asked, RangeRequested) and asked.item == RANGES_AWAITED
    encoding = scenario.state.videos["v"].encoding
    assert encoding is not None and encoding.awaited == RANGES_AWAITED


def test_it_is_published_when_package_and_pictures_are_there_in_any_order() -> None:
    scenario = probed()
    for item in range(3):
        scenario.when(answer(item))
    assert kinds(scenario.when(package())) == [EncodingPackaged]
    assert kinds(scenario.when(PICTURES)) == [PicturesMade, VideoPublished]
    assert scenario.when(PICTURES) == scenario.when(package()) == []


def test_without_pictures_it_is_published_all_the_same() -> None:
    scenario = probed()
    failed = FailStep(video="v", step=Step.PICTURES, reason="no")
    assert kinds(scenario.when(failed)) == [PicturesFailed]
    for item in range(3):
        scenario.when(answer(item))
    assert kinds(scenario.when(package())) == [EncodingPackaged, VideoPublished]


def test_what_is_held_is_published_when_it_is_released() -> None:
    scenario = probed()
    assert kinds(scenario.when(HoldVideo(video="v", reason="reported"))) == [VideoHeld]
    assert scenario.when(HoldVideo(video="v", reason="again")) == []
    scenario.when(PICTURES)
    for item in range(3):
        scenario.when(answer(item))
    assert kinds(scenario.when(package())) == [EncodingPackaged]
    assert the_rejection(scenario.when(ViewVideo(video="v", session="s"))).reason == "it is held"
    assert kinds(scenario.when(ReleaseVideo(video="v"))) == [VideoReleased, VideoPublished]
    assert the_rejection(scenario.when(ReleaseVideo(video="v"))).code is RejectCode.WRONG_STATUS


def test_what_is_published_is_hidden_while_it_is_held() -> None:
    scenario = published()
    scenario.when(HoldVideo(video="v", reason="reported"))
    code = the_rejection(scenario.when(ViewVideo(video="v", session="s"))).code
    assert code is RejectCode.NOT_TO_BE_SEEN
    assert kinds(scenario.when(ReleaseVideo(video="v"))) == [VideoReleased]
    assert kinds(scenario.when(ViewVideo(video="v", session="s"))) == [ViewCounted]


def test_a_takedown_calls_off_what_is_on_its_way_and_is_for_good() -> None:
    scenario = probed()
    scenario.when(answer(1))
    gone, dropped = scenario.when(TakeDownVideo(video="v", reason="copyright"))
    assert isinstance(gone, VideoTakenDown) and isinstance(dropped, FilesDropped)
    assert (dropped.encoding, dropped.records) == (1, (f"{1:064}",))
    assert gone.jobs == ("1/240p/0/v", "1/240p/2/v")
    assert scenario.when(answer(0)) == scenario.when(PICTURES) == scenario.when(package()) == []
    assert scenario.when(TakeDownVideo(video="v", reason="again")) == []
    for command in (ReencodeVideo(video="v"), HoldVideo(video="v", reason="late")):
        assert the_rejection(scenario.when(command)).code is RejectCode.WRONG_STATUS
    assert the_rejection(scenario.when(creation())).code is RejectCode.DUPLICATE_VIDEO


def test_a_new_encoding_is_made_beside_the_old_which_goes_a_day_later() -> None:
    scenario = published()
    ladder = msgspec.structs.replace(LADDER, range_segments=3)
    events = scenario.when(ReencodeVideo(video="v", ladder=ladder))
    assert kinds(events) == [EncodingStarted, RangeRequested]
    assert scenario.state.videos["v"].served == 1
    code = the_rejection(scenario.when(ReencodeVideo(video="v"))).code
    assert code is RejectCode.WRONG_STATUS, "one at a time"
    scenario.when(answer(0, encoding=2))
    (packaged,) = scenario.when(package(2), at=1_000)
    due = 1_000 + RETIRES_AFTER_MS
    assert (packaged.previous, packaged.retires_at_ms) == (1, due)
    assert scenario.state.videos["v"].served == 2
    seen = scenario.when(ViewVideo(video="v", session="s"), at=due)
    assert kinds(seen) == [EncodingRetired, FilesDropped, ViewCounted]
    assert (seen[0].encoding, seen[1].listing) == (1, DIGEST)


def test_what_is_needed_no_more_is_looked_up_and_released_part_by_part() -> None:
    scenario = published()
    dropped = scenario.when(TakeDownVideo(video="v", reason="r"))[1:]
    asked = [(event.encoding, event.part, event.listing) for event in dropped]
    assert asked == [(0, 0, DIGEST), (1, 0, DIGEST)]
    records = tuple(f"{number:064}" for number in range(RECORDS_A_PART + 1))
    told = RecordDropped(video="v", encoding=1, part=0, digests=(DIGEST,), records=records)
    released, *parts = scenario.when(told)
    assert isinstance(released, FilesReleased) and released.digests == (DIGEST,)
    assert [(event.part, len(event.records)) for event in parts] == [(1, RECORDS_A_PART), (2, 1)]
    assert scenario.when(told) == []
    part = msgspec.structs.replace(told, part=1, records=())
    assert kinds(scenario.when(part)) == [FilesReleased]
    lost = FailStep(video="v", step=Step.RELEASE, encoding=1, item=2, reason="gone")
    assert kinds(scenario.when(lost)) == [FilesLeft]
    assert scenario.when(lost) == []
    assert scenario.state.videos["v"].dropped == [(0, 0)]


def test_a_takedown_forgets_what_was_to_be_retired() -> None:
    scenario = published()
    scenario.when(ReencodeVideo(video="v", ladder=LADDER))
    for item in range(3):
        scenario.when(answer(item, encoding=2))
    scenario.when(package(2))
    scenario.when(TakeDownVideo(video="v", reason="copyright"))
    assert SYSTEM.decider.next_due is not None
    assert SYSTEM.decider.next_due(scenario.state) is None


def test_a_new_encoding_that_fails_leaves_the_old_one() -> None:
    scenario = published()
    scenario.when(ReencodeVideo(video="v", ladder=LADDER))
    failed = FailStep(video="v", step=Step.TRANSCODE, encoding=2, item=1, reason="broken")
    (told,) = scenario.when(failed)
    assert isinstance(told, EncodingFailed) and told.jobs == ("2/240p/0/v", "2/240p/2/v")
    assert scenario.when(failed) == []
    assert kinds(scenario.when(ViewVideo(video="v", session="s"))) == [ViewCounted]
    assert kinds(scenario.when(ReencodeVideo(video="v", ladder=LADDER)))[0] is EncodingStarted


@pytest.mark.parametrize("step", [Step.TRANSCODE, Step.PACKAGE])
def test_a_first_encoding_that_fails_is_the_videos_end_until_it_is_tried_again(step: Step) -> None:
    scenario = probed()
    if step is Step.PACKAGE:
        for item in range(3):
            scenario.when(answer(item))
    events = scenario.when(FailStep(video="v", step=step, encoding=1, item=0, reason="broken"))
    dropped = [FilesDropped] if step is Step.PACKAGE else []
    assert kinds(events) == [EncodingFailed, *dropped, VideoFailed]
    assert status_of(scenario) is Status.FAILED
    assert kinds(scenario.when(ReencodeVideo(video="v", ladder=LADDER)))[0] is EncodingStarted
    assert status_of(scenario) is Status.ENCODING


def test_what_the_probe_finds_may_be_nothing_to_encode() -> None:
    (failed,) = created().when(RecordProbe(video="v", facts=facts(width=4)))
    assert isinstance(failed, VideoFailed) and "4 x 240" in failed.reason
    scenario = created()
    scenario.when(FailStep(video="v", step=Step.PROBE, reason="no"))
    assert scenario.when(RecordProbe(video="v", facts=facts())) == []
    code = the_rejection(scenario.when(ReencodeVideo(video="v"))).code
    assert code is RejectCode.WRONG_STATUS


@pytest.mark.parametrize(
    ("command", "code", "field"),
    [
        (creation(), RejectCode.DUPLICATE_VIDEO, "video"),
        (ReencodeVideo(video="v", ladder=Ladder(rungs=())), RejectCode.INVALID_LADDER, "rungs"),
        (ViewVideo(video="w", session="s"), RejectCode.UNKNOWN_VIDEO, "video"),
        (HoldVideo(video="w", reason="r"), RejectCode.UNKNOWN_VIDEO, "video"),
    ],
)
def test_rejections(command: Any, code: RejectCode, field: str) -> None:
    rejected = the_rejection(published().when(command))
    assert (rejected.code, rejected.field, rejected.video) == (code, field, command.video)


def test_a_ladder_that_is_none_is_rejected_at_once() -> None:
    rejected = the_rejection(given(SYSTEM.decider).when(creation(Ladder(rungs=()))))
    assert rejected.code is RejectCode.INVALID_LADDER


def test_a_session_counts_once_in_a_window() -> None:
    scenario = published()
    view = ViewVideo(video="v", session="s")
    assert kinds(scenario.when(view, at=1)) == [ViewCounted]
    assert scenario.when(view, at=2) == scenario.when(view, at=SEEN_WINDOW_MS) == []
    assert kinds(scenario.when(ViewVideo(video="v", session="t"), at=5)) == [ViewCounted]
    assert kinds(scenario.when(view, at=1 + SEEN_WINDOW_MS)) == [ViewCounted]


def test_what_was_seen_is_forgotten_after_the_window_and_beyond_so_many() -> None:
    state = Library()
    for number in range(SEEN_MAX + 10):
        state.see("v", f"session {number}", 1)
    assert len(state.seen) == SEEN_MAX
    assert ("v", "session 9") not in state.seen and ("v", "session 10") in state.seen
    state.see("v", "late", 1 + SEEN_WINDOW_MS)
    assert list(state.seen) == [("v", "late")]
    invariants.check(state)


def job(name: str = "1/240p/0/v") -> StartTranscode:
    events = created().when(RecordProbe(video="v", facts=facts()))
    asked = next(event for event in events if isinstance(event, RangeRequested))
    return StartTranscode(
        job=name, video="v", encoding=1, item=0, source=DIGEST, range=asked.range
    )


def test_a_job_is_started_once_and_answered_once() -> None:
    scenario = given(SYSTEM.decider)
    assert kinds(scenario.when(job())) == [TranscodeStarted]
    assert scenario.when(job()) == []
    finish = FinishTranscode(job="1/240p/0/v", record=DIGEST, segments=(BLOB,))
    (finished,) = scenario.when(finish)
    assert isinstance(finished, TranscodeFinished)
    assert (finished.video, finished.encoding, finished.item) == ("v", 1, 0)
    assert scenario.when(finish) == scenario.when(FailTranscode(job=finish.job, reason="r")) == []


def test_a_job_fails_or_is_withdrawn() -> None:
    scenario = given(SYSTEM.decider)
    scenario.when(job())
    assert kinds(scenario.when(FailTranscode(job="1/240p/0/v", reason="r"))) == [TranscodeFailed]
    scenario.when(job())
    withdraw = WithdrawTranscode(job="1/240p/0/v")
    assert kinds(scenario.when(withdraw)) == [TranscodeWithdrawn]
    assert scenario.when(withdraw) == []


def test_jobs_of_one_video_fall_on_all_partitions() -> None:
    names = [f"1/{rung}p/{number}/v" for rung in (240, 360, 480) for number in range(8)]
    places = [SYSTEM.placed(WithdrawTranscode(job=name), 4)[1][0] for name in names]
    assert sorted(set(places)) == [0, 1, 2, 3]
    assert max(map(places.count, range(4))) <= len(names) // 2


def test_the_default_ladder_is_one() -> None:
    assert kinds(given(SYSTEM.decider).when(creation(DEFAULT_LADDER))) == [VideoCreated]
