"""The order book's read model by example: hand-made events in, the public's book and the owner's
orders out."""

from typing import Any

from processors.markets.exchange.events import (
    InstrumentSplit,
    OrderActivated,
    OrderAdjusted,
    OrderDecremented,
    OrderEntered,
    OrderParked,
    OrderRefilled,
    OrderReplaced,
    OrderRepriced,
    OrderTerms,
    OrderType,
    Peg,
    TimeInForce,
)
from projections.markets.exchange import queries
from projections.markets.exchange.order_book import ORDER_BOOK
from tests.projections.markets.exchange.recorded import (
    Recorded,
    accepted,
    auctioned,
    cancelled,
    lines,
    listed,
    recorded_in,
    traded,
)

recorded = recorded_in(ORDER_BOOK)
ICEBERG = OrderTerms(display_quantity=10)
RESERVE = OrderTerms(display_quantity=10, reserve=True)
PEG = OrderTerms(peg=Peg.BEST_BID, peg_offset=-1)


def entered(order_id: int, price: int, quantity: int, displayed: int = 0) -> OrderEntered:
    return OrderEntered(
        instrument="ACME",
        order_id=order_id,
        price=price,
        quantity=quantity,
        displayed=displayed,
    )


def refilled(order_id: int, displayed: int) -> OrderRefilled:
    return OrderRefilled(instrument="ACME", order_id=order_id, displayed=displayed)


def replaced(order_id: int, price: int, quantity: int, **more: Any) -> OrderReplaced:
    return OrderReplaced(
        instrument="ACME", order_id=order_id, price=price, quantity=quantity, **more
    )


def book(recorded: Recorded) -> str:
    """The public's: depth, orders, quantity and price of the bid; price, ... of the offer."""
    return recorded.table(queries.book_by_price, "ACME")


def queue(recorded: Recorded, side: str = "sell") -> str:
    """The operator's: `order: displayed of quantity @ price`, in the order they would trade."""
    return "; ".join(
        f"{it.order_id}: {it.displayed} of {it.quantity} @ {it.price}"
        for it in recorded.ask(queries.book_by_order, "ACME", side)
    )


def own(recorded: Recorded, *columns: str) -> list[list[Any]]:
    """Columns of the open orders of account 1, by id."""
    found = recorded.ask(queries.open_orders, 1)
    return [[getattr(order, column) for column in columns] for order in found]


def test_what_is_not_displayed_is_not_in_the_public_book(recorded: Recorded) -> None:
    recorded.happen(listed())
    recorded.happen(accepted(1, "sell", 100, 105, terms=ICEBERG, displayed=10))
    recorded.happen(accepted(2, "sell", 100, 105, terms=RESERVE, displayed=10))
    recorded.happen(accepted(3, "sell", 7, 105, terms=OrderTerms(hidden=True)))
    recorded.happen(accepted(4, "sell", 8, 104, terms=OrderTerms(all_or_none=True)))
    recorded.happen(accepted(5, "sell", 3, 106), accepted(6, "buy", 2, 100))
    recorded.happen(accepted(7, "buy", 9, 0, terms=PEG, parked=True), entered(7, 99, 9))
    assert book(recorded) == lines("""
        1 | 1 | 2 | 100 | 105 | 20 | 2
        2 | - | - | - | 106 | 3 | 1
    """)
    assert recorded.table(queries.best, "ACME") == "1 | 1 | 2 | 100 | 105 | 20 | 2"
    assert queue(recorded) == (
        "4: 0 of 8 @ 104; 1: 10 of 100 @ 105; 2: 10 of 100 @ 105; 3: 0 of 7 @ 105; 5: 3 of 3 @ 106"
    )
    assert queue(recorded, "buy") == "6: 2 of 2 @ 100; 7: 0 of 9 @ 99"
    recorded.happen(*(cancelled(order_id) for order_id in range(1, 8)))
    assert book(recorded) == queue(recorded) == queue(recorded, "buy") == ""


def test_an_iceberg_refills_at_the_back_of_the_queue(recorded: Recorded) -> None:
    recorded.happen(listed())
    recorded.happen(accepted(1, "sell", 25, 105, terms=ICEBERG, displayed=10))
    recorded.happen(accepted(2, "sell", 5, 105))
    recorded.happen(accepted(3, "buy", 4, 105), traded(1, 4, 105, (1, 3), (1, 1)))
    assert queue(recorded) == "1: 6 of 21 @ 105; 2: 5 of 5 @ 105"
    recorded.happen(
        accepted(4, "buy", 12, 105),
        traded(2, 6, 105, (1, 4), (1, 1)),
        refilled(1, 10),
        traded(3, 5, 105, (1, 4), (1, 2)),
        traded(4, 1, 105, (1, 4), (1, 1)),
    )
    assert (book(recorded), queue(recorded)) == ("1 | - | - | - | 105 | 9 | 1", "1: 9 of 14 @ 105")


