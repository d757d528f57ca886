"""What can be wrong with what is asked."""


class WhatIfFailed(Exception):
    """The comparison cannot be made; the message says what, where, and what to do."""


class InvalidEdit(WhatIfFailed):
    """A line of the edits that means nothing for this history."""
