"""Reviews by both sides, revealed together or when the time is over."""

from processors.booking.stays.commands import WriteReview
from processors.booking.stays.events import RejectCode, ReviewsRevealed, ReviewWritten
from processors.core.messages import Tick
from tests.processors.booking.stays.scenes import (
    GUEST,
    HOST,
    LOFT,
    Scene,
    answer,
    at,
    booked,
    kinds,
    offered,
    rejected,
    requests,
)


def review(party_id: str, stars: int = 5, text: str = "") -> WriteReview:
    return WriteReview(listing=LOFT, booking="b", party_id=party_id, stars=stars, text=text)


def stayed() -> Scene:
    """Days 1 to 3; it is noon of day 3."""
    scene = booked(offered(), 1, 3)
    [asked] = requests(scene.when(Tick(), at(1, 15)))
    scene.when(answer(asked), at(1, 15))
    scene.when(Tick(), at(3, 12))
    return scene


def test_reviews_are_revealed_once_both_are_written() -> None:
    for first, second in ((GUEST, HOST), (HOST, GUEST)):
        scene = stayed()
        stars = {GUEST: 4, HOST: 5}
        [written] = scene.when(review(first, stars[first], first), at(3, 13))
        assert isinstance(written, ReviewWritten)
        events = scene.when(review(second, stars[second], second), at(5))
        assert kinds(events) == ["ReviewWritten", "ReviewsRevealed"]
        revealed = events[1]
        assert (revealed.guest_stars, revealed.guest_text) == (4, GUEST)
        assert (revealed.host_stars, revealed.host_text) == (5, HOST)
        assert scene.state.booking(LOFT, "b") is None


def test_a_review_alone_is_revealed_when_the_time_is_over() -> None:
    scene = stayed()
    scene.when(review(HOST, 2, "Loud."), at(3, 13))
    assert scene.when(Tick(), at(17, 10, 59)) == []
    [revealed] = scene.when(Tick(), at(17, 11))
    assert isinstance(revealed, ReviewsRevealed)
    assert (revealed.guest_stars, revealed.host_stars, revealed.host_text) == (0, 2, "Loud.")
    assert rejected(scene.when(review(GUEST), at(17, 12))) is RejectCode.UNKNOWN_BOOKING


def test_what_is_no_review() -> None:
    scene = stayed()
    scene.when(review(GUEST), at(3, 13))
    for command, code in (
        (review(GUEST), RejectCode.ALREADY_REVIEWED),
        (review("grace"), RejectCode.NOT_YOURS),
        (review(HOST, 0), RejectCode.INVALID_VALUE),
        (review(HOST, 6), RejectCode.INVALID_VALUE),
        (review(HOST, 5, "x" * 4_001), RejectCode.INVALID_VALUE),
    ):
        assert rejected(scene.when(command, at(3, 13))) is code


def test_nobody_reviews_before_the_end() -> None:
    scene = booked(offered(), 1, 3)
    assert rejected(scene.when(review(GUEST), at(0))) is RejectCode.WRONG_STAGE
