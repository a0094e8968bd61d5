"""Models for tests of pure parts, in one line each."""

from decimal import Decimal
from typing import Any

from hummingbot.core.data_type.common import OrderType, PositionAction, TradeType
from hummingbot.core.data_type.in_flight_order import InFlightOrder

from hummingbot_extended.exchange.models import AccountTrade, FundingPayment, Market, Order, Position
from hummingbot_extended.exchange.reading import read
from test.connector import inherited_fixtures as wire


def market(name: str = "BTC-USD", **changes: Any) -> Market:
    return read(wire.market(name, **changes), Market)


def market_with(config: dict[str, str], **changes: Any) -> Market:
    whole = wire.market("BTC-USD", **changes)
    whole["tradingConfig"].update(config)
    return read(whole, Market)


def order(order_id: int = 1, external_id: str = "a", **changes: Any) -> Order:
    return read(wire.order(order_id, external_id, "BTC-USD", **changes), Order)


def trade(trade_id: int = 1, order_id: int = 1, **changes: Any) -> AccountTrade:
    return read(wire.trade(trade_id, order_id, "BTC-USD", **changes), AccountTrade)


def position(side: str = "LONG", size: str = "1", **changes: Any) -> Position:
    known = {"id": 1, "market": "BTC-USD", "side": side, "leverage": "10", "size": size, "value": "1", "openPrice": "9"}
    return read({**known, **changes}, Position)


def payment(payment_id: int, paid_ms: int, **changes: Any) -> FundingPayment:
    known = {"id": payment_id, "market": "BTC-USD", "side": "LONG", "size": "1", "value": "9", "markPrice": "9"}
    return read({**known, "fundingFee": "-0.1", "fundingRate": "0.01", "paidTime": paid_ms, **changes}, FundingPayment)


def tracked(client_order_id: str = "a", exchange_id: str | None = "1", amount: str = "1") -> InFlightOrder:
    return InFlightOrder(
        client_order_id=client_order_id,
        exchange_order_id=exchange_id,
        trading_pair="BTC-USD",
        order_type=OrderType.LIMIT,
        trade_type=TradeType.BUY,
        amount=Decimal(amount),
        price=Decimal(10_000),
        creation_timestamp=1640780000,
        position=PositionAction.OPEN,
    )
