"""What must hold of the exchange whatever is sent to it, by its events alone: Hypothesis draws
days on one instrument with few prices, of every kind of command, order and phase; their events are
folded into a book and a ledger of their own (`event_book`). `test_invariants` looks at the state.

A failure prints the smallest day found, each command with the events that it led to.
"""

from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from typing import Any

import hypothesis.strategies as st
import msgspec
from hypothesis import given, note, settings

from processors.core.messages import Tick
from processors.core.timers import decide_fully
from processors.markets.exchange import commands as c
from processors.markets.exchange import events as e
from processors.markets.exchange.commands import Phase, Side, TimeInForce
from processors.markets.exchange.commands import SelfTradePrevention as Prevention
from processors.markets.exchange.decider import DECIDER
from tests.processors.markets.exchange import narrow_world
from tests.processors.markets.exchange.event_book import (
    ABOUT_AN_ORDER,
    PPM,
    TRADED,
    Book,
    Ledger,
    Open,
    trade_of,
)
from tests.processors.markets.exchange.narrow_world import Flow, numbered

ACME = "ACME"
PRICE_MAX = 150
CALLS = (Phase.OPENING_AUCTION, Phase.VOLATILITY_AUCTION, Phase.CLOSING_AUCTION)
TRADING = (Phase.CONTINUOUS, Phase.TRADING_AT_LAST)
ENDS_WITH = {
    Phase.OPENING_AUCTION: (TimeInForce.AT_THE_OPENING, TimeInForce.GOOD_FOR_AUCTION),
    Phase.VOLATILITY_AUCTION: (TimeInForce.GOOD_FOR_AUCTION,),
    Phase.CLOSING_AUCTION: (TimeInForce.AT_THE_CLOSE, TimeInForce.GOOD_FOR_AUCTION),
}
as_usual = settings(max_examples=120, deadline=None)

# Days, as Hypothesis draws them.

SHORT_DAY = c.SetCalendar(
    calendar="SHORT",
    weekdays=(0, 1, 2, 3, 4, 5, 6),
    steps=(
        c.TimetableStep(at_ms=1_000, phase=Phase.PRE_OPEN),
        c.TimetableStep(at_ms=2_000, phase=Phase.OPENING_AUCTION),
        c.TimetableStep(at_ms=42_000, phase=Phase.CONTINUOUS),
        c.TimetableStep(at_ms=160_000, phase=Phase.CLOSING_AUCTION),
        c.TimetableStep(at_ms=200_000, phase=Phase.TRADING_AT_LAST),
        c.TimetableStep(at_ms=240_000, phase=Phase.CLOSED),
    ),
)
TIERS = (
    c.FeeTier(maker_ppm=-2_000, taker_ppm=30_000, auction_ppm=10_000),
    c.FeeTier(notional_from=900, maker_ppm=-7_500, taker_ppm=20_500, auction_ppm=5_000),
)
listings = st.builds(
    c.ListInstrument,
    instrument=st.just(ACME),
    price_max=st.just(PRICE_MAX),
    calendar=st.sampled_from(["", "", "", "SHORT"]),
    reference_price=st.sampled_from([0, 100]),
    static_band_ppm=st.sampled_from([0, 0, 50_000]),
    dynamic_band_ppm=st.sampled_from([0, 0, 20_000]),
    volatility_call_ms=st.just(60_000),
    random_end_ms=st.sampled_from([0, 20_000]),
    extension_ms=st.sampled_from([0, 30_000]),
    auction_prices=st.sampled_from(c.AuctionPrices),
    members_only=st.booleans(),
)


def orders(**drawn: st.SearchStrategy[Any]) -> st.SearchStrategy[c.PlaceOrder]:
    """At three prices, so that queues are long and most orders meet others."""
    as_most: dict[str, st.SearchStrategy[Any]] = {
        "quantity": narrow_world.quantities,
        "price": st.integers(99, 101),
        "self_trade_prevention": st.sampled_from([Prevention.NONE, *reversed(Prevention)]),
    }
    return st.builds(
        c.PlaceOrder,
        instrument=st.just(ACME),
        order_id=st.just(0),
        account_id=narrow_world.accounts,
        side=narrow_world.sides,
        **(as_most | drawn),
    )


