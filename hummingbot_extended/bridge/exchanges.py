"""Hummingbot's connectors as the bridge sees them: found by name, asked politely, each refusal a sentence."""

import logging
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, DecimalException
from typing import Any, Protocol, runtime_checkable

from hummingbot.connector.connector_base import ConnectorBase
from hummingbot.connector.trading_rule import TradingRule
from hummingbot.core.data_type.common import OrderType as HummingbotOrderType
from hummingbot.core.data_type.in_flight_order import InFlightOrder
from hummingbot.core.data_type.order_book import OrderBook

from hummingbot_extended.bridge.failures import classify
from hummingbot_extended.gateway.enums import MarketType, OrderSide
from hummingbot_extended.gateway.errors import (
    ErrorCode,
    ExchangeUnavailableError,
    InvalidOrderError,
    NotSupportedError,
    UnknownMarketError,
    error_of,
)
from hummingbot_extended.gateway.protocol import OrderRequest, plain

logger = logging.getLogger(__name__)


@runtime_checkable
class TellsOrders(Protocol):
    """A connector that passes on the exchange's own word for an order: ours does, Hummingbot's others do not.

    Only such a connector takes stop orders (`trigger_price=` on buy and sell).
    """

    def acknowledged(self, client_order_id: str) -> bool:
        """Return whether the exchange has confirmed the order."""
        ...

    def was_triggered(self, client_order_id: str) -> bool:
        """Return whether the price that a stop order waits for has come."""
        ...

    def trading_refusal(self, trading_pair: str) -> str | None:
        """Return why no order that opens a position is sent now."""
        ...


@dataclass(frozen=True, slots=True)
class Quote:
    """Best prices and last price of a market; None where there is none."""

    bid: str | None
    ask: str | None
    last: str | None


