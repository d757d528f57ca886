"""The suite that every system passes: ours, and a user's own, for the price of a few lines.

    import pytest
    from pathlib import Path
    from processors.core.testing import CHECKS, Check, Subject

    SUBJECT = Subject("shop.orders", golden=Path(__file__).parent / "golden")

    @pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
    def test_orders(check: Check) -> None:
        check(SUBJECT)

Each check takes a `Subject`, and raises AssertionError with what is wrong. They need Hypothesis,
and no other test library. `python -m processors.core.testing golden PACKAGE FOLDER` records the
golden history that one of them compares with.
"""

from collections.abc import Callable

from processors.core.testing.checks import (
    check_crash_at_every_record,
    check_decide_changes_nothing,
    check_delivered_twice,
    check_hash_seed,
    check_purity,
    check_snapshot_and_tail,
)
from processors.core.testing.golden import check_golden_history
from processors.core.testing.random_commands import check_random_commands
from processors.core.testing.subject import Subject

Check = Callable[[Subject], None]

CHECKS: tuple[Check, ...] = (
    check_golden_history,
    check_hash_seed,
    check_snapshot_and_tail,
    check_crash_at_every_record,
    check_delivered_twice,
    check_decide_changes_nothing,
    check_random_commands,
    check_purity,
)

__all__ = ["CHECKS", "Check", "Subject"]
