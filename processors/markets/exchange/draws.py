"""What the exchange draws by lot: the size of an iceberg's next part, how much later a call ends.

What goes in comes from the records (an order's id, the orders of a call) and comes out mixed: it
looks random, and every replay draws the same. The mixing is that of splitmix64: G. Steele, D. Lea
and C. Flood, "Fast Splittable Pseudorandom Number Generators", OOPSLA 2014, with the constants of
S. Vigna's splitmix64.c (public domain).
"""

from typing import Final

_MASK: Final = (1 << 64) - 1
_PART_BITS: Final = 20


def mix64(number: int) -> int:
    """splitmix64's finalizer of `number` modulo 2**64, which may be any integer: 0 to 2**64 - 1.
    Different numbers give different results; 0 gives 0."""
    mixed = number & _MASK
    mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & _MASK
    return mixed ^ (mixed >> 31)


def part_size(
    order_id: int, part_number: int, display_quantity: int, display_range: int, lot_size: int
) -> int:
    """How much an iceberg order shows as its part `part_number` (0: at entry), before that is cut
    to what is left of the order.

    Without `display_range` it is `display_quantity`; else a whole number of lots, drawn evenly
    from `display_quantity - display_range` to `display_quantity + display_range`, both included.
    Never less than a lot. `display_range` is a multiple of `lot_size`, which is at least 1.
    (TSX Order Types and Functionality Guide, section 4.8, DisplayRange, which says the same: the
    limits included, the first part drawn too, a board lot at least.)
    """
    size = display_quantity
    if display_range:
        sizes = 2 * display_range // lot_size + 1
        drawn = mix64((order_id << _PART_BITS) + part_number) % sizes
        size += lot_size * drawn - display_range
    return size if size > lot_size else lot_size


def random_delay_ms(seed: int, random_end_ms: int) -> int:
    """How much later than due a call ends: 0 to `random_end_ms`, both included; the same for the
    same `seed`. (Xetra Market Model: the call phase has a random end after a minimum time.)"""
    return mix64(seed) % (random_end_ms + 1)