def test_an_iceberg_that_takes_trades_all_of_it(recorded: Recorded) -> None:
    recorded.happen(listed())
    recorded.happen(accepted(1, "buy", 30, 105))
    recorded.happen(
        accepted(2, "sell", 45, 105, terms=ICEBERG, displayed=10),
        traded(1, 30, 105, (1, 2), (1, 1), side="sell"),
    )
    assert (book(recorded), queue(recorded)) == (
        "1 | - | - | - | 105 | 10 | 1",
        "2: 10 of 15 @ 105",
    )


def test_what_a_reserve_order_keeps_back_trades_too(recorded: Recorded) -> None:
    recorded.happen(listed())
    recorded.happen(accepted(1, "sell", 40, 105, terms=RESERVE, displayed=10))
    recorded.happen(
        accepted(2, "buy", 15, 105),
        traded(1, 10, 105, (1, 2), (1, 1)),
        traded(2, 5, 105, (1, 2), (1, 1)),
        refilled(1, 10),
    )
    assert queue(recorded) == "1: 10 of 25 @ 105"
    recorded.happen(OrderDecremented(instrument="ACME", order_id=1, quantity=12))
    assert queue(recorded) == "1: 10 of 13 @ 105"
    recorded.happen(OrderDecremented(instrument="ACME", order_id=1, quantity=5))
    assert (queue(recorded), book(recorded)) == (
        "1: 8 of 8 @ 105",
        "1 | - | - | - | 105 | 8 | 1",
    )


def test_a_stop_waits_unseen_until_it_enters(recorded: Recorded) -> None:
    recorded.happen(listed())
    stop = OrderTerms(stop_price=110, display_quantity=10)
    recorded.happen(accepted(1, "buy", 20, 112, terms=stop, parked=True), at_ms=7)
    columns = ("order_id", "state", "displayed", "price", "stop_price", "terms")
    assert own(recorded, *columns) == [[1, "parked", 0, 112, 110, "stop 110, iceberg 10"]]
    assert book(recorded) == queue(recorded, "buy") == ""
    recorded.happen(entered(1, 112, 20, displayed=10))
    assert own(recorded, *columns)[0][:4] == [1, "on_book", 10, 112]
    assert queue(recorded, "buy") == "1: 10 of 20 @ 112"


def test_a_child_waits_for_its_parent_with_what_that_traded(recorded: Recorded) -> None:
    recorded.happen(listed())
    child = OrderTerms(parent_order_id=1, linked_order_id=9)
    recorded.happen(accepted(2, "sell", 20, 120, terms=child, parked=True))
    recorded.happen(OrderActivated(instrument="ACME", order_id=2, quantity=15))
    columns = ("quantity", "state", "terms")
    assert own(recorded, *columns) == [[15, "parked", "cancels 9, after 1"]]
    recorded.happen(entered(2, 120, 15))
    assert own(recorded, *columns)[0][:2] == [15, "on_book"]
    assert book(recorded) == "1 | - | - | - | 120 | 15 | 1"


def test_a_peg_moves_parks_and_comes_back(recorded: Recorded) -> None:
    recorded.happen(listed(), accepted(8, "buy", 1, 99, terms=OrderTerms(hidden=True)))
    recorded.happen(accepted(1, "buy", 5, 101, terms=PEG, parked=True), entered(1, 99, 5))
    assert own(recorded, "price", "limit_price", "terms")[0] == [99, 101, "peg best_bid-1"]
    recorded.happen(OrderRepriced(instrument="ACME", order_id=1, price=100))
    assert queue(recorded, "buy") == "1: 0 of 5 @ 100; 8: 0 of 1 @ 99"
    recorded.happen(replaced(1, 101, 4, kept_priority=True))  # 101 is its limit
    assert queue(recorded, "buy") == "1: 0 of 4 @ 100; 8: 0 of 1 @ 99"
    recorded.happen(OrderParked(instrument="ACME", order_id=1))
    assert queue(recorded, "buy") == "8: 0 of 1 @ 99"
    assert own(recorded, "price", "limit_price", "state")[0] == [101, 101, "parked"]
    recorded.happen(entered(1, 99, 4))
    assert queue(recorded, "buy") == "8: 0 of 1 @ 99; 1: 0 of 4 @ 99"


def test_a_replaced_order_has_new_terms(recorded: Recorded) -> None:
    recorded.happen(listed(), accepted(1, "sell", 20, 105), accepted(2, "sell", 5, 105))
    recorded.happen(replaced(1, 105, 12, kept_priority=True, expires_at_ms=9))
    assert queue(recorded) == "1: 12 of 12 @ 105; 2: 5 of 5 @ 105"
    day = TimeInForce.DAY
    recorded.happen(replaced(1, 105, 30, terms=ICEBERG, displayed=10, time_in_force=day))
    assert queue(recorded) == "2: 5 of 5 @ 105; 1: 10 of 30 @ 105"
    recorded.happen(replaced(1, 105, 8, kept_priority=True))
    assert queue(recorded) == "2: 5 of 5 @ 105; 1: 8 of 8 @ 105"
    stop = OrderTerms(stop_price=100)
    recorded.happen(replaced(1, 99, 8, terms=stop, parked=True))
    assert own(recorded, "order_id", "state", "time_in_force", "terms", "expires_at_ms") == [
        [1, "parked", "day", "stop 100", None],
        [2, "on_book", "good_till_cancelled", "", None],
    ]
    assert book(recorded) == "1 | - | - | - | 105 | 5 | 1"


