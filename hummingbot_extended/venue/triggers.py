"""Conditional orders and legs that wait for a price: which are due, and what becomes of them (API reference §4.4)."""

from decimal import Decimal

from msgspec.structs import replace

from hummingbot_extended.venue.enums import Direction, Mode, OrderStatus, PriceSource, Side
from hummingbot_extended.venue.execution import Execution
from hummingbot_extended.venue.floor import Floor
from hummingbot_extended.venue.orders import Leg, Order
from hummingbot_extended.venue.state import Market

TRADING_MODES = (Mode.NORMAL, Mode.REDUCE_ONLY)


class Triggers:
    """Watches the waiting orders of markets whose price moved."""

    def __init__(self, floor: Floor, execution: Execution) -> None:
        self._floor = floor
        self._execution = execution

    def run(self, market: str, now_ms: int) -> None:
        """Send the due orders of a market to the book, oldest first. None while the exchange does not trade freely."""
        if self._floor.state.mode not in TRADING_MODES:
            return
        for order in self._floor.store.untriggered(market):
            current = self._floor.store.open(order.id)
            if current is not None and is_due(current, self._floor.state.markets[market]):
                self._fire(current, now_ms)

    def _fire(self, order: Order, now_ms: int) -> None:
        if order.trigger is None and order.leg is not None:
            whole = abs(self._floor.size(order.account_id, order.market))
            order = replace(order, price=order.leg.price, qty=order.qty or whole)
        order = self._floor.put(replace(order, status=OrderStatus.TRIGGERED, updated_ms=now_ms))
        self._execution.place(order, now_ms)


def is_due(order: Order, market: Market) -> bool:
    """Whether the price that an order waits for has come."""
    if order.trigger is not None:
        price = _price(market, order.trigger.source)
        return _reached(price, order.trigger.price, is_up=order.trigger.direction is Direction.UP)
    return order.leg is not None and _leg_is_due(order, order.leg, market)


def _leg_is_due(order: Order, leg: Leg, market: Market) -> bool:
    """A sell leg takes profit when the price has risen, stops the loss when it has fallen; a buy leg the other way."""
    is_up = (leg is order.take_profit) == (order.side is Side.SELL)
    return _reached(_price(market, leg.source), leg.trigger_price, is_up=is_up)


def _price(market: Market, source: PriceSource) -> Decimal | None:
    return {PriceSource.LAST: market.last_price, PriceSource.MARK: market.mark, PriceSource.INDEX: market.index}[source]


def _reached(price: Decimal | None, trigger: Decimal, *, is_up: bool) -> bool:
    if price is None:
        return False
    return price >= trigger if is_up else price <= trigger
