"""A state written down and read again."""

from processors.core.decider import decode_state, digest, encode_state
from tests.samples.parking import SYSTEM
from tests.samples.parking.decider import Garage, Stay

FORMAT = SYSTEM.decider.state_format
GARAGE = Garage({"b": Stay("x", 1), "a": Stay("y", 1)})


def test_a_dict_keeps_its_order() -> None:
    again = decode_state(FORMAT, encode_state(FORMAT, GARAGE))
    assert list(again.stays) == ["b", "a"]


def test_the_digest_of_equal_states_is_equal() -> None:
    other = Garage({"a": Stay("y", 1), "b": Stay("x", 1)})
    assert digest(FORMAT, GARAGE) == digest(FORMAT, other)
    assert digest(FORMAT, GARAGE) != digest(FORMAT, Garage({"a": Stay("y", 1)}))


def test_an_integer_of_any_length() -> None:
    garage = Garage({"a": Stay("x", 10**30)})
    assert decode_state(FORMAT, encode_state(FORMAT, garage)) == garage
