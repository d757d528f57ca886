"""A history that the exchange's first rules decided: it still folds, to the same open orders."""

import json
from pathlib import Path

from processors.core.decider import fold
from processors.core.messages import CORE_EVENTS
from processors.core.testing.subject import json_config
from processors.markets.exchange import SYSTEM, invariants
from processors.markets.exchange.decider import DECIDER

HISTORY = Path("tests/golden/markets/exchange_rules_1")


def events(partition: int) -> list[dict[str, object]]:
    lines = map(json.loads, (HISTORY / "events.jsonl").read_text().splitlines())
    return [line["value"] for line in lines if line["partition"] == partition]


def open_quantities(told: list[dict[str, object]]) -> dict[tuple[object, object], int]:
    """What is open, counted from the events as they stand in the file."""
    found: dict[tuple[object, object], int] = {}
    for event in told:
        kind, quantity = event["type"], event.get("quantity", 0)
        assert isinstance(quantity, int)
        if kind in ("order_accepted.v1", "order_replaced.v1"):
            found[event["instrument"], event["order_id"]] = quantity
        elif kind == "order_traded.v1":
            for side in ("taker_order_id", "maker_order_id"):
                found[event["instrument"], event[side]] -= quantity
        elif kind in ("order_cancelled.v1", "order_decremented.v1"):
            found[event["instrument"], event["order_id"]] -= quantity
    return {order: quantity for order, quantity in found.items() if quantity}


def test_events_of_the_first_rules_fold_to_the_orders_that_they_left_open() -> None:
    codec = SYSTEM.event_codec(json_config(SYSTEM))
    total = 0
    for partition in range(SYSTEM.partitions):
        told = events(partition)
        typed = [codec.decode(json.dumps(event).encode()) for event in told]
        state = fold(DECIDER, [event for event in typed if type(event) not in CORE_EVENTS])
        invariants.check(state)
        found = {
            (name, order.order_id): order.quantity
            for name, book in state.books.items()
            for order in book.orders.values()
        }
        assert found == open_quantities(told)
        total += len(found)
    assert total > 50