@dataclass(frozen=True, slots=True)
class Exchange:
    """One connector under its name in Hummingbot."""

    name: str
    connector: ConnectorBase

    @property
    def market_type(self) -> MarketType:
        """Futures for perpetuals, spot otherwise."""
        return MarketType.FUTURES if hasattr(self.connector, "account_positions") else MarketType.SPOT

    @property
    def told_by(self) -> TellsOrders | None:
        """The connector, if it passes on the exchange's own word."""
        return self.connector if isinstance(self.connector, TellsOrders) else None

    def adopt_orders(self) -> None:
        """Have our connector go on with orders of an earlier life, as Hummingbot's others do: clients know them."""
        if (adopt := getattr(self.connector, "adopt_orders_after_restart", None)) is not None:
            adopt()

    @property
    def pairs(self) -> list[str]:
        """The trading pairs this connector serves."""
        return list(self.connector.trading_pairs)

    def check_pair(self, market: str) -> None:
        """Raise UnknownMarketError for a pair that this Hummingbot does not serve."""
        if market not in self.connector.trading_pairs:
            raise UnknownMarketError(
                f"{self.name} has no market {market} in this Hummingbot (it has {', '.join(self.pairs) or 'none'}); "
                "add it to the markets of its script or of the bridge"
            )

    def check_ready(self, market: str, *, reduce_only: bool) -> None:
        """Raise ExchangeUnavailableError while the connector cannot trade a market."""
        if not self.connector.ready:
            missing = [name for name, done in self.connector.status_dict.items() if not done]
            raise ExchangeUnavailableError(
                f"{self.name} is not ready yet ({', '.join(missing)}); try again in a moment"
            )
        if self.told_by is not None and not reduce_only and (why := self.told_by.trading_refusal(market)):
            raise ExchangeUnavailableError(f"{self.name}: {why}; try again in a moment")

    def rule(self, market: str) -> TradingRule:
        """Return the trading rule of a market. Raises ExchangeUnavailableError before Hummingbot knows it.

        A paper-trade exchange has no rules, only steps.
        """
        rules = getattr(self.connector, "trading_rules", None)
        if rules is None:
            step = self.connector.get_order_size_quantum(market, Decimal(1))
            price_step = self.connector.get_order_price_quantum(market, Decimal(1))
            return TradingRule(market, step, min_price_increment=price_step, min_base_amount_increment=step)
        rule = rules.get(market)
        if rule is None:
            raise ExchangeUnavailableError(f"{self.name} has not told the trading rules of {market} yet; try again")
        return rule

    def was_triggered(self, order_id: str) -> bool:
        """Return whether a stop order on the exchange has met its price."""
        return self.told_by is not None and self.told_by.was_triggered(order_id)

    def order_types(self) -> list[HummingbotOrderType]:
        """Return the order types of the connector."""
        return list(self.connector.supported_order_types())

    def book(self, market: str) -> OrderBook:
        """Return the order book of a market. Raises ExchangeUnavailableError where there is none yet."""
        self.check_pair(market)
        try:
            return self.connector.get_order_book(market)
        except ValueError:
            raise ExchangeUnavailableError(f"{self.name} has no order book of {market} yet; try again") from None

    def quote(self, market: str) -> Quote:
        """Return the best prices and the last price of a market."""
        book = self.book(market)
        return Quote(_first(book.bid_entries()), _first(book.ask_entries()), text_of(book.last_trade_price))

    def levels(self, market: str, depth: int) -> dict[str, Any]:
        """Return the order book's best `depth` levels as texts."""
        book = self.book(market)
        return {
            "symbol": market,
            "exchange": self.name,
            "bids": _levels(book.bid_entries(), depth),
            "asks": _levels(book.ask_entries(), depth),
            "timestamp": time.time(),
        }

    def in_flight(self, order_id: str) -> InFlightOrder | None:
        """Return what the connector knows of an order, also one that has just ended."""
        tracker = getattr(self.connector, "_order_tracker", None)
        if tracker is not None:
            return tracker.all_fillable_orders.get(order_id)
        try:
            return self.connector.in_flight_orders.get(order_id)
        except NotImplementedError:  # a paper-trade exchange
            return None

    def tracked_orders(self) -> list[InFlightOrder]:
        """Return the open orders that the connector tracks, whoever created them; none where it has no tracker."""
        tracker = getattr(self.connector, "_order_tracker", None)
        return [] if tracker is None else [order for order in tracker.active_orders.values() if not order.is_done]

    def quantise(self, order: OrderRequest) -> tuple[Decimal, Decimal | None]:
        """Return amount and price as the market takes them. Raises InvalidOrderError with the rule that forbids it."""
        try:
            return self._quantise(order)
        except DecimalException:  # more steps than a Decimal counts
            price = "" if order.price is None else f" at {plain(order.price)}"
            message = f"Invalid order: {plain(order.amount)}{price} is far beyond what {order.market} takes"
            raise InvalidOrderError(message) from None

    def _quantise(self, order: OrderRequest) -> tuple[Decimal, Decimal | None]:
        rule = self.rule(order.market)
        base, quote = order.market.split("-")
        price = None if order.price is None else self.connector.quantize_order_price(order.market, order.price)
        amount = order.amount // rule.min_base_amount_increment * rule.min_base_amount_increment
        if order.price is not None and not price:
            raise InvalidOrderError(
                f"Invalid order: the price {plain(order.price)} is below the step of {rule.min_price_increment} {quote}"
            )
        if amount < rule.min_order_size or not amount:
            smallest = max(rule.min_order_size, rule.min_base_amount_increment)
            raise InvalidOrderError(
                f"Invalid order: the amount {plain(order.amount)} is below the minimum of {plain(smallest)} {base} "
                f"in {order.market}"
            )
        reference = price or order.stop_price or self._mid(order.market)
        if amount > rule.max_order_size and order.price is not None:
            raise InvalidOrderError(
                f"Invalid order: the amount {plain(amount)} is above the maximum of "
                f"{plain(rule.max_order_size)} {base} in {order.market}"
            )
        smallest_value = max(rule.min_notional_size, rule.min_order_value)
        if reference is not None and amount * reference < smallest_value:
            raise InvalidOrderError(
                f"Invalid order: its value {plain(amount * reference)} is below the minimum of "
                f"{plain(smallest_value)} {quote} in {order.market}"
            )
        return amount, price

    def largest_value(self, order: OrderRequest, amount: Decimal, price: Decimal | None) -> Decimal | None:
        """Return what an order may be worth in the quote asset; None where no price is known.

        A buyer's limit price bounds it. Any other order may trade at the market's price, however low it is set.
        """
        if order.side is OrderSide.BUY and price is not None:
            return amount * price
        mid = self._mid(order.market)
        return None if mid is None else amount * max(mid, price or mid, order.stop_price or mid)

    def hummingbot_type(self, order: OrderRequest) -> HummingbotOrderType:
        """Return the type to place an order with. Raises NotSupportedError where the connector lacks it."""
        if order.post_only:
            wanted = HummingbotOrderType.LIMIT_MAKER
        else:
            wanted = HummingbotOrderType.LIMIT if order.order_type.has_price else HummingbotOrderType.MARKET
        if wanted not in self.connector.supported_order_types():
            raise NotSupportedError(f"{self.name} does not offer {wanted.name} orders")
        return wanted

    def place(
        self,
        market: str,
        side: OrderSide,
        amount: Decimal,
        order_type: HummingbotOrderType,
        price: Decimal | None,
        **more: Any,
    ) -> str:
        """Have the connector place an order and return its id. Nothing has been sent when this returns.

        Raises the HummingbotClientException that says why the connector does not take it.
        """
        place = self.connector.buy if side is OrderSide.BUY else self.connector.sell
        try:
            return str(place(market, amount, order_type, Decimal("NaN") if price is None else price, **more))
        except Exception as error:  # each connector has its own; whatever it is, the order was not sent
            logger.warning("%s does not take an order: %r", self.name, error)
            raise error_of(*classify("ValueError", str(error) or type(error).__name__)) from error

    def _mid(self, market: str) -> Decimal | None:
        quote = self.quote(market)
        known = [Decimal(price) for price in (quote.bid, quote.ask) if price is not None]
        return sum(known, Decimal(0)) / len(known) if known else None


