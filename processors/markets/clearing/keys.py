"""Where a command of clearing belongs."""

from typing import Any

from processors.markets.clearing.order_ids import ACCOUNT_SHIFT


def key_of(command: Any) -> str | None:
    """Its account, which an order's id names; None, for every partition, where it names none."""
    try:
        return str(command.order_id >> ACCOUNT_SHIFT)
    except AttributeError:
        account_id = getattr(command, "account_id", None)
        return None if account_id is None else str(account_id)
