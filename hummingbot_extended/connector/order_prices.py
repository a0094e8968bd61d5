"""What an order is priced by: the streams' book and mark price, and the mark by REST where no stream tells one."""

import math
from collections.abc import Callable, Mapping
from decimal import Decimal

from hummingbot.core.data_type.common import OrderType, TradeType
from hummingbot.core.data_type.order_book import OrderBook

from hummingbot_extended.connector.extended_perpetual_api_order_book_data_source import (
    ExtendedPerpetualAPIOrderBookDataSource,
)
from hummingbot_extended.connector.markets import Markets
from hummingbot_extended.errors import ExtendedError
from hummingbot_extended.exchange.rest import ExtendedRest


class OrderPrices:
    """Gives the prices of the moment. `is_started()`: whether books are kept true by streams, so that one may break."""

    def __init__(
        self,
        rest: ExtendedRest,
        markets: Markets,
        streams: ExtendedPerpetualAPIOrderBookDataSource,
        *,
        order_books: Callable[[], Mapping[str, OrderBook]],
        is_started: Callable[[], bool],
    ) -> None:
        self._rest = rest
        self._markets = markets
        self._streams = streams
        self._order_books = order_books
        self._is_started = is_started

    def book(self, pair: str, trade_type: TradeType, amount: Decimal) -> Decimal | None:
        """Return the price down to which the book fills `amount`; None where it cannot be trusted or is too thin."""
        book = self._order_books().get(pair)
        if book is None or (self._is_started() and self._streams.broken_reason(pair)):
            return None
        price = book.get_price_for_volume(trade_type is TradeType.BUY, float(amount)).result_price
        return None if math.isnan(price) else Decimal(str(price))

    async def mark(self, pair: str, order_type: OrderType) -> Decimal | None:
        """Return the mark price, None where it is not live.

        For a market order REST is asked then: a position must be closed without streams too, and hummingbot-api trades
        pairs that it has not opened. Raises what REST raises where there is no book either.
        """
        mark = self._streams.mark_price(pair)
        if mark is not None or order_type is not OrderType.MARKET or self._markets.of(pair) is None:
            return mark
        try:
            return (await self._rest.market_stats(self._markets.name_of(pair))).mark_price
        except ExtendedError:
            if self._streams.broken_reason(pair):
                raise
            return None
