"""Hummingbot's tracker of orders, in which an order's Created event comes before every other event of it."""

from collections.abc import Callable

from hummingbot.connector.client_order_tracker import ClientOrderTracker
from hummingbot.connector.connector_base import ConnectorBase
from hummingbot.core.data_type.in_flight_order import InFlightOrder, OrderState, OrderUpdate, TradeUpdate

FINAL = frozenset({OrderState.CANCELED, OrderState.FILLED, OrderState.FAILED})


class ExtendedClientOrderTracker(ClientOrderTracker):
    """Announces an order with the first news that carries its exchange id, whatever that news is, and only then.

    Hummingbot's own announces it when it passes from PENDING_CREATE to an open or a filled state: an order whose fill,
    rejection or end is told first has events without a row in Hummingbot's database. Here an order that has an exchange
    id is one that was announced, also in an earlier life; so the saved state tells it, and it happens once.

    An order that has ended stays so: the reply to a cancel, which says "will be cancelled", may come after the end, and
    who holds on to the order would wait for its end for good.
    """

    def __init__(self, connector: ConnectorBase, now_s: Callable[[], float]) -> None:
        super().__init__(connector)
        self._now_s = now_s

    @property
    def current_timestamp(self) -> float:
        """The time that events carry (s)."""
        return self._now_s()

    def process_trade_update(self, trade_update: TradeUpdate) -> None:
        """Apply a fill of an order."""
        self.announce(trade_update.client_order_id, trade_update.exchange_order_id, trade_update.fill_timestamp)
        super().process_trade_update(trade_update)

    async def _process_order_update(self, order_update: OrderUpdate) -> None:
        self.announce(order_update.client_order_id, order_update.exchange_order_id, order_update.update_timestamp)
        order = self._fillable(order_update.client_order_id or "")
        if order is None or order.current_state not in FINAL or order_update.new_state in FINAL:
            await super()._process_order_update(order_update)

    def announce(self, client_order_id: str | None, exchange_order_id: str | None, timestamp: float) -> None:
        """Have it that the exchange has an order, told at `timestamp` (s): the first time, its Created event fires."""
        order = self._fillable(client_order_id or "")
        if order is None or not exchange_order_id or (order.exchange_order_id and not order.is_pending_create):
            return
        state = OrderState.OPEN if order.is_pending_create else order.current_state
        order.update_with_order_update(
            OrderUpdate(order.trading_pair, timestamp, state, order.client_order_id, exchange_order_id)
        )
        self.logger().info(order.build_order_created_message())
        self._trigger_created_event(order)

    def _fillable(self, client_order_id: str) -> InFlightOrder | None:
        return (
            self._in_flight_orders.get(client_order_id)
            or self._cached_orders.get(client_order_id)
            or self._lost_orders.get(client_order_id)
        )
