"""The importers of recorded bookings, by name: what `refold import` lists and calls."""

from typing import Final

from gateway.booking.hotels.hotel_bookings import hotel_bookings
from gateway.recording import Importer

IMPORTERS: Final = {
    "hotel-bookings": Importer(
        hotel_bookings,
        "booking.hotels",
        "bookings of hotels as CSV (Hotel booking demand datasets, 2019)",
    ),
}
