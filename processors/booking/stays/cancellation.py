"""What a guest who cancels gets back, by the policy that the booking was made by."""

from typing import Final

from processors.booking.stays.pricing import PPM, share_of
from processors.booking.stays.terms import CancellationPolicy

HOUR_MS: Final = 3_600_000
DAY_MS: Final = 24 * HOUR_MS
HALF: Final = PPM // 2
ALL: Final = PPM

BEFORE_CHECK_IN: Final[dict[CancellationPolicy, tuple[tuple[int, int], ...]]] = {
    CancellationPolicy.FLEXIBLE: ((1, ALL), (0, HALF)),
    CancellationPolicy.MODERATE: ((5, ALL), (0, HALF)),
    CancellationPolicy.FIRM: ((30, ALL), (7, HALF)),
    CancellationPolicy.STRICT: ((7, HALF),),
    CancellationPolicy.NON_REFUNDABLE: (),
}
"""(whole days before check-in at least, the share that goes back), the most days first."""
AFTER_CHECK_IN: Final[dict[CancellationPolicy, int]] = {
    CancellationPolicy.FLEXIBLE: HALF,
    CancellationPolicy.MODERATE: HALF,
    CancellationPolicy.FIRM: 0,
    CancellationPolicy.STRICT: 0,
    CancellationPolicy.NON_REFUNDABLE: 0,
}
"""The share of the nights left that goes back."""
GRACE_MS: Final = 48 * HOUR_MS
GRACE_DAYS: Final = 14
"""Strict: all goes back within the grace after booking, check-in being so many days off."""


def refund_before(policy: CancellationPolicy, owed: int, before_ms: int, booked_ms: int) -> int:
    """Of what is owed, what goes back: so long before check-in, and so long after booking."""
    days = before_ms // DAY_MS
    if policy is CancellationPolicy.STRICT and booked_ms <= GRACE_MS and days >= GRACE_DAYS:
        return owed
    for days_min, rate_ppm in BEFORE_CHECK_IN[policy]:
        if days >= days_min:
            return share_of(owed, rate_ppm)
    return 0


def refund_after(policy: CancellationPolicy, unspent: int) -> int:
    """Once the stay has begun: of what the nights left cost."""
    return share_of(unspent, AFTER_CHECK_IN[policy])


def unspent_of(owed: int, night_prices: tuple[int, ...], nights_spent: int) -> int:
    """The share of what is owed that stands for the nights left, half up; discounts are spread
    over the nights by their prices."""
    whole = sum(night_prices)
    left = sum(night_prices[nights_spent:])
    return (2 * owed * left + whole) // (2 * whole) if whole else 0