forces = st.sampled_from(
    [TimeInForce.GOOD_TILL_CANCELLED] * 3
    + [TimeInForce.DAY] * 3
    + [TimeInForce.IMMEDIATE_OR_CANCEL, TimeInForce.FILL_OR_KILL]
)
icebergs = orders(
    quantity=st.integers(5, 20),
    terms=st.builds(c.OrderTerms, display_quantity=st.integers(1, 3), reserve=st.booleans()),
)
children = orders(
    terms=st.builds(c.OrderTerms, parent_order_id=st.integers(1, 3)),
    self_trade_prevention=st.just(Prevention.NONE),
)
auction_orders = orders(
    time_in_force=st.sampled_from(
        [
            TimeInForce.DAY,
            TimeInForce.AT_THE_OPENING,
            TimeInForce.AT_THE_CLOSE,
            TimeInForce.GOOD_FOR_AUCTION,
        ]
    )
)
orders_by_date = orders(
    time_in_force=st.just(TimeInForce.GOOD_TILL_DATE),
    terms=st.builds(c.OrderTerms, expires_on=st.sampled_from([19_700_101, 19_700_102])),
)
calls = st.builds(
    c.ChangePhase,
    instrument=st.sampled_from([ACME, ""]),
    phase=st.sampled_from(CALLS),
    duration_ms=st.sampled_from([0, 40_000]),
)
seldom = st.one_of(
    st.builds(
        c.SetFees,
        instrument=st.sampled_from([ACME, ""]),
        tiers=st.sampled_from([TIERS, TIERS, TIERS[:1], ()]),
    ),
    st.builds(c.OpenAccount, account_id=narrow_world.accounts, member_id=st.just(1)),
    st.builds(c.CloseAccount, account_id=narrow_world.accounts),
    st.builds(
        c.SetMarketHalts,
        reference=st.just(1_000),
        levels=st.just((c.HaltLevel(fall_ppm=70_000, halt_ms=40_000),)),
    ),
    st.builds(c.PublishIndex, value=st.integers(900, 950)),
    st.builds(c.ListInstrument, instrument=st.just(ACME)),
    st.builds(c.ChangeSymbol, instrument=st.just(ACME), symbol=st.just("A")),
    st.just(SHORT_DAY),
)
KINDS: dict[str, tuple[int, st.SearchStrategy[Any]]] = {
    "nothing": (1, st.none()),
    **narrow_world.KINDS,
    "order with terms": (16, narrow_world.orders_with_terms),
    "market order": (6, narrow_world.market_orders),
    "replace": (10, narrow_world.replaces),
    "operator": (8, narrow_world.operator),
    "order at three prices": (16, orders(time_in_force=forces)),
    "iceberg": (8, icebergs),
    "child": (4, children),
    "order for an auction": (6, auction_orders),
    "order by date": (1, orders_by_date),
    "call": (3, calls),
    "close": (2, st.just(c.ChangePhase(phase=Phase.CLOSED))),
    "back to continuous": (3, st.builds(c.ChangePhase, phase=st.just(Phase.CONTINUOUS))),
    "seldom": (2, seldom),
}
"""What comes first is what Hypothesis tries to find instead of any other: nothing is left out."""
commands = st.sampled_from(
    [kind for kind, (weight, _) in KINDS.items() for _ in range(weight)]
).flatmap(lambda kind: KINDS[kind][1])
flows = st.lists(st.tuples(narrow_world.passed_ms, commands), min_size=30, max_size=60)


class Day:
    """Commands from the listing on, each with the milliseconds since the one before; at its end
    the operator cancels all that is open, so that the exchange has to say how much that is."""

    def __init__(self, flow: Flow) -> None:
        self.flow = flow

    def __repr__(self) -> str:
        return f"the day below, of {len(self.flow)} commands"


