"""What follows in the naive exchange, step by step, from what has happened: linked orders go,
noted ones enter, pegs move, dark orders that cross trade, quote trades are counted, auctions
indicated. And how any order that enters meets the book.
"""

from processors.markets.exchange.commands import (
    OrderType,
    Phase,
    Side,
    TimeInForce,
)
from processors.markets.exchange.events import (
    AuctionIndicated,
    CancelReason,
    OrderAccepted,
    OrderActivated,
    OrderEntered,
    OrderParked,
    OrderRepriced,
    QuoteTradesCounted,
)
from processors.markets.exchange.terms import Peg
from tests.processors.markets.exchange import naive_market as nm
from tests.processors.markets.exchange.naive_auction import outcome
from tests.processors.markets.exchange.naive_market import (
    CALL_PHASES,
    TRADING_PHASES,
    Entry,
    NaiveMarket,
    NaiveOrder,
)
from tests.processors.markets.exchange.naive_matching import Meeting, meet
from tests.processors.markets.exchange.naive_phases import Telling, change_phase


def follow_up(telling: Telling) -> None:
    while any(step(telling, market) for market in markets_by_name(telling)):
        pass


def markets_by_name(telling: Telling) -> list[NaiveMarket]:
    return [market for _, market in sorted(telling.state.markets.items())]


def step(telling: Telling, market: NaiveMarket) -> bool:
    """The first that is to be done in the instrument; False: there is none."""
    if market.is_quiet:
        return False
    market.is_quiet = not (
        park_restless(telling, market)
        or cancel_linked(telling, market)
        or enter_noted(telling, market)
        or move_pegs(telling, market)
        or match_crossed(telling, market)
        or count_quote_trades(telling, market)
        or indicate(telling, market)
    )
    return not market.is_quiet


def park_restless(telling: Telling, market: NaiveMarket) -> bool:
    """Pegs and all-or-none orders are for continuous trading alone."""
    if market.phase is Phase.CONTINUOUS:
        return False
    restless = [o for o in market.on_book() if o.terms.peg is not None or o.terms.all_or_none]
    parked = [OrderParked(instrument=market.name, order_id=o.order_id) for o in restless]
    telling.tell_of(market, *parked)
    return bool(parked)


def cancel_linked(telling: Telling, market: NaiveMarket) -> bool:
    if not market.to_cancel:
        return False
    telling.cancel(market, market.to_cancel[:1], CancelReason.LINKED)
    return True


# Entering.


def enter_noted(telling: Telling, market: NaiveMarket) -> bool:
    for entry in market.to_enter:
        if market.phase in (Phase.CONTINUOUS, Phase.PRE_OPEN, *CALL_PHASES):
            if entry.quote:
                market.to_enter.remove(entry)
                enter_quote(telling, market, entry)
            elif entry.child_quantity:
                activate(telling, market, entry)
            else:
                assert entry.order is not None
                enter(telling, market, entry.order, entry.order.price)
            return True
    return False


def enter(telling: Telling, market: NaiveMarket, order: NaiveOrder, price: int) -> None:
    """A parked order comes on the book, or meets it."""
    lot = market.listing.lot_size
    telling.tell_of(
        market,
        OrderEntered(
            instrument=market.name,
            order_id=order.order_id,
            price=price,
            quantity=order.quantity,
            displayed=nm.first_shown(order.order_id, order.quantity, order.terms, lot),
        ),
    )
    take(telling, market, order)


def activate(telling: Telling, market: NaiveMarket, entry: Entry) -> None:
    order = entry.order
    assert order is not None
    quantity = min(order.quantity, entry.child_quantity)
    telling.tell_of(
        market,
        OrderActivated(instrument=market.name, order_id=order.order_id, quantity=quantity),
    )
    if nm.waits(order.terms, order.time_in_force, market.phase):
        return
    price = order.price
    if market.phase is Phase.CONTINUOUS:
        best = market.reach_price(order.side)
        if order.order_type is OrderType.MARKET_TO_LIMIT:
            if not best:
                telling.cancel(market, [order], CancelReason.NO_LIQUIDITY)
                return
            price = best
        if order.post_only and best and nm.reaches(order.side, price, best):
            price = market.behind(order.side, best) if order.terms.reprice else 0
            limits = market.listing
            if not limits.price_min <= price <= limits.price_max:
                telling.cancel(market, [order], CancelReason.WOULD_TAKE)
                return
    enter(telling, market, order, price)


def enter_quote(telling: Telling, market: NaiveMarket, entry: Entry) -> None:
    quote, quotes = entry.quote, entry.quotes
    assert quote is not None and quotes is not None
    state = telling.state
    account = state.accounts.get(quotes.account_id)
    limits = state.limits_of(market, quotes.account_id)
    telling.tell_of(
        market,
        OrderAccepted(
            instrument=market.name,
            order_id=quote.order_id,
            account_id=quotes.account_id,
            side=quote.side,
            quantity=quote.quantity,
            price=quote.price,
            self_trade_prevention=quotes.self_trade_prevention,
            session_id=quotes.session_id,
            group_id=account.group_id if account else 0,
            is_quote=True,
            at_ms=telling.at if limits and limits.orders_per_second_max else 0,
        ),
    )
    order = market.order(quote.order_id)
    assert order is not None
    take(telling, market, order)


