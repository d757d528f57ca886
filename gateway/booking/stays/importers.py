"""The importers of recorded stays, by name: what `refold import` lists and calls."""

from typing import Final

from gateway.booking.stays.inside_airbnb import inside_airbnb
from gateway.recording import Importer

IMPORTERS: Final = {
    "inside-airbnb": Importer(
        inside_airbnb,
        "booking.stays",
        "Inside Airbnb's listings file of a city, with the calendar file beside it",
    ),
}
