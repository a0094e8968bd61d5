"""The audit finds every way in which two books can differ."""

from dataclasses import replace
from decimal import Decimal

import pytest

from hummingbot_extended.demo.audit import audit
from hummingbot_extended.demo.books import Books, Fill, PlacedOrder

PAIR = "BTC-USD"
MARKS = {PAIR: Decimal("84100")}


def fill(trade_id: str, side: str, price: str, amount: str, fee: str = "0") -> Fill:
    return Fill(trade_id, f"o{trade_id}", PAIR, side, Decimal(price), Decimal(amount), Decimal(fee))


BUY = fill("1", "BUY", "84000", "0.002", "0.042")
SELL = fill("2", "SELL", "84050", "0.001")
ORDERS = {f"o{n}": PlacedOrder(f"o{n}", f"c{n}", Decimal("84000"), Decimal("0.002"), "FILLED") for n in ("1", "2")}
BOOKS = Books(orders=ORDERS, fills={"1": BUY, "2": SELL}, funding=(Decimal("-0.00011"),))
# -168 + 84.05 cash, 0.001 BTC held at the mark, less fee and funding: by hand.
PNL = Decimal("-168.000") + Decimal("84.050") + Decimal("84.100") - Decimal("0.042") - Decimal("0.00011")


def test_audit_of_equal_books_agrees() -> None:
    """Equal books agree, and the profit is the one computed by hand."""
    result = audit(BOOKS, BOOKS, MARKS, PNL)
    assert result.agrees
    assert {line.what: line.hummingbot for line in result.lines}["profit and loss"] == "0.10789"


@pytest.mark.parametrize(
    ("change", "difference"),
    [
        ({"fills": {"1": BUY}}, "fill 2 is known to the venue only"),
        ({"fills": {"1": BUY, "2": SELL, "3": fill("3", "BUY", "1", "1")}}, "fill 3 is known to Hummingbot only"),
        ({"fills": {"1": replace(BUY, fee=Decimal("0.0420001")), "2": SELL}}, "fill 1: fee is 0.0420001 and 0.042"),
        ({"fills": {"1": replace(BUY, price=Decimal("84000.1")), "2": SELL}}, "fill 1: price is 84000.1 and 84000"),
        ({"orders": {"o1": ORDERS["o1"]}}, "order o2 is known to the venue only"),
        ({"funding": ()}, "funding: Hummingbot has []"),
    ],
    ids=["fill lost", "fill invented", "fee", "price", "order lost", "funding lost"],
)
def test_audit_names_a_difference(change: dict[str, object], difference: str) -> None:
    """A single lost, invented or altered item makes the audit fail and is named."""
    result = audit(replace(BOOKS, **change), BOOKS, MARKS, PNL)
    assert not result.agrees
    assert any(difference in found for found in result.differences)


def test_audit_when_only_the_profit_differs_does_not_agree() -> None:
    """Equal items with another equity on the venue's side are still a disagreement."""
    assert not audit(BOOKS, BOOKS, MARKS, PNL + Decimal("0.000001")).agrees
