"""Every worked example again, with the exchange restored from a snapshot before each step."""

from collections import Counter

import pytest

from tests.processors.markets.exchange.scenarios import (
    test_auctions,
    test_changes_and_quotes,
    test_members_and_listing,
    test_orders,
    test_trading_day,
    test_where_rules_meet,
)
from tests.processors.markets.exchange.scenarios.table import WorkedExample, name_of

EXAMPLES = [
    *test_orders.EXAMPLES,
    *test_changes_and_quotes.EXAMPLES,
    *test_auctions.EXAMPLES,
    *test_trading_day.EXAMPLES,
    *test_members_and_listing.EXAMPLES,
    *test_where_rules_meet.EXAMPLES,
]


@pytest.mark.parametrize("example", EXAMPLES, ids=name_of)
def test_a_restored_exchange_goes_on_as_before(example: WorkedExample) -> None:
    told, expected = example.play(restoring=True)
    assert told == expected


def test_no_two_examples_have_one_name() -> None:
    assert [name for name, count in Counter(map(name_of, EXAMPLES)).items() if count > 1] == []
