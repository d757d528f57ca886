"""The alerts of the surveillance: what its rules write, one row each. An alert is a reason for a
person to look, and no verdict."""

from typing import Final

import msgspec

from projections.core.projection import Table

ORDER_TO_TRADE: Final = "order_to_trade"
LAYERING: Final = "layering"
WASH_TRADE: Final = "wash_trade"


class Alert(msgspec.Struct, gc=False):
    at_ms: int
    instrument: str
    sequence: int
    """Of the event at which the rule was met."""
    kind: str
    account_id: int
    evidence: str


BY_KIND = ("kind", "at_ms")
BY_ACCOUNT = ("account_id", "at_ms")
ALERTS = Table(
    "alerts",
    Alert,
    key=("at_ms", "instrument", "sequence", "kind", "account_id"),
    indexes=(BY_KIND, BY_ACCOUNT),
)
