"""Captured books in each of the exchange's shapes, and what is none."""

import json
from decimal import Decimal as D
from pathlib import Path
from typing import Any

import pytest

from hummingbot_extended.errors import SettingsError
from hummingbot_extended.venue.book_file import read_book

BIDS, ASKS = [("84076", "1"), ("84077", "0.5")], [("84079", "2"), ("84078.0", "0.3"), ("84080", "0")]
SHORT = {"m": "BTC-USD", "b": [{"p": p, "q": q} for p, q in BIDS], "a": [{"p": p, "q": q} for p, q in ASKS]}
LONG = {
    "market": "BTC-USD",
    "bid": [{"price": p, "qty": q} for p, q in BIDS],
    "ask": [{"price": p, "qty": q} for p, q in ASKS],
}


@pytest.mark.parametrize(
    "content",
    [
        {"status": "OK", "data": LONG},
        {"type": "SNAPSHOT", "data": SHORT | {"t": "SNAPSHOT", "d": "f"}, "ts": 1, "seq": 1},
        {"type": "ORDERBOOKS.SNAPSHOT", "data": SHORT, "ts": 1, "seq": 0, "subscription": "orderbooks.BTC-USD"},
        LONG,
    ],
)
def test_every_shape_of_a_book_is_read_best_first_without_empty_levels(content: Any, tmp_path: Path) -> None:
    path = tmp_path / "book.json"
    path.write_text(json.dumps(content))
    book = read_book(path)
    assert (book.market, book.mid) == ("BTC-USD", D("84077.5"))
    assert book.bids == [(D(84077), D("0.5")), (D(84076), D(1))]
    assert book.asks == [(D(84078), D("0.3")), (D(84079), D(2))]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("{", "is not an order book"),
        ("[]", "is not an order book"),
        ("{}", "is not an order book"),
        (json.dumps({"data": {"market": "X"}}), "is not an order book"),
        (json.dumps(SHORT | {"b": [{"p": "x", "q": "1"}]}), "is not an order book"),
        (json.dumps(SHORT | {"b": []}), "has an empty side"),
        (json.dumps(SHORT | {"b": [{"p": "84078", "q": "1"}]}), "is crossed"),
    ],
)
def test_what_is_no_book_is_refused_with_the_files_name(content: str, complaint: str, tmp_path: Path) -> None:
    path = tmp_path / "odd.json"
    path.write_text(content)
    with pytest.raises(SettingsError, match=f"odd.json {complaint}"):
        read_book(path)
