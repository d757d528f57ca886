"""What hosts, guests and the payment provider ask of the stays. Any of these may be rejected.

Units as in `terms.py`: nights are days since 1970-01-01, money is minor units of the listing's
currency. Ids are chosen by the sender: a listing's must be new, a booking's new among those of its
listing. `host` and `guest` say who asks, which the gateway has checked.

All commands about a listing go to its partition. `SaveSearch` and `RemoveSearch` concern no
listing of their own, and go to every partition.
"""

from log.envelope import Command
from processors.booking.stays.terms import BookingMode as BookingMode
from processors.booking.stays.terms import BookingTerms as BookingTerms
from processors.booking.stays.terms import CancellationPolicy as CancellationPolicy
from processors.booking.stays.terms import Day, Number
from processors.booking.stays.terms import LastMinuteDiscount as LastMinuteDiscount
from processors.booking.stays.terms import LengthDiscount as LengthDiscount
from processors.booking.stays.terms import NightRange as NightRange
from processors.booking.stays.terms import NightTerms as NightTerms
from processors.booking.stays.terms import PaymentOutcome as PaymentOutcome
from processors.booking.stays.terms import Place as Place
from processors.booking.stays.terms import PriceRules as PriceRules
from processors.booking.stays.terms import SearchTerms as SearchTerms
from processors.booking.stays.terms import Season as Season
from processors.booking.stays.terms import StayRules as StayRules


class CreateListing(Command, tag="create_listing.v1", kw_only=True):
    """A host offers one unit. All its nights are open, as far as its rules go."""

    listing: str
    host: str
    place: Place
    capacity: Number
    """Guests at most."""
    currency: str
    """ISO 4217: `EUR`. It stays."""
    prices: PriceRules
    title: str = ""
    room_type: str = ""
    """`entire home`, `private room`: the host's words."""
    amenities: tuple[str, ...] = ()
    rules: StayRules = StayRules()
    terms: BookingTerms = BookingTerms()


class ChangeListing(Command, tag="change_listing.v1", kw_only=True):
    """The listing from now on, in whole. Bookings that there are keep their price and terms."""

    listing: str
    host: str
    place: Place
    capacity: Number
    prices: PriceRules
    title: str = ""
    room_type: str = ""
    amenities: tuple[str, ...] = ()
    rules: StayRules = StayRules()
    terms: BookingTerms = BookingTerms()
    open: bool = True
    """Whether new bookings are taken."""


class SetNights(Command, tag="set_nights.v1", kw_only=True):
    """Prices and lengths of stay of certain nights, in place of what the rules say, and of what
    was set for them before. `night_terms` with nothing but zeros is back to the rules."""

    listing: str
    host: str
    ranges: tuple[NightRange, ...]
    night_terms: NightTerms


class BlockNights(Command, tag="block_nights.v1", kw_only=True):
    """The host takes nights off the calendar: all of them, or, where one is booked, none. Blocking
    what is blocked already does no harm."""

    listing: str
    host: str
    ranges: tuple[NightRange, ...]


class UnblockNights(Command, tag="unblock_nights.v1", kw_only=True):
    """What the host had blocked of these nights is open again."""

    listing: str
    host: str
    ranges: tuple[NightRange, ...]


class HoldNights(Command, tag="hold_nights.v1", kw_only=True):
    """A guest wants the nights: all of them are held, for a while, or none."""

    listing: str
    booking: str
    guest: str
    arrival: Day
    departure: Day
    guests: Number = 1
    total_max: Number = 0
    """The total that the guest has seen: the nights are not held at a higher one. 0: any."""


class PayBooking(Command, tag="pay_booking.v1", kw_only=True):
    """The guest of a hold pays by `method`, a token of the payment provider's: the total is
    authorized. Then the booking is confirmed, or the host is asked; and if it is declined, the
    nights are released."""

    listing: str
    booking: str
    guest: str
    method: str


class AcceptBooking(Command, tag="accept_booking.v1", kw_only=True):
    """The host takes a request: a new booking, or the change of one."""

    listing: str
    booking: str
    host: str


class DeclineBooking(Command, tag="decline_booking.v1", kw_only=True):
    """The host does not: nights and money are released, and what was changed stays as it was."""

    listing: str
    booking: str
    host: str


class ModifyBooking(Command, tag="modify_booking.v1", kw_only=True):
    """Other nights, or more or fewer guests, at today's prices. The booking's own nights stay held
    until the new ones are sure. Before check-in only."""

    listing: str
    booking: str
    guest: str
    arrival: Day
    departure: Day
    guests: Number = 1
    total_max: Number = 0
    """As in `HoldNights`: of the whole stay."""
    method: str = ""
    """Pays what the new stay costs beyond what is authorized already."""


class CancelBooking(Command, tag="cancel_booking.v1", kw_only=True):
    """By its guest or by the listing's host. A hold or a request is withdrawn; a confirmed booking
    is refunded, by its policy if the guest cancels, in full if the host does (but for nights that
    are spent). A change that is under way is dropped with it."""

    listing: str
    booking: str
    party_id: str
    """The guest, or the host."""


class WriteReview(Command, tag="write_review.v1", kw_only=True):
    """Guest and host review each other, once each, within 14 days of check-out; nobody sees either
    before both are there or the time is over."""

    listing: str
    booking: str
    party_id: str
    """The guest, or the host."""
    stars: Number
    """1 to 5."""
    text: str = ""


class AnswerPayment(Command, tag="answer_payment.v1", kw_only=True):
    """What became of a `payment_requested.v1`: from the payment effect. Only the answer to the
    step that is waited for counts; any other changes nothing."""

    listing: str
    booking: str
    payment: Number
    step: Number
    outcome: PaymentOutcome
    reason: str = ""


class RetryPayment(Command, tag="retry_payment.v1", kw_only=True):
    """The operator has a step tried again that failed for good (`payment_stuck.v1`)."""

    listing: str
    booking: str
    payment: Number


class AddWish(Command, tag="add_wish.v1", kw_only=True):
    """A guest keeps the listing on the wish list."""

    listing: str
    guest: str


class RemoveWish(Command, tag="remove_wish.v1", kw_only=True):
    listing: str
    guest: str


class SaveSearch(Command, tag="save_search.v1", kw_only=True):
    """A guest wants to hear of listings and changes that fit. Sent again: changed."""

    guest: str
    search: str
    """An id of the guest's own."""
    search_terms: SearchTerms


class RemoveSearch(Command, tag="remove_search.v1", kw_only=True):
    guest: str
    search: str


COMMANDS = (
    CreateListing,
    ChangeListing,
    SetNights,
    BlockNights,
    UnblockNights,
    HoldNights,
    PayBooking,
    AcceptBooking,
    DeclineBooking,
    ModifyBooking,
    CancelBooking,
    WriteReview,
    AnswerPayment,
    RetryPayment,
    AddWish,
    RemoveWish,
    SaveSearch,
    RemoveSearch,
)

StaysCommand = Command
"""Any of `COMMANDS`."""
