"""What hosts do with their listings, and what guests keep of them: listings, prices, blocks, wish
lists, saved searches."""

from collections.abc import Sequence
from typing import Final

from log.envelope import Event
from processors.booking.stays.commands import (
    AddWish,
    BlockNights,
    ChangeListing,
    CreateListing,
    RemoveSearch,
    RemoveWish,
    SaveSearch,
    SetNights,
    UnblockNights,
)
from processors.booking.stays.events import (
    ListingChanged,
    ListingCreated,
    NightsBlocked,
    NightsSet,
    NightsUnblocked,
    SearchRemoved,
    SearchSaved,
    WishAdded,
    WishRemoved,
)
from processors.booking.stays.listing_checks import (
    fault_of_currency,
    fault_of_listing,
    fault_of_name,
    fault_of_night_terms,
    fault_of_ranges,
    fault_of_search,
)
from processors.booking.stays.rejecting import Turned, listing_of, own_listing, turn_down_if
from processors.booking.stays.state import BLOCK, Stays, day_of
from processors.booking.stays.terms import RejectCode

NOTHING: Final[Sequence[Event]] = ()
SEARCHES_MAX: Final = 100
"""Of one guest."""


def create_listing(state: Stays, command: CreateListing, _at: int) -> Sequence[Event]:
    if command.listing in state.listings:
        reason = f"there is a listing {command.listing!r} already"
        raise Turned(RejectCode.LISTING_EXISTS, "listing", reason)
    turn_down_if(fault_of_name("listing", command.listing))
    turn_down_if(fault_of_name("host", command.host))
    turn_down_if(fault_of_currency(command.currency))
    turn_down_if(fault_of_listing(command))
    return (
        ListingCreated(
            listing=command.listing,
            host=command.host,
            place=command.place,
            capacity=command.capacity,
            currency=command.currency,
            prices=command.prices,
            title=command.title,
            room_type=command.room_type,
            amenities=command.amenities,
            rules=command.rules,
            terms=command.terms,
        ),
    )


def change_listing(state: Stays, command: ChangeListing, _at: int) -> Sequence[Event]:
    listing = own_listing(state, command)
    turn_down_if(fault_of_listing(command))
    return (
        ListingChanged(
            listing=listing.listing,
            place=command.place,
            capacity=command.capacity,
            prices=command.prices,
            title=command.title,
            room_type=command.room_type,
            amenities=command.amenities,
            rules=command.rules,
            terms=command.terms,
            open=command.open,
        ),
    )


def set_nights(state: Stays, command: SetNights, at: int) -> Sequence[Event]:
    listing = own_listing(state, command)
    turn_down_if(fault_of_ranges(command.ranges, day_of(listing.terms, at)))
    turn_down_if(fault_of_night_terms(command.night_terms))
    return (NightsSet(listing=listing.listing, ranges=command.ranges, terms=command.night_terms),)


def block_nights(state: Stays, command: BlockNights, at: int) -> Sequence[Event]:
    listing = own_listing(state, command)
    turn_down_if(fault_of_ranges(command.ranges, day_of(listing.terms, at)))
    for each in command.ranges:
        for first, end, holder in listing.nights.within(each.first_night, each.end_night):
            if holder != BLOCK:
                reason = f"nights {first} to {end - 1} are booking {holder!r}: cancel that first"
                raise Turned(RejectCode.NIGHTS_TAKEN, "ranges", reason)
    return (NightsBlocked(listing=listing.listing, ranges=command.ranges),)


def unblock_nights(state: Stays, command: UnblockNights, at: int) -> Sequence[Event]:
    listing = own_listing(state, command)
    turn_down_if(fault_of_ranges(command.ranges, day_of(listing.terms, at)))
    for each in command.ranges:
        for _first, _end, holder in listing.nights.within(each.first_night, each.end_night):
            if holder == BLOCK:
                return (NightsUnblocked(listing=listing.listing, ranges=command.ranges),)
    return NOTHING


def add_wish(state: Stays, command: AddWish, _at: int) -> Sequence[Event]:
    listing = listing_of(state, command)
    turn_down_if(fault_of_name("guest", command.guest))
    if command.guest in listing.wishes:
        return NOTHING
    return (WishAdded(listing=listing.listing, guest=command.guest),)


def remove_wish(state: Stays, command: RemoveWish, _at: int) -> Sequence[Event]:
    listing = listing_of(state, command)
    if command.guest not in listing.wishes:
        return NOTHING
    return (WishRemoved(listing=listing.listing, guest=command.guest),)


def save_search(state: Stays, command: SaveSearch, _at: int) -> Sequence[Event]:
    turn_down_if(fault_of_name("guest", command.guest))
    turn_down_if(fault_of_name("search", command.search))
    turn_down_if(fault_of_search(command.search_terms))
    saved = state.searches.get(command.guest, {})
    if command.search not in saved and len(saved) >= SEARCHES_MAX:
        reason = f"{command.guest} has {SEARCHES_MAX} saved searches: remove one first"
        raise Turned(RejectCode.TOO_MANY_SEARCHES, "search", reason)
    return (SearchSaved(guest=command.guest, search=command.search, terms=command.search_terms),)


def remove_search(state: Stays, command: RemoveSearch, _at: int) -> Sequence[Event]:
    if command.search not in state.searches.get(command.guest, {}):
        reason = f"{command.guest!r} has no saved search {command.search!r}"
        raise Turned(RejectCode.UNKNOWN_SEARCH, "search", reason)
    return (SearchRemoved(guest=command.guest, search=command.search),)
