"""The exact book against an oracle that knows only the rule of API reference §6.2."""

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hummingbot_extended.errors import ProtocolError, SequenceGap
from hummingbot_extended.exchange.book_frames import ExactBookFrame, decode_exact_book
from hummingbot_extended.exchange.orderbook import BookState, OrderBook
from test.exchange.helpers import fixture


def frame(name: str, **changes: Any) -> ExactBookFrame:
    return decode_exact_book(json.dumps(fixture("book_frames")[name] | changes))


def live_book() -> OrderBook:
    book = OrderBook("BTC-USD")
    book.apply(frame("snapshot"))
    return book


def test_an_empty_book_says_so() -> None:
    book = OrderBook("BTC-USD")
    assert (book.state, book.is_live, book.mid, book.bids.best) == (BookState.EMPTY, False, None, None)
    assert repr(book) == "OrderBook(BTC-USD, empty, bid=None, ask=None)"


def test_snapshot_then_delta() -> None:
    book = live_book()
    assert (book.bids.best, book.asks.best, book.mid, book.is_live) == (84077, 84078, Decimal("84077.5"), True)
    book.apply(frame("delta"))
    assert book.bids.levels() == [(84077, Decimal("0.4")), (84076, Decimal("1.2"))]
    assert book.asks.levels() == [(84079, Decimal("0.7"))]
    assert (len(book.bids), book.bids.size_at(Decimal(84076)), book.bids.size_at(Decimal(1))) == (2, Decimal("1.2"), 0)
    assert book.ts_ms == 1795219200200


def test_levels_are_bounded_best_first() -> None:
    book = live_book()
    assert book.bids.levels(1) == [(84077, Decimal("0.5"))]
    assert book.asks.levels(5) == [(84078, Decimal("0.4"))]


def test_delta_without_totals_adds_the_change() -> None:
    book = live_book()
    book.apply(frame("delta_without_totals"))
    assert book.bids.size_at(Decimal(84077)) == Decimal("0.4")


def test_a_minute_snapshot_replaces_everything() -> None:
    book = live_book()
    book.apply(frame("delta"))
    book.apply(frame("snapshot_with_totals", seq=3))
    assert book.bids.levels() == [(84077, Decimal("0.6"))]
    assert book.asks.levels() == []
    assert book.mid is None
    assert book.is_live


@pytest.mark.parametrize("seq", [1, 3, 0], ids=["repeated", "lost", "before"])
def test_a_gap_breaks_the_book_until_reset(seq: int) -> None:
    book = live_book()
    with pytest.raises(SequenceGap) as caught:
        book.apply(frame("delta", seq=seq))
    assert (caught.value.expected, caught.value.received) == (2, seq)
    assert book.state is BookState.BROKEN
    with pytest.raises(ProtocolError, match="was not reset"):
        book.apply(frame("delta"))
    book.reset()
    assert not book.is_live
    book.apply(frame("snapshot", seq=1))
    assert book.is_live


def test_a_delta_before_the_snapshot_is_refused() -> None:
    book = OrderBook("BTC-USD")
    with pytest.raises(ProtocolError, match="before the first snapshot"):
        book.apply(frame("delta"))
    assert book.state is BookState.BROKEN


def test_a_frame_of_another_market_is_refused() -> None:
    book = OrderBook("ETH-USD")
    with pytest.raises(ProtocolError, match="a frame of BTC-USD"):
        book.apply(frame("snapshot"))


def test_a_frame_of_unknown_kind_counts_for_the_sequence_only() -> None:
    book = OrderBook("BTC-USD")
    book.apply(frame("unknown", seq=0))
    assert book.state is BookState.EMPTY
    book.apply(frame("snapshot"))
    book.apply(frame("unknown", seq=2))
    book.apply(frame("delta", seq=3))
    assert book.is_live