@st.composite
def days(draw: st.DrawFn) -> Day:
    fees = c.SetFees(tiers=draw(st.sampled_from([TIERS, ()])))
    phase = draw(st.sampled_from([Phase.CONTINUOUS, Phase.PRE_OPEN, Phase.OPENING_AUCTION]))
    begin = [
        SHORT_DAY,
        draw(listings),
        c.OpenAccount(account_id=1, member_id=1, group_id=9),
        c.OpenAccount(account_id=2, member_id=1, group_id=9),
        c.OpenAccount(account_id=3, member_id=2),
        c.OpenSession(session_id=5, member_id=1),
        fees,
        c.ChangePhase(instrument=ACME, phase=phase),
    ]
    end = draw(st.sampled_from([c.MassCancel(), c.DelistInstrument(instrument=ACME)]))
    drawn = numbered([step for step in draw(flows) if step[1] is not None])
    for _passed_ms, command in drawn:
        if getattr(command, "instrument", ""):
            command.instrument = ACME
    return Day([*((0, command) for command in begin), *drawn, (0, end)])


UNTOLD = {"instrument", "steps", "tiers"}


@cache
def usual(kind: type) -> dict[str, Any]:
    """What a command or event says where nothing is to be told of it, by field."""
    return {known.name: known.default for known in msgspec.structs.fields(kind)}


def told(message: Any) -> str:
    """A command or an event in one line, without what is as usual."""
    said = []
    for name, default in usual(message.__class__).items():
        value = getattr(message, name)
        if value != default and name not in UNTOLD:
            text = told(value) if isinstance(value, c.OrderTerms | c.Quote) else value
            said.append(f"{name}={getattr(text, 'value', text)}")
    return f"{type(message).__name__}({', '.join(said)})"


def play(day: Day) -> Iterator[tuple[Book, Any]]:
    """Each event with the book before it, which goes on when the next is asked for; after those of
    each command None with the book that they left."""
    state, book, now = DECIDER.initial(), Book(), 0
    for passed_ms, command in day.flow:
        now += passed_ms
        note(f"{now:>6} {told(command) if type(command) is not Tick else 'Tick'}")
        decided, state = decide_fully(DECIDER, state, command, now)
        for event in decided:
            note(f"           {told(event)}")
            yield book, event
            book.apply(event)
        yield book, None


# The properties.


@given(days())
@as_usual
def test_continuous_trading_is_never_left_crossed(day: Day) -> None:
    """Best bid below best offer, of all that is on the book but all-or-none orders, which may find
    too little; pegs may stop at a price band, and nothing but them. And an all-or-none order does
    not stay where plain orders within its price would fill it."""
    for book, event in play(day):
        if event is not None or book.phase is not Phase.CONTINUOUS:
            continue
        banded = book.listing.static_band_ppm or book.listing.dynamic_band_ppm
        there = [
            order
            for _id, order in book.on_book()
            if not order.all_or_none and not (banded and order.terms.peg)
        ]
        bid = max((order.price for order in there if order.is_buy), default=0)
        offer = min((order.price for order in there if not order.is_buy), default=PPM)
        assert bid < offer, f"crossed: {bid} bid, {offer} asked"
        for order_id, order in book.on_book():
            assert order.price, f"market order {order_id} is on the book in continuous trading"
            if order.all_or_none and not order.prevents and not banded:
                found = sum(other.quantity for other in there if reaches(order, other))
                assert found < order.quantity, f"all-or-none {order_id} finds {found}"


def reaches(order: Open, other: Open) -> bool:
    if order.is_buy:
        return not other.is_buy and other.price <= order.price
    return other.is_buy and other.price >= order.price


