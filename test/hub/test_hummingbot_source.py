"""A live Hummingbot connector's books and trades feed a hub; the books are Hummingbot's own."""

import time
from decimal import Decimal
from types import SimpleNamespace

from hummingbot.core.data_type.common import TradeType
from hummingbot.core.data_type.order_book import OrderBook
from hummingbot.core.data_type.order_book_row import OrderBookRow
from hummingbot.core.event.events import OrderBookEvent, OrderBookTradeEvent

from hummingbot_extended.hub.events import DepthRow, Row, TradeRow
from hummingbot_extended.hub.kinds import Channel, Feed, Kind
from hummingbot_extended.hub.sources.hummingbot import HummingbotSource
from test.hub.core_kit import MARKET, hub_on, serving
from test.until import until


def trade(number: str, price: float) -> OrderBookTradeEvent:
    return OrderBookTradeEvent(MARKET, time.time(), TradeType.BUY, price, 0.5, number)


async def test_books_trades_and_candles_come_from_a_connector() -> None:
    book = OrderBook()
    book.apply_snapshot([OrderBookRow(99.5, 1.25, 1)], [OrderBookRow(100.1, 2.0, 1)], 1)
    info = SimpleNamespace(rate=Decimal("0.0001"), mark_price=Decimal(100), index_price=Decimal("100.5"))
    connector = SimpleNamespace(trading_pairs=[MARKET], order_books={MARKET: book}, get_funding_info=lambda _pair: info)
    source = HummingbotSource(connector, name="other_venue", poll_s=0.05)
    assert not source.offers(Channel(Feed.BOOK, "ETH-USD"))
    assert not source.offers(Channel(Feed.CANDLES, MARKET))
    async with serving(makers=False) as venue:
        async with hub_on(venue, more_sources=(source,), sources=("extended_rest",)) as hub:
            rows: list[Row] = []
            kinds = [Kind.DEPTH, Kind.QUOTE, Kind.TRADES, Kind.PRICE, Kind.MARK, Kind.INDEX, Kind.FUNDING]
            hub.listen(kinds, [MARKET], rows.append)
            await until(lambda: {Kind.DEPTH, Kind.QUOTE, Kind.MARK, Kind.FUNDING} <= {row.kind for row in rows})
            snapshot = next(row for row in rows if isinstance(row, DepthRow))
            assert snapshot.provider == "other_venue"
            assert snapshot.bids[0][:2] == (Decimal("99.5"), Decimal("1.25"))
            assert snapshot.asks[0][:2] == (Decimal("100.1"), Decimal("2.0"))
            for number, price in (("7", 100.1), ("x-8", 100.2)):
                book.trigger_event(OrderBookEvent.TradeEvent, trade(number, price))
            await until(lambda: sum(row.kind is Kind.PRICE and row.provider == "other_venue" for row in rows) == 2)
            trades = [row for row in rows if isinstance(row, TradeRow)]
            assert [(row.price, row.size, row.side) for row in trades] == [
                (Decimal("100.1"), Decimal("0.5"), "buy"),
                (Decimal("100.2"), Decimal("0.5"), "buy"),
            ]
            assert trades[0].trade_id == 7
            book.apply_diffs([OrderBookRow(99.7, 3.0, 2)], [], 2)
            await until(lambda: any(isinstance(row, DepthRow) and row.bids[0].price == Decimal("99.7") for row in rows))
