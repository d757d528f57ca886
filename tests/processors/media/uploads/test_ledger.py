"""Who holds which blob, and how one that nobody holds goes."""

import pytest

from processors.core.messages import Tick
from processors.media.uploads.commands import (
    HoldBlob,
    RecordStamps,
    RecordSurvey,
    RecordSurveyFailed,
    RecordSweepFailed,
    RecordSwept,
    ReportBlob,
    SurveyStore,
)
from processors.media.uploads.effects import wanted
from processors.media.uploads.events import (
    BlobFreed,
    BlobHeld,
    BlobReleased,
    BlobSwept,
    SurveyEnded,
    SurveyRequested,
    SurveyTold,
    SweepFailed,
    SweepPlanned,
    SweepRequested,
)
from processors.media.uploads.ledger import RETRY_AFTER_MS
from tests.processors.media.uploads.language import (
    HOUR_MS,
    POLICY,
    Partition,
    digest_of,
    holder,
    release,
)

DIGEST = digest_of(b"x")
ANN, BOB = holder("one"), holder("two")
STAMPS = ("01700000000000000000-0badcafe",)
HOLD = HoldBlob(digest=DIGEST, holder=ANN)
LATER_MS = POLICY.sweep_after_ms


@pytest.fixture
def partition() -> Partition:
    return Partition()


def freed(partition: Partition) -> SweepPlanned:
    """Held, released, and due to be swept."""
    partition.when(HOLD)
    partition.when(release(b"x", ANN))
    (planned,) = partition.when(Tick(), at=partition.now + LATER_MS)
    assert isinstance(planned, SweepPlanned)
    return planned


def told(planned: SweepPlanned, stamps: tuple[str, ...] = STAMPS) -> RecordStamps:
    return RecordStamps(digest=DIGEST, attempt=planned.attempt, stamps=stamps)


def test_a_hold_is_told_each_time(partition: Partition) -> None:
    held = BlobHeld(digest=DIGEST, holder=ANN)
    assert partition.when(HOLD) == partition.when(HOLD) == [held]


def test_the_last_who_releases_frees(partition: Partition) -> None:
    partition.when(HOLD)
    partition.when(HoldBlob(digest=DIGEST, holder=BOB))
    assert partition.when(release(b"x", ANN)) == [BlobReleased(digest=DIGEST, holder=ANN)]
    assert partition.when(release(b"x", ANN)) == []
    assert partition.when(Tick(), at=HOUR_MS) == []
    assert partition.when(release(b"x", BOB)) == [
        BlobReleased(digest=DIGEST, holder=BOB),
        BlobFreed(digest=DIGEST, sweep_at_ms=HOUR_MS + LATER_MS),
    ]


def test_a_blob_that_is_free_is_swept_in_two_steps(partition: Partition) -> None:
    planned = freed(partition)
    assert wanted(partition.state, planned)
    (requested,) = partition.when(told(planned))
    assert requested == SweepRequested(digest=DIGEST, attempt=planned.attempt, stamps=STAMPS)
    assert wanted(partition.state, requested)
    assert not wanted(partition.state, planned)
    swept = RecordSwept(digest=DIGEST, attempt=planned.attempt)
    assert partition.when(swept) == [BlobSwept(digest=DIGEST)]
    assert partition.when(swept) == []
    assert partition.state.blobs == {}


def test_what_is_not_in_the_store_is_swept(partition: Partition) -> None:
    planned = freed(partition)
    assert partition.when(told(planned, ())) == [BlobSwept(digest=DIGEST)]


def test_who_holds_it_before_stamps_are_known_keeps_it(partition: Partition) -> None:
    planned = freed(partition)
    partition.when(HOLD)
    assert not wanted(partition.state, planned)
    assert partition.when(told(planned)) == []


def test_who_holds_it_while_it_is_swept_holds_it_on(partition: Partition) -> None:
    """What is deleted are the old stamps; the ledger does not forget who holds it now."""
    planned = freed(partition)
    (requested,) = partition.when(told(planned))
    partition.when(HOLD)
    assert not wanted(partition.state, requested)
    assert partition.when(RecordSwept(digest=DIGEST, attempt=planned.attempt)) == []
    assert ANN in partition.state.blobs[DIGEST].holders


def test_an_answer_of_an_earlier_sweep_is_not_taken(partition: Partition) -> None:
    first = freed(partition)
    partition.when(HOLD)
    partition.when(release(b"x", ANN))
    (second,) = partition.when(Tick(), at=partition.now + LATER_MS)
    assert second.attempt != first.attempt
    assert partition.when(told(first)) == []
    assert len(partition.when(told(second))) == 1
    assert partition.when(RecordSwept(digest=DIGEST, attempt=first.attempt)) == []


def test_a_sweep_that_fails_is_tried_again(partition: Partition) -> None:
    planned = freed(partition)
    failed = RecordSweepFailed(digest=DIGEST, attempt=planned.attempt, reason="no answer")
    later = partition.now + max(LATER_MS, RETRY_AFTER_MS)
    assert partition.when(failed) == [
        SweepFailed(digest=DIGEST, reason="no answer", sweep_at_ms=later)
    ]
    assert partition.when(failed) == []
    (again,) = partition.when(Tick(), at=later)
    assert isinstance(again, SweepPlanned)


def test_what_the_store_has_and_nobody_knows_is_swept(partition: Partition) -> None:
    report = ReportBlob(digest=DIGEST)
    assert partition.when(report) == [BlobFreed(digest=DIGEST, sweep_at_ms=LATER_MS)]
    assert partition.when(report) == []


def test_what_is_held_is_not_freed_by_a_report(partition: Partition) -> None:
    partition.when(HOLD)
    assert partition.when(ReportBlob(digest=DIGEST)) == []


def test_a_survey_goes_through_the_store_page_by_page(partition: Partition) -> None:
    first, last = sorted([digest_of(b"a"), digest_of(b"b")])
    survey = SurveyStore(survey="may")
    (requested,) = partition.when(survey)
    assert requested == SurveyRequested(survey="may", after="")
    assert wanted(partition.state, requested)
    assert partition.when(survey) == []
    page = RecordSurvey(survey="may", after="", digests=(first,), is_last=False)
    assert partition.when(page) == [
        SurveyTold(survey="may", digests=(first,)),
        SurveyRequested(survey="may", after=first),
    ]
    assert partition.when(page) == []
    page = RecordSurvey(survey="may", after=first, digests=(last,), is_last=True)
    assert partition.when(page) == [
        SurveyTold(survey="may", digests=(last,)),
        SurveyEnded(survey="may"),
    ]
    assert partition.when(page) == []


def test_a_survey_that_fails_ends(partition: Partition) -> None:
    partition.when(SurveyStore(survey="may"))
    failed = RecordSurveyFailed(survey="may", after="", reason="no answer")
    assert partition.when(failed) == [SurveyEnded(survey="may", reason="no answer")]
    assert partition.when(failed) == []