@given(days())
@as_usual
def test_every_quantity_is_traded_cancelled_decremented_or_open(day: Day) -> None:
    """What is open is known by what the last command cancels. Replacing, a split and what a parent
    lets its child have change what was asked for; nothing else does."""
    asked: dict[int, int] = {}
    left: dict[int, int] = {}
    gone: dict[int, dict[str, int]] = {}
    events = []
    for _book, event in play(day):
        events.append(event)
        order_id: Any = getattr(event, "order_id", None)
        if isinstance(event, e.OrderAccepted):
            asked[order_id] = left[order_id] = event.quantity
            gone[order_id] = defaultdict(int)
        elif isinstance(event, e.OrderReplaced | e.OrderAdjusted | e.OrderActivated):
            more = event.quantity - left[order_id]
            assert more <= 0 or not isinstance(event, e.OrderActivated), "a child gets more"
            asked[order_id] += more
            left[order_id] += more
        elif isinstance(event, e.OrderEntered):
            assert event.quantity == left[order_id], f"order {order_id} enters with other"
        elif isinstance(event, TRADED):
            trade = trade_of(event)
            for each in (trade.buy_order_id, trade.sell_order_id):
                left[each] -= trade.quantity
                gone[each]["traded"] += trade.quantity
                assert trade.quantity > 0 <= left[each], f"order {each} trades more than it has"
        elif isinstance(event, e.OrderDecremented):
            left[order_id] -= event.quantity
            gone[order_id]["decremented"] += event.quantity
        elif isinstance(event, e.OrderCancelled):
            left[order_id] -= event.quantity
            gone[order_id]["cancelled"] += event.quantity
            assert not left[order_id], f"{left[order_id]} of order {order_id} was left out"
    assert {order_id: sum(of.values()) for order_id, of in gone.items()} == asked
    for before, event, after in zip(events, events[1:], events[2:], strict=False):
        if isinstance(event, e.OrderDecremented):
            beside = [each.quantity for each in (before, after) if is_self_trade(each)]
            assert event.quantity in beside, "the two orders of an account lose different amounts"


def is_self_trade(event: Any) -> bool:
    return isinstance(event, e.OrderCancelled) and event.reason is e.CancelReason.SELF_TRADE


@given(days())
@as_usual
def test_every_trade_moves_shares_and_money_between_its_two_accounts(day: Day) -> None:
    """At a price that both orders allow; and a bust or a correction takes back just what was. Sums
    over all accounts and the exchange are zero throughout: as shares, as money, as fees."""
    ledger = Ledger()
    for book, event in play(day):
        if event is None:
            ledger.begin_command()
            assert not sum(ledger.shares.values()), f"shares: {dict(ledger.shares)}"
            assert not sum(ledger.cash.values()), f"money: {dict(ledger.cash)}"
        elif isinstance(event, TRADED):
            trade = trade_of(event)
            buy, sell = book.orders[trade.buy_order_id], book.orders[trade.sell_order_id]
            assert (buy.side, sell.side) == (Side.BUY, Side.SELL)
            owners = trade.buy_account_id, trade.sell_account_id
            assert owners == (buy.account_id, sell.account_id), "not the owners' trade"
            assert sell.price <= trade.price <= (buy.price or PPM), "beyond a limit"
            ledger.trade(event, trade)
        else:
            ledger.note(event)


@given(days())
@as_usual
def test_no_trade_passes_over_an_order_with_priority(day: Day) -> None:
    """Continuous: the maker has the best price, is shown, was there first; all-or-none orders that
    are too large for the taker are passed over. In an auction both sides trade in that order,
    market orders first."""
    pairs: list[tuple[int, int, int]] = []
    for book, event in play(day):
        if isinstance(event, e.OrderTraded):
            left = book.orders[event.taker_order_id].quantity
            turn, order_id = min(
                (order.turn(), order_id)
                for order_id, order in book.on_book()
                if order.side is not event.taker_side
                and not (order.all_or_none and order.quantity > left)
                and (book.phase is Phase.CONTINUOUS or order.price == book.closing_price)
            )
            assert event.maker_order_id == order_id, f"order {order_id} was passed over"
            assert event.price == abs(turn[0])
        elif isinstance(event, e.AuctionEnded):
            pairs = allocated(book, event.quantity)
        elif isinstance(event, e.AuctionTraded):
            found = event.buy_order_id, event.sell_order_id, event.quantity
            assert found == pairs.pop(0)
        elif event is None:
            assert not pairs, "these were to trade too"


def allocated(book: Book, quantity: int) -> list[tuple[int, int, int]]:
    """Who should trade with whom in an auction, one share at a time, and how much then."""
    shares = []
    for side in Side:
        served = sorted((order.turn(), order_id) for order_id, order in book.on_book(side))
        shares.append([each for _, each in served for _ in range(book.orders[each].quantity)])
    pairs: dict[tuple[int, int], int] = defaultdict(int)
    for buy, sell in list(zip(*shares, strict=False))[:quantity]:
        pairs[buy, sell] += 1
    return [(buy, sell, traded) for (buy, sell), traded in pairs.items()]


