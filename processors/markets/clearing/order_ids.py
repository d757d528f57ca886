"""Order ids that say whose they are: the account's id and a number of the account's own in one
integer, so that what the exchange says of an order finds its account with no memory of it."""

from typing import Final

ACCOUNT_SHIFT: Final = 32
ACCOUNT_ID_MAX: Final = 2**31 - 1
ORDER_NUMBER_MAX: Final = 2**32 - 1


def order_id_of(account_id: int, number: int) -> int:
    """The order id of an account's order: `account_id * 2**32 + number`."""
    return account_id << ACCOUNT_SHIFT | number


def account_of(order_id: int) -> int:
    """The account whose order it is; 0 where the id is none that `order_id_of` makes."""
    return order_id >> ACCOUNT_SHIFT
