"""The account: balances, positions, leverage and position mode, as the connectors know them."""

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Any

from hummingbot.core.data_type.common import PositionMode
from hummingbot.core.event.event_forwarder import EventForwarder
from hummingbot.core.event.events import AccountEvent

from hummingbot_extended.bridge.exchanges import Exchange, Exchanges
from hummingbot_extended.bridge.settings import AccessKey
from hummingbot_extended.gateway.enums import MarketType
from hummingbot_extended.gateway.errors import ErrorCode, InvalidOrderError, NotSupportedError, RequestTimeoutError
from hummingbot_extended.gateway.protocol import plain, text_of

LOOK_S = 0.02


def balances(exchanges: Exchanges, params: Mapping[str, Any]) -> dict[str, Any]:
    """Return `{exchange: {asset: {total, available}}}`."""
    exchange = exchanges.find(text_of("exchange", params.get("exchange")))
    connector = exchange.connector
    return {
        exchange.name: {
            asset: {"total": plain(total), "available": plain(connector.get_available_balance(asset))}
            for asset, total in connector.get_all_balances().items()
        }
    }


def positions(exchanges: Exchanges, key: AccessKey, params: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the open positions of an exchange, or of one market."""
    exchange = _futures(exchanges, params)
    market = params.get("market")
    return [
        {
            "symbol": position.trading_pair,
            "exchange": exchange.name,
            "side": position.position_side.name.lower(),
            "amount": plain(position.amount),
            "entry_price": plain(position.entry_price),
            "unrealized_pnl": plain(position.unrealized_pnl),
            "leverage": plain(position.leverage),
            "timestamp": time.time(),
        }
        for position in exchange.connector.account_positions.values()
        if market in (None, position.trading_pair) and key.may_use(exchange.name, position.trading_pair)
    ]


def trading_rules(exchanges: Exchanges, params: Mapping[str, Any]) -> dict[str, Any]:
    """Return the limits and steps of a market, and the order types."""
    market = text_of("market", params.get("market"))
    exchange = exchanges.find_market(text_of("exchange", params.get("exchange")), market)
    rule = exchange.rule(market)
    return {
        "symbol": market,
        "exchange": exchange.name,
        "market_type": exchange.market_type.value,
        "min_order_size": plain(rule.min_order_size),
        "max_order_size": plain(rule.max_order_size),
        "min_price_increment": plain(rule.min_price_increment),
        "min_base_amount_increment": plain(rule.min_base_amount_increment),
        "min_notional_size": plain(rule.min_notional_size),
        "order_types": [each.name.lower() for each in exchange.order_types()],
        "native_stop_orders": exchange.told_by is not None,
    }


async def set_leverage(exchanges: Exchanges, params: Mapping[str, Any], wait_s: float) -> dict[str, Any]:
    """Set a market's leverage and return it once the connector has it."""
    exchange = _futures(exchanges, params)
    market, leverage = text_of("market", params.get("market")), params.get("leverage")
    exchange.check_pair(market)
    if not isinstance(leverage, int) or isinstance(leverage, bool) or leverage < 1:
        raise InvalidOrderError("leverage must be a whole number from 1", code=ErrorCode.INVALID_REQUEST)
    exchange.connector.set_leverage(market, leverage)
    await _until(lambda: exchange.connector.get_leverage(market) == leverage, wait_s, f"a leverage of {leverage}")
    return {"symbol": market, "exchange": exchange.name, "leverage": leverage}


async def set_position_mode(exchanges: Exchanges, params: Mapping[str, Any], wait_s: float) -> dict[str, Any]:
    """Set an exchange's position mode and return it once the exchange has confirmed it."""
    exchange = _futures(exchanges, params)
    connector = exchange.connector
    name = str(params.get("mode", "")).upper()
    supported = [mode.name for mode in connector.supported_position_modes()]
    if name not in supported:
        raise NotSupportedError(f"{exchange.name} offers the position modes {', '.join(supported)}, not {name!r}")
    failures: list[str] = []
    listener = EventForwarder(lambda event: failures.append(event.message or "the exchange refused it"))
    connector.add_listener(AccountEvent.PositionModeChangeFailed, listener)
    mode = PositionMode[name]
    try:
        connector.set_position_mode(mode)
        await _until(lambda: bool(failures) or connector.position_mode is mode, wait_s, f"the position mode {name}")
    finally:
        connector.remove_listener(AccountEvent.PositionModeChangeFailed, listener)
    if failures:
        raise InvalidOrderError(failures[0], code=ErrorCode.INVALID_REQUEST)
    return {"exchange": exchange.name, "mode": name}


def _futures(exchanges: Exchanges, params: Mapping[str, Any]) -> Exchange:
    exchange = exchanges.find(text_of("exchange", params.get("exchange")))
    if exchange.market_type is not MarketType.FUTURES:
        raise NotSupportedError(f"{exchange.name} is a spot exchange: it has no positions and no leverage")
    return exchange


async def _until(condition: Callable[[], bool], wait_s: float, what: str) -> None:
    deadline_s = time.monotonic() + wait_s
    while not condition():
        if time.monotonic() >= deadline_s:
            raise RequestTimeoutError(f"the exchange has not confirmed {what} within {wait_s:g} s")
        await asyncio.sleep(LOOK_S)
