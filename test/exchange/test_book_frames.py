import json
from decimal import Decimal
from typing import Any

import pytest

from hummingbot_extended.errors import MalformedMessage, ProtocolError
from hummingbot_extended.exchange.book_frames import BookFrame, BookLevel, decode_book, decode_exact_book
from test.exchange.helpers import fixture


def wire(name: str) -> str:
    return json.dumps(fixture("book_frames")[name])


def rows(levels: list[BookLevel]) -> list[tuple[float, float, int]]:
    return [(level.price, level.amount, level.update_id) for level in levels]


@pytest.mark.parametrize(("name", "seq", "topic"), [("snapshot", 1, None), ("rpc_snapshot", 0, "orderbooks.BTC-USD")])
def test_snapshot_rows_are_sizes(name: str, seq: int, topic: str | None) -> None:
    frame = decode_book(wire(name))
    assert isinstance(frame, BookFrame)
    assert (frame.is_snapshot, frame.market, frame.ts_ms, frame.seq, frame.topic) == (
        True,
        "BTC-USD",
        1795219200100,
        seq,
        topic,
    )
    assert rows(frame.bids) == [(84077.0, 0.5, 0), (84076.0, 1.2, 0)]
    assert rows(frame.asks) == [(84078.0, 0.4, 0)]


@pytest.mark.parametrize(("name", "seq"), [("delta", 2), ("rpc_delta", 1)])
def test_delta_rows_are_totals(name: str, seq: int) -> None:
    frame = decode_book(wire(name).encode())
    assert (frame.is_snapshot, frame.seq) == (False, seq)
    assert rows(frame.bids) == [(84077.0, 0.4, 0)]
    assert rows(frame.asks) == [(84078.0, 0.0, 0), (84079.0, 0.7, 0)]


def test_best_only_frame_may_lack_a_side() -> None:
    frame = decode_book(wire("best"))
    assert (frame.is_best_only, frame.bids, len(frame.asks)) == (True, [], 1)
    assert not decode_book(wire("snapshot")).is_best_only


def test_snapshot_with_totals_takes_the_total() -> None:
    """API reference §6.2: `c` wins where it is there, also in a snapshot."""
    assert rows(decode_book(wire("snapshot_with_totals")).bids) == [(84077.0, 0.6, 0)]


def test_snapshot_with_null_sides_is_read() -> None:
    frame = fixture("book_frames")["snapshot"]
    frame["data"]["a"] = None
    assert decode_book(json.dumps(frame)).asks == []


def test_delta_without_totals_cannot_be_followed_in_floats() -> None:
    with pytest.raises(MalformedMessage, match="without its total size"):
        decode_book(wire("delta_without_totals"))
    level = decode_exact_book(wire("delta_without_totals")).bids[0]
    assert (level.change, level.total) == (Decimal("-0.1"), None)


@pytest.mark.parametrize("decode", [decode_book, decode_exact_book])
def test_a_frame_of_unknown_kind_is_empty_and_keeps_its_seq(decode: Any) -> None:
    frame = decode(wire("unknown"))
    assert (frame.market, frame.bids, frame.asks, frame.seq, frame.is_snapshot) == ("", [], [], 4, False)


@pytest.mark.parametrize("decode", [decode_book, decode_exact_book])
def test_a_stream_error_is_a_protocol_error(decode: Any) -> None:
    with pytest.raises(ProtocolError, match="no such market"):
        decode(wire("error"))


@pytest.mark.parametrize("decode", [decode_book, decode_exact_book])
@pytest.mark.parametrize(
    ("field", "value"),
    [("p", "NaN"), ("p", "0"), ("p", "-5"), ("q", "Infinity"), ("q", "much"), ("q", "NaN"), ("p", None), ("q", None)],
)
def test_a_level_that_makes_no_sense_is_malformed(decode: Any, field: str, value: object) -> None:
    frame = fixture("book_frames")["snapshot"]
    frame["data"]["b"][0][field] = value
    with pytest.raises(MalformedMessage):
        decode(json.dumps(frame))


def test_a_level_without_size_in_a_snapshot_is_no_row() -> None:
    frame = fixture("book_frames")["snapshot"]
    frame["data"]["b"][0]["q"] = "0"
    assert rows(decode_book(json.dumps(frame)).bids) == [(84076.0, 1.2, 0)]


@pytest.mark.parametrize("decode", [decode_book, decode_exact_book])
@pytest.mark.parametrize("raw", [b"", b"garbage", b"[]", b"{}", b'{"type":"DELTA","data":{},"ts":1}', b'"\xff"'])
def test_garbage_is_malformed(decode: Any, raw: bytes) -> None:
    with pytest.raises(MalformedMessage):
        decode(raw)


def test_exact_frame_keeps_digits_changes_and_totals() -> None:
    frame = decode_exact_book(wire("rpc_delta"))
    assert (frame.market, frame.depth, frame.topic, frame.is_snapshot) == ("BTC-USD", "f", "orderbooks.BTC-USD", False)
    assert [(str(level.price), str(level.change), str(level.total)) for level in frame.asks] == [
        ("84078", "-0.4", "0"),
        ("84079", "0.7", "0.7"),
    ]
    assert decode_exact_book(wire("snapshot")).is_snapshot


def test_exact_frame_with_nulls_is_read() -> None:
    frame = fixture("book_frames")["snapshot"]
    frame["data"]["b"][0]["c"] = frame["data"]["d"] = None
    exact = decode_exact_book(json.dumps(frame))
    assert (exact.bids[0].total, exact.depth) == (None, "f")


def test_hummingbots_order_book_takes_the_rows_as_they_are() -> None:
    from hummingbot.core.data_type.order_book import OrderBook

    book = OrderBook()
    snapshot, delta = decode_book(wire("snapshot")), decode_book(wire("delta"))
    book.apply_snapshot(snapshot.bids, snapshot.asks, 1)
    book.apply_diffs(delta.bids, delta.asks, 2)
    assert [(row.price, row.amount) for row in book.bid_entries()] == [(84077.0, 0.4), (84076.0, 1.2)]
    assert [(row.price, row.amount) for row in book.ask_entries()] == [(84079.0, 0.7)]
