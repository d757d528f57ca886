"""Tables on a terminal: fitted to it, and no column is cut off."""

from io import StringIO

import pytest
from rich.console import Console

from gateway.cli import output

ROW = {"at_ms": 1_704_203_940_000, "all": 3646, "place_order.v1": 2198, "cancel_order.v1": 10}
WIDE = ROW | {"set_quote_protection.v1": 3, "open_account.v1": 44, "others": 55}


@pytest.mark.parametrize("width", [40, 80, 100, 120, 200])
def test_no_column_is_cut_off(monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    console = Console(file=StringIO(), width=width)
    monkeypatch.setattr(output, "stdout", lambda: console)
    output.print_rows([WIDE] * 2, as_json=False, title="over time")
    assert isinstance(console.file, StringIO)
    *_, header, first, second = console.file.getvalue().splitlines()
    assert first.split() == second.split()
    assert first.split() == ["2024-01-02T13:59:00.000Z", "3646", "2198", "10", "3", "44", "55"]
    assert header.split()[-1] == "others"
