"""Reviews by both sides, revealed together: once both are written, or when the time is over."""

from collections.abc import Sequence

from log.envelope import Event
from processors.booking.stays.commands import WriteReview
from processors.booking.stays.events import ReviewsRevealed, ReviewWritten
from processors.booking.stays.listing_checks import TEXT_MAX, invalid
from processors.booking.stays.rejecting import Turned, booking_of, listing_of, wrong_stage
from processors.booking.stays.state import Booking, Listing, Stage, Stays
from processors.booking.stays.terms import Party, RejectCode

STARS_MAX = 5


def write_review(state: Stays, command: WriteReview, _at: int) -> Sequence[Event]:
    listing = listing_of(state, command)
    booking = booking_of(listing, command)
    by_guest = command.party_id == booking.guest
    if not by_guest and command.party_id != listing.host:
        reason = f"{command.party_id!r} is neither its guest nor its host"
        raise Turned(RejectCode.NOT_YOURS, "party_id", reason)
    if booking.stage is not Stage.COMPLETED:
        raise wrong_stage(booking, "reviewed")
    if booking.guest_stars if by_guest else booking.host_stars:
        reason = f"{command.party_id} has reviewed it already"
        raise Turned(RejectCode.ALREADY_REVIEWED, "party_id", reason)
    if not 1 <= command.stars <= STARS_MAX:
        raise Turned(*invalid("stars", f"stars are 1 to {STARS_MAX}"))
    if len(command.text) > TEXT_MAX:
        raise Turned(*invalid("text", f"a review has {TEXT_MAX:,} characters at most"))
    written = ReviewWritten(
        listing=listing.listing,
        booking=booking.booking,
        party=Party.GUEST if by_guest else Party.HOST,
        stars=command.stars,
        text=command.text,
    )
    if not (booking.host_stars if by_guest else booking.guest_stars):
        return (written,)
    both = revealed(listing, booking)
    if by_guest:
        both.guest_stars, both.guest_text = command.stars, command.text
    else:
        both.host_stars, both.host_text = command.stars, command.text
    return (written, both)


def revealed(listing: Listing, booking: Booking) -> ReviewsRevealed:
    return ReviewsRevealed(
        listing=listing.listing,
        booking=booking.booking,
        guest=booking.guest,
        host=listing.host,
        guest_stars=booking.guest_stars,
        guest_text=booking.guest_text,
        host_stars=booking.host_stars,
        host_text=booking.host_text,
    )
