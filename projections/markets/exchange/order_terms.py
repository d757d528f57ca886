"""What an order's terms mean to its row: what it displays, and all of them in short words."""

from processors.markets.exchange.events import OrderTerms


def display_of(terms: OrderTerms) -> str:
    """`full`; `part` of an iceberg or a reserve order; `none` of what is never shown."""
    if terms.hidden or terms.peg is not None or terms.all_or_none:
        return "none"
    return "part" if terms.display_quantity else "full"


def text_of(terms: OrderTerms) -> str:
    """`stop 95, reserve 10`. When it expires has a column of its own."""
    return ", ".join(_stops(terms) + _display(terms) + _conditions(terms) + _links(terms))


def _stops(terms: OrderTerms) -> list[str]:
    words = []
    if terms.stop_price:
        words.append(f"stop {terms.stop_price}")
    if terms.trail_amount:
        words.append(f"trail {terms.trail_amount}")
    if terms.trail_ticks:
        words.append(f"trail {terms.trail_ticks} ticks")
    return words


def _display(terms: OrderTerms) -> list[str]:
    if terms.hidden:
        return ["hidden"]
    if not terms.display_quantity:
        return []
    spread = f"±{terms.display_range}" if terms.display_range else ""
    return [f"{'reserve' if terms.reserve else 'iceberg'} {terms.display_quantity}{spread}"]


def _conditions(terms: OrderTerms) -> list[str]:
    words = []
    if terms.peg is not None:
        offset = f"{terms.peg_offset:+}" if terms.peg_offset else ""
        words.append(f"peg {terms.peg.value}{offset}")
    if terms.minimum_quantity:
        words.append(f"minimum {terms.minimum_quantity}")
    if terms.all_or_none:
        words.append("all-or-none")
    if terms.reprice:
        words.append("reprice")
    return words


def _links(terms: OrderTerms) -> list[str]:
    words = []
    if terms.linked_order_id >= 0:
        words.append(f"cancels {terms.linked_order_id}")
    if terms.parent_order_id >= 0:
        words.append(f"after {terms.parent_order_id}")
    return words