def test_a_book_on_a_shared_connection_leaves_seq_to_its_owner() -> None:
    book = OrderBook("BTC-USD", sequenced=False)
    book.apply(frame("rpc_snapshot", seq=5))
    book.apply(frame("rpc_delta", seq=17))
    assert book.is_live


@pytest.mark.parametrize("price", ["84078", "84079"], ids=["locked", "crossed"])
def test_a_crossed_book_is_not_live_until_it_is_uncrossed(price: str) -> None:
    book = live_book()
    data = {"m": "BTC-USD", "b": [{"p": price, "q": "1", "c": "1"}], "a": []}
    book.apply(frame("delta", data=data))
    assert (book.state, book.is_live) == (BookState.CROSSED, False)
    data = {"m": "BTC-USD", "b": [{"p": price, "q": "-1", "c": "0"}], "a": []}
    book.apply(frame("delta", data=data, seq=3))
    assert book.is_live


def test_best_only_frames_replace_both_sides() -> None:
    book = live_book()
    book.apply(frame("best", seq=2))
    assert (book.bids.best, book.asks.best) == (None, 84078)


# --- property: any sequence of frames gives the oracle's book -------------------------------------------------------

PRICES = st.integers(1, 12).map(lambda n: str(Decimal(n) / 2))
SIZES = st.integers(1, 50).map(lambda n: str(Decimal(n) / 1000))


@st.composite
def frames(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Frames of one connection: a snapshot, then deltas with and without totals, and snapshots among them."""
    stored: dict[str, dict[Decimal, Decimal]] = {"b": {}, "a": {}}
    wire = []
    for seq in range(1, draw(st.integers(2, 12))):
        is_snapshot = seq == 1 or draw(st.integers(0, 5)) == 0
        data: dict[str, Any] = {"m": "X-USD", "d": "f"}
        for side in ("b", "a"):
            if is_snapshot:
                stored[side] = {}
            rows = []
            for price in draw(st.lists(PRICES, unique=True, max_size=6)):
                before = stored[side].get(Decimal(price), Decimal(0))
                after = Decimal(draw(SIZES)) if is_snapshot or draw(st.booleans()) else Decimal(0)
                stored[side][Decimal(price)] = after
                row = {"p": price, "q": str(after if is_snapshot else after - before)}
                if draw(st.booleans()):
                    row["c"] = str(after)
                rows.append(row)
            data[side] = draw(st.permutations(rows))
        wire.append({"type": "SNAPSHOT" if is_snapshot else "DELTA", "data": data, "ts": seq, "seq": seq})
    return wire


def oracle(wire: list[dict[str, Any]]) -> dict[str, list[tuple[Decimal, Decimal]]]:
    """The rule in its plainest form: size = c if present, else stored + q (delta) or q (snapshot); delete at ≤ 0."""
    book: dict[tuple[str, Decimal], Decimal] = {}
    for message in wire:
        if message["type"] == "SNAPSHOT":
            book = {}
        for side in ("b", "a"):
            for row in message["data"][side]:
                key = (side, Decimal(row["p"]))
                book[key] = Decimal(row["c"]) if "c" in row else book.get(key, Decimal(0)) + Decimal(row["q"])
    alive = [(side, price, size) for (side, price), size in book.items() if size > 0]
    return {
        "b": sorted([(price, size) for side, price, size in alive if side == "b"], reverse=True),
        "a": sorted([(price, size) for side, price, size in alive if side == "a"]),
    }


@given(frames())
def test_any_frames_give_the_oracles_book(wire: list[dict[str, Any]]) -> None:
    book = OrderBook("X-USD")
    for message in wire:
        book.apply(decode_exact_book(json.dumps(message)))
    expected = oracle(wire)
    assert {"b": book.bids.levels(), "a": book.asks.levels()} == expected
    crossed = bool(expected["b"] and expected["a"] and expected["b"][0][0] >= expected["a"][0][0])
    assert book.state is (BookState.CROSSED if crossed else BookState.LIVE)