def test_market_orders_stand_before_all_prices_in_a_call(recorded: Recorded) -> None:
    to_limit = OrderType.MARKET_TO_LIMIT
    recorded.happen(listed(), accepted(1, "buy", 10, 100), accepted(2, "sell", 4, 90))
    recorded.happen(accepted(3, "buy", 6, 0, order_type=OrderType.MARKET))
    recorded.happen(accepted(4, "buy", 9, 0, order_type=to_limit))
    assert book(recorded) == lines("""
        0 | 2 | 15 | 0 | - | - | -
        1 | 1 | 10 | 100 | 90 | 4 | 1
    """)
    assert queue(recorded, "buy") == "3: 6 of 6 @ 0; 4: 9 of 9 @ 0; 1: 10 of 10 @ 100"
    assert recorded.table(queries.best, "ACME") == "1 | 1 | 10 | 100 | 90 | 4 | 1"
    recorded.happen(
        auctioned(1, 4, 90, (1, 3), (1, 2)),
        OrderRepriced(instrument="ACME", order_id=4, price=90),
        cancelled(3),
    )
    assert book(recorded) == lines("""
        1 | 1 | 10 | 100 | - | - | -
        2 | 1 | 9 | 90 | - | - | -
    """)


def test_an_auction_leaves_of_an_iceberg_what_it_displays(recorded: Recorded) -> None:
    recorded.happen(listed(), accepted(1, "sell", 50, 100, terms=ICEBERG, displayed=10))
    recorded.happen(accepted(2, "buy", 43, 100))
    recorded.happen(auctioned(1, 43, 100, (1, 2), (1, 1)))
    assert queue(recorded) == "1: 7 of 7 @ 100"


def test_a_split_adjusts_every_order(recorded: Recorded) -> None:
    recorded.happen(listed(), accepted(1, "sell", 10, 100), accepted(2, "sell", 9, 101))
    recorded.happen(accepted(3, "buy", 4, 90, terms=OrderTerms(stop_price=110), parked=True))
    recorded.happen(accepted(4, "sell", 30, 101, terms=ICEBERG, displayed=10))
    recorded.happen(
        InstrumentSplit(instrument="ACME", numerator=2, denominator=1),
        *(
            OrderAdjusted(instrument="ACME", order_id=1, price=50, quantity=20),
            OrderAdjusted(instrument="ACME", order_id=2, price=51, quantity=18),
            OrderAdjusted(
                instrument="ACME",
                order_id=3,
                price=45,
                quantity=8,
                terms=OrderTerms(stop_price=55),
            ),
            OrderAdjusted(
                instrument="ACME",
                order_id=4,
                price=51,
                quantity=60,
                terms=OrderTerms(display_quantity=20),
                displayed=20,
            ),
        ),
    )
    assert queue(recorded) == "1: 20 of 20 @ 50; 2: 18 of 18 @ 51; 4: 20 of 60 @ 51"
    assert own(recorded, "price", "quantity", "stop_price", "state")[2] == [45, 8, 55, "parked"]


def test_an_owner_sees_everything_about_an_order(recorded: Recorded) -> None:
    recorded.happen(listed())
    recorded.happen(
        accepted(
            1,
            "buy",
            10,
            100,
            time_in_force=TimeInForce.GOOD_TILL_TIME,
            session_id=77,
            is_quote=True,
            post_only=True,
            expires_at_ms=5_000,
            terms=OrderTerms(expires_at_ms=5_000, reprice=True),
        ),
        at_ms=3,
    )
    assert recorded.table(queries.open_orders, 1, hide=("priority",)) == (
        "ACME | 1 | 1 | buy | 100 | 10 | 3 | 10 | on_book | limit | good_till_time | True | "
        "full | 100 | 0 | 5000 | 77 | True | reprice"
    )


def test_terms_in_short_words(recorded: Recorded) -> None:
    examples = [
        (OrderTerms(trail_amount=5), "trail 5"),
        (OrderTerms(stop_price=90, trail_ticks=3), "stop 90, trail 3 ticks"),
        (OrderTerms(display_quantity=10, display_range=4), "iceberg 10±4"),
        (OrderTerms(display_quantity=10, reserve=True), "reserve 10"),
        (OrderTerms(hidden=True), "hidden"),
        (OrderTerms(peg=Peg.MIDPOINT), "peg midpoint"),
        (OrderTerms(minimum_quantity=7), "minimum 7"),
        (OrderTerms(all_or_none=True), "all-or-none"),
    ]
    recorded.happen(listed())
    for number, (terms, _) in enumerate(examples):
        recorded.happen(accepted(number, "buy", 50, 100, terms=terms))
    assert [text for (text,) in own(recorded, "terms")] == [text for _, text in examples]
