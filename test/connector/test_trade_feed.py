"""Public trades: history is no news, repetition is no news, and what was missed is."""

import pytest
from hummingbot.core.data_type.common import TradeType
from hummingbot.core.event.events import OrderBookTradeEvent

from hummingbot_extended.connector.trade_feed import REMEMBERED_IDS, TradeFeed
from hummingbot_extended.errors import MalformedMessage, SequenceGap
from test.connector.market_data import PAIR, trades_frame


class Fixture:
    def __init__(self) -> None:
        self.events: list[OrderBookTradeEvent] = []
        self.last_prices: list[float] = []
        self.feed = TradeFeed(PAIR, on_trade=self.events.append, on_last_price=self.last_prices.append)
        self.feed.connected()

    @property
    def ids(self) -> list[str]:
        return [str(event.trade_id) for event in self.events]


@pytest.fixture
def one() -> Fixture:
    return Fixture()


def test_history_of_the_first_connection_sets_the_last_price_and_emits_nothing(one: Fixture) -> None:
    one.feed.handle(trades_frame(1, *range(1, 51), price="99.5"))
    assert one.events == []
    assert one.last_prices == [99.5]


def test_a_new_trade_is_reported_with_its_takers_side(one: Fixture) -> None:
    one.feed.handle(trades_frame(1, 1))
    one.feed.handle(trades_frame(2, 2, side="SELL"))
    assert one.events == [OrderBookTradeEvent(PAIR, 1_795_219_200.002, TradeType.SELL, 100.5, 0.25, "2")]
    one.feed.handle(trades_frame(3, 3, side="BUY"))
    assert one.events[-1].type is TradeType.BUY
    assert repr(one.feed) == "<TradeFeed BTC-USD: 2 trades reported>"


def test_what_a_reconnect_repeats_is_skipped_and_what_was_missed_is_reported(one: Fixture) -> None:
    one.feed.handle(trades_frame(1, 1, 2, 3))
    one.feed.handle(trades_frame(2, 4))
    one.feed.disconnected("cut")
    one.feed.connected()
    one.feed.handle(trades_frame(1, 2, 3, 4, 5, 6))
    assert one.ids == ["4", "5", "6"]
    assert one.last_prices == [100.5]


def test_an_empty_history_is_history(one: Fixture) -> None:
    one.feed.handle(trades_frame(1))
    one.feed.handle(trades_frame(2, 1))
    assert one.ids == ["1"]
    assert one.last_prices == []


@pytest.mark.parametrize("seq", [1, 2])
def test_a_message_that_came_before_is_skipped(one: Fixture, seq: int) -> None:
    one.feed.handle(trades_frame(1, 1))
    one.feed.handle(trades_frame(2, 2))
    one.feed.handle(trades_frame(seq, 3))
    assert one.ids == ["2"]


def test_a_gap_reconnects_so_that_the_missed_trades_are_repeated(one: Fixture) -> None:
    one.feed.handle(trades_frame(1, 1))
    with pytest.raises(SequenceGap, match="trades of BTC-USD: expected seq 2, received 4"):
        one.feed.handle(trades_frame(4, 4))
    one.feed.connected()
    one.feed.handle(trades_frame(1, 1, 2, 3, 4))
    assert one.ids == ["2", "3", "4"]


def test_garbage_reconnects(one: Fixture) -> None:
    with pytest.raises(MalformedMessage):
        one.feed.handle("{]")


def test_memory_of_ids_is_bounded(one: Fixture) -> None:
    one.feed.handle(trades_frame(1))
    one.feed.handle(trades_frame(2, *range(REMEMBERED_IDS)))
    one.feed.handle(trades_frame(3, *range(REMEMBERED_IDS, REMEMBERED_IDS + 50)))
    assert len(one.feed._ids) == len(one.feed._order) == REMEMBERED_IDS
    one.feed.handle(trades_frame(4, *range(REMEMBERED_IDS - 10, REMEMBERED_IDS + 51)))
    assert len(one.ids) == REMEMBERED_IDS + 51
