"""Commands for Hypothesis, in a narrow world where all meets: two instruments, three accounts,
prices of seven ticks. `test_invariants` plays them.
"""

from typing import Any

import hypothesis.strategies as st

from processors.core.messages import Tick
from processors.markets.exchange import commands as c
from processors.markets.exchange.terms import Peg

ACME = c.ListInstrument(
    instrument="ACME",
    price_max=1_000,
    reference_price=100,
    static_band_ppm=50_000,
    dynamic_band_ppm=30_000,
    volatility_call_ms=60_000,
    extension_ms=30_000,
)
BOLT = c.ListInstrument(instrument="BOLT", price_max=1_000, random_end_ms=20_000)
SETUP = (
    ACME,
    BOLT,
    c.OpenAccount(account_id=1, member_id=1, group_id=9),
    c.OpenAccount(account_id=2, member_id=1, group_id=9),
    c.OpenAccount(account_id=3, member_id=2),
    c.OpenSession(session_id=5, member_id=1),
    c.SetFees(instrument="BOLT", tiers=(c.FeeTier(maker_ppm=-10_000, taker_ppm=30_000),)),
    c.SetQuoteProtection(account_id=3, window_ms=50_000, quantity_max=10),
)
WHOLE_DAY_MS = 86_400_000

instruments = st.sampled_from(["ACME", "ACME", "ACME", "BOLT"])
orders_ago = st.integers(1, 8)
accounts = st.integers(1, 3)
prices = st.integers(97, 103)
quantities = st.integers(1, 12)
sides = st.sampled_from(c.Side)
lasting = st.sampled_from([c.TimeInForce.GOOD_TILL_CANCELLED] * 12 + list(c.TimeInForce))
preventions = st.sampled_from([c.SelfTradePrevention.NONE] * 3 + list(c.SelfTradePrevention))