@given(days())
@as_usual
def test_an_auction_trades_the_most_that_any_price_allows(day: Day) -> None:
    """And of the prices with that volume it takes one with the least surplus; by brute force over
    all prices. So does what was last published of it, whenever a call is on."""
    last = e.AuctionIndicated(instrument=ACME, price=0, quantity=0)
    ended: e.AuctionEnded | None = None
    traded: dict[int, int] = defaultdict(int)
    for book, event in play(day):
        if isinstance(event, e.AuctionEnded):
            check_best(book, event)
            ended = event
            traded.clear()
        elif isinstance(event, e.AuctionTraded):
            traded[event.price] += event.quantity
        elif isinstance(event, e.PhaseChanged):
            last = e.AuctionIndicated(instrument=ACME, price=0, quantity=0)
        elif isinstance(event, e.AuctionIndicated):
            last = event
        elif event is None:
            if book.phase in CALLS:
                check_best(book, last)
            if ended is not None:
                assert dict(traded) == ({ended.price: ended.quantity} if ended.quantity else {})
            ended = None


def check_best(book: Book, found: e.AuctionEnded | e.AuctionIndicated) -> None:
    limits = {order.price for _id, order in book.on_book() if order.price}
    if not found.quantity and not limits and not book.has_reference:
        return  # market orders alone, and no price to trade at
    at_each = {price: demand_and_supply(book, price) for price in range(1, PRICE_MAX + 1)}
    most = max(min(both) for both in at_each.values())
    assert found.quantity == most, f"{found.quantity} trade, {most} could"
    if not most:
        return
    demand, supply = demand_and_supply(book, found.price)
    assert min(demand, supply) == most, f"not so much at {found.price}"
    if limits and book.listing.auction_prices is c.AuctionPrices.LIMITS:
        at_each = {price: at_each[price] for price in limits}
    surpluses = [abs(buys - sells) for buys, sells in at_each.values() if min(buys, sells) == most]
    assert found.surplus == abs(demand - supply) == min(surpluses), f"of {surpluses}"


def demand_and_supply(book: Book, price: int) -> tuple[int, int]:
    demand = supply = 0
    for order in book.orders.values():
        if order.on_book and order.is_buy:
            demand += order.quantity if not order.price or order.price >= price else 0
        elif order.on_book:
            supply += order.quantity if order.price <= price else 0
    return demand, supply


@given(days())
@as_usual
def test_an_uncross_leaves_nothing_that_could_trade(day: Day) -> None:
    """As soon as the market trades again: bids below offers, no order without a price, none that
    was for that auction alone. (All-or-none orders and pegs come back after it.)"""
    for book, event in play(day):
        if not isinstance(event, e.PhaseChanged):
            continue
        trades = event.phase in TRADING and event.previous is not Phase.CONTINUOUS
        if not trades and not (event.phase is Phase.CLOSED and event.previous in CALLS):
            continue
        orders = book.on_book()
        unpriced = [order_id for order_id, order in orders if not order.price]
        assert not unpriced, f"no price: {unpriced}"
        bid = max((order.price for _id, order in orders if order.is_buy), default=0)
        offer = min((order.price for _id, order in orders if not order.is_buy), default=PPM)
        assert bid < offer, f"{bid} bid and {offer} asked were left"
        over = ENDS_WITH.get(event.previous, ())
        left = [order_id for order_id, order in orders if order.force in over]
        assert not left, f"for that auction alone: {left}"


@given(days())
@as_usual
def test_no_order_is_both_filled_and_cancelled(day: Day) -> None:
    """Nothing happens to an order before it was accepted, or after it was filled or cancelled; and
    the last command leaves none open."""
    for book, event in play(day):
        about: tuple[int, ...] = ()
        if isinstance(event, TRADED):
            trade = trade_of(event)
            about = trade.buy_order_id, trade.sell_order_id
        elif isinstance(event, ABOUT_AN_ORDER):
            about = (event.order_id,)
        elif isinstance(event, e.OrderAccepted):
            assert event.order_id not in book.orders, f"{event.order_id} accepted while open"
        for order_id in about:
            end = book.ends.get(order_id, "never accepted")
            assert order_id in book.orders, f"order {order_id} was {end}; {told(event)}"
    assert not book.orders, f"still open: {list(book.orders)}"