def take(telling: Telling, market: NaiveMarket, order: NaiveOrder) -> None:
    """An order that has just come on the book trades first, where the phase lets it; what is left
    of it stays, or goes."""
    if market.phase not in TRADING_PHASES:
        return
    least, everything = order.terms.minimum_quantity, order.quantity
    meeting = meet(telling.state, market, order)
    if order.time_in_force is TimeInForce.FILL_OR_KILL and meeting.traded < everything:
        telling.cancel(market, [order], CancelReason.FILL_OR_KILL)
        return
    if meeting.traded < least:
        telling.cancel(market, [order], CancelReason.MINIMUM_QUANTITY)
        return
    if order.terms.all_or_none and meeting.traded < everything:
        return
    telling.tell_of(market, *meeting.events)
    if order not in market.orders:
        return
    at_once = order.time_in_force is TimeInForce.IMMEDIATE_OR_CANCEL
    if meeting.breach and at_once:
        telling.cancel(market, [order], CancelReason.PRICE_BAND)
    elif meeting.breach:
        call_for_breach(telling, market, meeting)
    elif order.order_type is OrderType.MARKET:
        telling.cancel(market, [order], CancelReason.NO_LIQUIDITY)
    elif at_once:
        telling.cancel(market, [order], CancelReason.IMMEDIATE_OR_CANCEL)


def call_for_breach(telling: Telling, market: NaiveMarket, meeting: Meeting) -> None:
    length_ms = market.listing.volatility_call_ms
    until_ms = telling.at + length_ms if length_ms else 0
    change_phase(
        telling,
        market,
        Phase.VOLATILITY_AUCTION,
        meeting.breach_reason,
        until_ms,
        meeting.breach,
    )


# Pegs, and dark orders that cross.


def move_pegs(telling: Telling, market: NaiveMarket) -> bool:
    if market.phase is not Phase.CONTINUOUS:
        return False
    pegs = [o for o in market.orders if o.terms.peg is not None and not o.child]
    if not pegs:
        return False
    bid, offer = market.best(Side.BUY, displayed=True), market.best(Side.SELL, displayed=True)
    moves: list[OrderEntered | OrderRepriced | OrderParked] = []
    for order in sorted(pegs, key=lambda order: order.entry):
        name, order_id = market.name, order.order_id
        price = peg_price(market, order, bid, offer)
        if price and not order.on_book:
            moves.append(
                OrderEntered(
                    instrument=name, order_id=order_id, price=price, quantity=order.quantity
                )
            )
        elif price and price != order.book_price:
            moves.append(OrderRepriced(instrument=name, order_id=order_id, price=price))
        elif order.on_book and not price:
            moves.append(OrderParked(instrument=name, order_id=order_id))
    telling.tell_of(market, *moves)
    return bool(moves)


def peg_price(market: NaiveMarket, order: NaiveOrder, bid: int, offer: int) -> int:
    """0: there is none."""
    terms, buys = order.terms, order.side is Side.BUY
    if terms.peg is Peg.BEST_BID:
        price = bid
    elif terms.peg is Peg.BEST_OFFER:
        price = offer
    elif not bid or not offer:
        price = 0
    else:
        price = (bid + offer) // 2 if buys else -(-(bid + offer) // 2)
    if not price:
        return 0
    price += terms.peg_offset
    if order.price:
        price = min(price, order.price) if buys else max(price, order.price)
    in_limits = market.listing.price_min <= price <= market.listing.price_max
    return price if in_limits else 0


def match_crossed(telling: Telling, market: NaiveMarket) -> bool:
    bid, offer = market.best(Side.BUY), market.best(Side.SELL)
    if market.phase is not Phase.CONTINUOUS or not bid or not offer or bid < offer:
        return False
    for order in market.on_book():
        if order.terms.peg is None and not order.terms.all_or_none:
            continue
        if not nm.reaches(order.side, order.book_price, market.reach_price(order.side)):
            continue
        meeting = meet(telling.state, market, order)
        if order.terms.all_or_none and meeting.traded < order.quantity:
            continue
        if meeting.events:
            telling.tell_of(market, *meeting.events)
            return True
    return False


# Quote protection, indication.


def count_quote_trades(telling: Telling, market: NaiveMarket) -> bool:
    if not market.quote_trades:
        return False
    account_id, quantities = next(iter(market.quote_trades.items()))
    protection = market.protections[account_id]
    before = market.quote_counts.get(account_id, nm.QuoteCount())
    if telling.at - before.window_start_ms > protection.window_ms:
        before = nm.QuoteCount(window_start_ms=telling.at)
    quantity = before.quantity + sum(quantities)
    trades = before.trades + len(quantities)
    tripped = 0 < protection.quantity_max < quantity or 0 < protection.trades_max < trades
    telling.tell_of(
        market,
        QuoteTradesCounted(
            instrument=market.name,
            account_id=account_id,
            quantity=quantity,
            trades=trades,
            window_start_ms=before.window_start_ms,
            tripped=tripped,
        ),
    )
    if tripped:
        telling.cancel(market, quotes_of(market, account_id), CancelReason.QUOTE_PROTECTION)
    return True


def quotes_of(market: NaiveMarket, account_id: int) -> list[NaiveOrder]:
    return [o for o in market.on_book() if o.is_quote and o.account_id == account_id]


def indicate(telling: Telling, market: NaiveMarket) -> bool:
    if market.phase not in CALL_PHASES:
        return False
    now = outcome(market)
    if (now.price, now.quantity, now.surplus, now.surplus_side) == market.indicated:
        return False
    telling.tell_of(
        market,
        AuctionIndicated(
            instrument=market.name,
            price=now.price,
            quantity=now.quantity,
            surplus=now.surplus,
            surplus_side=now.surplus_side,
        ),
    )
    return True