class Exchanges:
    """The connectors of a Hummingbot, by name. The mapping is Hummingbot's own and may change while it runs."""

    def __init__(self, connectors: Mapping[str, ConnectorBase]) -> None:
        self._connectors = connectors

    def __iter__(self) -> Iterator[Exchange]:
        return iter([Exchange(name, connector) for name, connector in self._connectors.items()])

    def find(self, name: str) -> Exchange:
        """Return an exchange. Raises UnknownMarketError."""
        connector = self._connectors.get(name)
        if connector is None:
            raise UnknownMarketError(
                f"this Hummingbot has no exchange {name!r} (it has {', '.join(self._connectors) or 'none'}); "
                "start it with a market of that exchange",
                code=ErrorCode.UNKNOWN_EXCHANGE,
            )
        return Exchange(name, connector)

    def find_market(self, name: str, market: str) -> Exchange:
        """Return an exchange that serves a pair. Raises UnknownMarketError."""
        exchange = self.find(name)
        exchange.check_pair(market)
        return exchange


def text_of(number: float | Decimal | None) -> str | None:
    """Return a number that Hummingbot keeps as a double as the shortest text that means it; None for NaN."""
    if number is None or number != number:
        return None
    text = repr(number) if isinstance(number, float) else plain(number)
    if "e" in text:
        return plain(Decimal(text))
    return text.removesuffix(".0")


def _levels(rows: Iterable[Any], depth: int) -> list[tuple[str | None, str | None]]:
    return [(text_of(row.price), text_of(row.amount)) for row, _ in zip(rows, range(depth), strict=False)]


def _first(rows: Iterable[Any]) -> str | None:
    return next((text_of(row.price) for row in rows), None)
