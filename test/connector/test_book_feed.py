"""One book: Hummingbot's real OrderBook against an independent one, and everything that breaks it."""

import json
import math

import pytest
from hummingbot.core.data_type.order_book import OrderBook
from hypothesis import given
from hypothesis import strategies as st

from hummingbot_extended.connector.book_feed import WAITING, BookFeed, crosses
from hummingbot_extended.errors import MalformedMessage, ProtocolError, SequenceGap
from hummingbot_extended.exchange.channels import BookLevel
from test.connector.market_data import PAIR, book_frame


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Fixture:
    def __init__(self) -> None:
        self.clock = Clock()
        self.silent: list[str] = []
        self.mended = 0
        self.feed = BookFeed(PAIR, OrderBook(), on_silent=self.silent.append, on_mended=self._mend, clock=self.clock)
        self.feed.connected()

    def _mend(self) -> None:
        self.mended += 1

    @property
    def levels(self) -> tuple[dict[float, float], dict[float, float]]:
        book = self.feed.order_book
        return (
            {row.price: row.amount for row in book.bid_entries()},
            {row.price: row.amount for row in book.ask_entries()},
        )

    def live(self) -> "Fixture":
        self.feed.handle(SNAPSHOT)
        return self


SNAPSHOT = book_frame("SNAPSHOT", 1, [("100", "1"), ("99", "2")], [("101", "3"), ("102", "4")])


@pytest.fixture
def one() -> Fixture:
    return Fixture()


def test_a_snapshot_makes_the_book_true(one: Fixture) -> None:
    assert one.feed.broken_reason() == WAITING
    one.live()
    assert one.feed.broken_reason() is None
    assert one.mended == 1
    assert one.levels == ({100.0: 1.0, 99.0: 2.0}, {101.0: 3.0, 102.0: 4.0})
    assert repr(one.feed) == "<BookFeed BTC-USD: live, 1 snapshots, 0 deltas>"


def test_a_delta_sets_absolute_sizes_and_zero_deletes(one: Fixture) -> None:
    one.live().feed.handle(book_frame("DELTA", 2, [("100", "0"), ("99.5", "7")], [("101", "5")]))
    assert one.levels == ({99.5: 7.0, 99.0: 2.0}, {101.0: 5.0, 102.0: 4.0})


def test_a_later_snapshot_replaces_everything_and_replays_nothing(one: Fixture) -> None:
    one.live().feed.handle(book_frame("DELTA", 2, [("100.5", "9")], []))
    one.feed.handle(book_frame("SNAPSHOT", 3, [("90", "1")], [("91", "1")]))
    assert one.levels == ({90.0: 1.0}, {91.0: 1.0})
    assert one.mended == 1, "the book was never broken"


def test_update_ids_grow_over_a_reconnect_although_seq_starts_again(one: Fixture) -> None:
    one.live().feed.handle(book_frame("DELTA", 2, [("99", "1")], []))
    before = one.feed.order_book.last_diff_uid
    one.feed.disconnected("cut")
    one.feed.connected()
    one.feed.handle(SNAPSHOT)
    assert one.feed.order_book.snapshot_uid > before
    one.feed.handle(book_frame("DELTA", 2, [("99", "4")], []))
    assert one.feed.order_book.last_diff_uid > one.feed.order_book.snapshot_uid
    assert one.levels[0][99.0] == 4.0


@pytest.mark.parametrize("seq", [1, 3, 7])
def test_a_gap_or_a_repetition_breaks_the_book(one: Fixture, seq: int) -> None:
    one.live()
    with pytest.raises(SequenceGap):
        one.feed.handle(book_frame("DELTA", seq, [("100", "9")], []))
    assert one.feed.broken_reason() == f"stream: expected seq 2, received {seq}"
    assert one.levels[0][100.0] == 1.0, "nothing of it was applied"


def test_after_a_gap_nothing_is_applied_until_the_next_snapshot(one: Fixture) -> None:
    one.live()
    with pytest.raises(SequenceGap):
        one.feed.handle(book_frame("DELTA", 5, [("100", "9")], []))
    with pytest.raises(ProtocolError, match="a delta came before the snapshot"):
        one.feed.handle(book_frame("DELTA", 2, [("100", "9")], []))
    one.feed.connected()
    one.feed.handle(SNAPSHOT)
    assert one.feed.broken_reason() is None
    assert one.mended == 2


@pytest.mark.parametrize(
    ("bids", "asks"),
    [
        ([("101", "1")], []),
        ([], [("100", "1")]),
        ([], [("99", "1")]),
        ([("100.5", "1")], [("100.5", "1")]),
        ([("100", "0")], [("99", "1")]),
        ([("103", "1")], [("101", "0")]),
    ],
)
def test_a_delta_that_crosses_breaks_the_book(one: Fixture, bids, asks) -> None:
    before = one.live().levels
    with pytest.raises(ProtocolError, match="the book is crossed"):
        one.feed.handle(book_frame("DELTA", 2, bids, asks))
    assert one.feed.broken_reason() == "the book is crossed"
    assert one.levels == before


def test_a_market_that_moves_through_its_old_levels_is_not_crossed(one: Fixture) -> None:
    moved = book_frame("DELTA", 2, [("101.5", "1")], [("101", "0"), ("101.75", "2")])
    one.live().feed.handle(moved)
    assert one.feed.broken_reason() is None
    fallen = book_frame("DELTA", 3, [("101.5", "0"), ("100", "0"), ("98", "1")], [("99.5", "2")])
    one.feed.handle(fallen)
    assert one.feed.broken_reason() is None
    assert one.levels == ({99.0: 2.0, 98.0: 1.0}, {99.5: 2.0, 101.75: 2.0, 102.0: 4.0})