terms = st.one_of(
    st.builds(c.OrderTerms, stop_price=prices),
    st.builds(c.OrderTerms, stop_price=prices, linked_order_id=orders_ago),
    st.builds(c.OrderTerms, trail_amount=st.integers(1, 3), stop_price=prices | st.just(0)),
    st.builds(
        c.OrderTerms,
        display_quantity=st.integers(2, 4),
        display_range=st.integers(0, 1),
        reserve=st.booleans(),
    ),
    st.builds(c.OrderTerms, hidden=st.just(True)),
    st.builds(c.OrderTerms, peg=st.sampled_from(Peg), peg_offset=st.integers(-2, 2)),
    st.builds(c.OrderTerms, all_or_none=st.just(True)),
    st.builds(c.OrderTerms, minimum_quantity=st.integers(1, 5)),
    st.builds(c.OrderTerms, linked_order_id=orders_ago),
    st.builds(c.OrderTerms, parent_order_id=orders_ago, stop_price=prices | st.just(0)),
    st.builds(c.OrderTerms, parent_order_id=orders_ago, linked_order_id=orders_ago),
)
limit_orders = st.builds(
    c.PlaceOrder,
    instrument=instruments,
    order_id=st.just(0),
    account_id=accounts,
    side=sides,
    quantity=quantities,
    price=prices,
    time_in_force=lasting,
    post_only=st.sampled_from([False, False, False, True]),
    self_trade_prevention=preventions,
    session_id=st.sampled_from([0, 0, 5]),
)
orders_with_terms = st.builds(
    c.PlaceOrder,
    instrument=instruments,
    order_id=st.just(0),
    account_id=accounts,
    side=sides,
    quantity=quantities,
    price=prices,
    self_trade_prevention=preventions,
    terms=terms,
)
market_orders = st.builds(
    c.PlaceOrder,
    instrument=instruments,
    order_id=st.just(0),
    account_id=accounts,
    side=sides,
    quantity=quantities,
    order_type=st.sampled_from([c.OrderType.MARKET, c.OrderType.MARKET_TO_LIMIT]),
)
orders_that_expire = st.builds(
    c.PlaceOrder,
    instrument=instruments,
    order_id=st.just(0),
    account_id=accounts,
    side=sides,
    quantity=quantities,
    price=prices,
    time_in_force=st.just(c.TimeInForce.GOOD_TILL_TIME),
    terms=st.builds(c.OrderTerms, expires_at_ms=st.integers(1, 300_000)),
)
replaces = st.builds(
    c.ReplaceOrder,
    instrument=instruments,
    order_id=orders_ago,
    price=prices,
    quantity=quantities,
    terms=st.none() | terms,
)
quotes = st.builds(
    c.Quote,
    bid_order_id=st.sampled_from([101, 103]),
    offer_order_id=st.sampled_from([102, 104]),
    bid_price=st.integers(97, 100),
    bid_quantity=st.integers(0, 8),
    offer_price=st.integers(100, 103),
    offer_quantity=st.integers(0, 8),
)
mass_quotes = st.builds(
    c.MassQuote,
    instrument=instruments,
    account_id=st.just(3),
    quotes=st.lists(quotes, max_size=2).map(tuple),
)
cancels = st.builds(c.CancelOrder, instrument=instruments, order_id=orders_ago)
mass_cancels = st.builds(
    c.MassCancel, instrument=instruments | st.just(""), account_id=accounts, side=st.none() | sides
)
phase_changes = st.builds(
    c.ChangePhase,
    instrument=instruments,
    phase=st.sampled_from([*[c.Phase.CONTINUOUS] * 6, *c.Phase]),
    duration_ms=st.sampled_from([0, 0, 0, 60_000]),
)
operator = st.one_of(
    st.builds(
        c.SplitInstrument,
        instrument=instruments,
        numerator=st.integers(1, 3),
        denominator=st.integers(1, 2),
    ),
    st.builds(c.BustTrade, instrument=instruments, trade_id=st.integers(1, 4)),
    st.builds(
        c.CorrectTrade,
        instrument=instruments,
        trade_id=st.integers(1, 4),
        price=prices,
        quantity=st.integers(1, 3),
    ),
    st.builds(c.SetReferencePrice, instrument=instruments, price=prices),
    st.builds(
        c.SetAccountLimits,
        account_id=accounts,
        open_orders_max=st.sampled_from([0, 0, 5]),
        position_max=st.sampled_from([0, 0, 30]),
    ),
    st.builds(c.SetKillSwitch, account_id=accounts, engaged=st.sampled_from([False, False, True])),
    st.builds(
        c.SetQuoteProtection,
        account_id=st.just(3),
        window_ms=st.just(50_000),
        trades_max=st.integers(0, 2),
    ),
    st.sampled_from([c.CloseSession(session_id=5), c.OpenSession(session_id=5, member_id=1)]),
)
KINDS: dict[str, tuple[int, st.SearchStrategy[Any]]] = {
    "limit order": (12, limit_orders),
    "order with terms": (20, orders_with_terms),
    "market order": (3, market_orders),
    "order that expires": (1, orders_that_expire),
    "replace": (4, replaces),
    "mass quote": (3, mass_quotes),
    "cancel": (2, cancels),
    "mass cancel": (1, mass_cancels),
    "phase change": (4, phase_changes),
    "operator": (2, operator),
    "time passes": (1, st.just(Tick())),
}
anything = st.sampled_from(
    [kind for kind, (weight, _) in KINDS.items() for _ in range(weight)]
).flatmap(lambda kind: KINDS[kind][1])
"""`one_of` takes all alternatives to be as likely, those of alternatives too."""
passed_ms = st.sampled_from([*[0] * 12, 1_000, 40_000, 40_000, WHOLE_DAY_MS])
Flow = list[tuple[int, Any]]
"""Each command with the milliseconds that have passed since the one before."""


def numbered(flow: Flow) -> Flow:
    """Orders get the ids 1, 2, 3 ...; what was drawn for another's is how many orders ago it
    came. Linked orders are of one account, as they must be."""
    owners = [0]
    for _passed_ms, command in flow:
        if isinstance(command, c.PlaceOrder):
            command.order_id = len(owners)
            terms = command.terms
            if terms is not None and terms.parent_order_id > 0:
                terms.parent_order_id = max(len(owners) - terms.parent_order_id, 0)
                command.account_id = owners[terms.parent_order_id] or 1
            if terms is not None and terms.linked_order_id > 0:
                terms.linked_order_id = max(len(owners) - terms.linked_order_id, 0)
                command.account_id = owners[terms.linked_order_id] or 1
            owners.append(command.account_id)
        elif isinstance(command, c.ReplaceOrder | c.CancelOrder):
            command.order_id = max(len(owners) - command.order_id, 0)
    return flow


flows = st.lists(st.tuples(passed_ms, anything), min_size=20, max_size=60).map(numbered)
