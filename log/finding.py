"""What an examination of a log finds: a thing that is not as it should be, where, and what to do.

Findings come from the checks of a log's files and of its systems' histories; `refold doctor`
prints them.
"""

import msgspec


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is not as it should be.

    A note is nothing lost and nothing wrong: what the next opening will mend, or what is left
    over. Everything else is damage.
    """

    path: str
    position: int | None = None
    """In bytes from the beginning of the file."""
    offset: int | None = None
    """Of the record, or the first of the records, that it is about."""
    what: str
    advice: str
    is_note: bool = False