def test_a_crossed_snapshot_breaks_the_book(one: Fixture) -> None:
    with pytest.raises(ProtocolError, match="the book is crossed"):
        one.feed.handle(book_frame("SNAPSHOT", 1, [("101", "1")], [("101", "1")]))
    assert one.feed.broken_reason() == "the book is crossed"


def test_a_side_may_be_empty(one: Fixture) -> None:
    one.feed.handle(book_frame("SNAPSHOT", 1, [("100", "1")], []))
    assert one.feed.broken_reason() is None
    one.feed.handle(book_frame("DELTA", 2, [("99", "1")], [("101", "1")]))
    assert one.levels == ({100.0: 1.0, 99.0: 1.0}, {101.0: 1.0})
    one.feed.handle(book_frame("DELTA", 3, [], [("101", "0")]))
    with pytest.raises(ProtocolError, match="crossed"):
        one.feed.handle(book_frame("DELTA", 4, [], [("100", "1")]))


@pytest.mark.parametrize("raw", ["not json", "{}", '{"type":"DELTA","data":{"b":[{"p":"x"}]},"ts":1,"seq":2}'])
def test_garbage_breaks_the_book(one: Fixture, raw: str) -> None:
    one.live()
    with pytest.raises(MalformedMessage):
        one.feed.handle(raw)
    assert one.feed.broken_reason()


def test_a_stream_error_breaks_the_book(one: Fixture) -> None:
    one.live()
    with pytest.raises(ProtocolError, match="market halted"):
        one.feed.handle(json.dumps({"error": "market halted", "data": None, "ts": 1, "seq": 2}))
    assert "market halted" in str(one.feed.broken_reason())


def test_a_lost_connection_breaks_the_book_and_keeps_its_levels(one: Fixture) -> None:
    before = one.live().levels
    one.feed.disconnected("the connection was lost")
    assert one.feed.broken_reason() == "the connection was lost"
    assert one.levels == before
    one.feed.disconnected("again")
    assert one.feed.broken_reason() == "the connection was lost"
    assert one.feed.breaks == 1


def test_a_connection_replaced_in_place_waits_for_its_own_snapshot(one: Fixture) -> None:
    one.live().feed.connected()
    assert one.feed.broken_reason() == WAITING
    one.feed.handle(SNAPSHOT)
    assert one.feed.broken_reason() is None


def test_silence_is_told_at_the_moment_of_asking_and_reconnects_once(one: Fixture) -> None:
    one.live()
    for seq in range(2, 40):
        one.clock.now += 0.1
        one.feed.handle(book_frame("DELTA", seq, [("99", str(seq))], []))
    one.clock.now += 4.9
    one.feed.check_silence()
    assert one.feed.broken_reason() is None
    one.clock.now += 0.2
    assert one.feed.broken_reason() == "no data for 5 s"
    one.feed.check_silence()
    one.feed.check_silence()
    assert one.silent == ["no data for 5 s"]


@pytest.mark.parametrize(("top", "patience_s"), [("100", 20.0), ("101.5", 5.0)])
def test_patience_grows_only_where_the_silence_was_a_quiet_market(one: Fixture, top: str, patience_s: float) -> None:
    test_silence_is_told_at_the_moment_of_asking_and_reconnects_once(one)
    one.feed.connected()
    one.feed.handle(book_frame("SNAPSHOT", 1, [(top, "1")], [("102", "3")] if top != "100" else [("101", "3")]))
    one.feed.handle(book_frame("SNAPSHOT", 2, [(top, "1")], [("103", "3")]))
    one.clock.now += patience_s - 0.5
    assert one.feed.broken_reason() is None
    one.clock.now += 1.0
    assert one.feed.broken_reason() is not None


def test_deltas_without_the_minutes_snapshot_break_the_book(one: Fixture) -> None:
    one.live()
    seq = 2
    while not one.silent and seq < 90:
        one.clock.now += 1.0
        one.feed.handle(book_frame("DELTA", seq, [("99", str(seq))], []))
        one.feed.check_silence()
        seq += 1
    assert one.silent == ["no snapshot for 76 s"]


# --- against an independent book --------------------------------------------------------------------------------------

_sides = st.dictionaries(st.integers(1, 40), st.integers(0, 5), max_size=6)


@given(st.lists(st.tuples(_sides, _sides), min_size=1, max_size=25))
def test_any_run_of_deltas_gives_the_same_book_as_plain_dictionaries_until_it_crosses(steps) -> None:
    one = Fixture()
    one.feed.handle(book_frame("SNAPSHOT", 1, [("10", "1")], [("30", "1")]))
    bids, asks = {10: 1}, {30: 1}
    for seq, (bid_changes, ask_changes) in enumerate(steps, start=2):
        new_bids = {price: size for price, size in {**bids, **bid_changes}.items() if size}
        new_asks = {price: size for price, size in {**asks, **ask_changes}.items() if size}
        frame = book_frame("DELTA", seq, _rows(bid_changes), _rows(ask_changes))
        if max(new_bids, default=0) >= min(new_asks, default=math.inf):
            with pytest.raises(ProtocolError, match="crossed"):
                one.feed.handle(frame)
            return
        one.feed.handle(frame)
        bids, asks = new_bids, new_asks
        assert one.levels == (bids, asks)


def _rows(changes: dict[int, int]) -> list[tuple[str, str]]:
    return [(str(price), str(size)) for price, size in changes.items()]


def test_crosses_of_an_empty_book_looks_at_the_changes_alone() -> None:
    bid, ask = BookLevel(price=10.0, amount=1.0), BookLevel(price=11.0, amount=1.0)
    assert not crosses(OrderBook(), [bid], [ask])
    assert crosses(OrderBook(), [ask], [bid])
