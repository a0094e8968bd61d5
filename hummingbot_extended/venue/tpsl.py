"""Take-profits and stop-losses: orders of their own, of which one cancels the other (API reference §4.1, §4.8)."""

from decimal import Decimal

from msgspec.structs import replace

from hummingbot_extended.venue.enums import OrderStatus, OrderType, StatusReason, TimeInForce, TpSlType
from hummingbot_extended.venue.floor import Floor
from hummingbot_extended.venue.orders import ZERO, Order


class TpSl:
    """Makes the legs of orders, lets them grow with their parent's fills, and ends a leg when its sibling is filled."""

    def __init__(self, floor: Floor) -> None:
        self._floor = floor

    def conflicts(self, order: Order) -> bool:
        """Whether the account already has a waiting whole-position leg of the same kind on the market."""
        if order.tp_sl_type is not TpSlType.POSITION:
            return False
        others = self._floor.store.open_of(order.account_id, order.market)
        return any(
            (order.take_profit is not None and other.take_profit is not None)
            or (order.stop_loss is not None and other.stop_loss is not None)
            for other in others
            if other.type is OrderType.TPSL and other.tp_sl_type is TpSlType.POSITION and other.is_untriggered
        )

    def enter(self, order: Order) -> None:
        """Let a TPSL order wait: one order a leg, the first under the order's own id, both under its external id."""
        waiting = replace(order, status=OrderStatus.UNTRIGGERED)
        if order.take_profit is None or order.stop_loss is None:
            self._floor.put(waiting)
        else:
            other_id = self._floor.state.ids.take()
            self._floor.put(replace(waiting, stop_loss=None, sibling_id=other_id))
            self._floor.put(replace(waiting, id=other_id, take_profit=None, sibling_id=order.id, order_hash=None))
        self._floor.dirty_markets[order.market] = None

    def follow_fill(self, order: Order, qty: Decimal, now_ms: int) -> None:
        """Do what the fill of `qty` on an order means for legs: its own, or its sibling."""
        if order.type is not OrderType.TPSL:
            if order.tp_sl_type is not None:
                self._follow_parent(order, qty, now_ms)
        elif order.status is OrderStatus.FILLED and order.sibling_id is not None:
            sibling = self._floor.store.open(order.sibling_id)
            if sibling is not None:
                self._end(sibling, StatusReason.TPSL_OTHER_SIDE_FILLED, now_ms)

    def _follow_parent(self, parent: Order, qty: Decimal, now_ms: int) -> None:
        held = self._floor.size(parent.account_id, parent.market) * parent.side.sign
        if held <= 0:
            return  # the fill reduced a position of the other side: there is nothing to protect
        opened = min(qty, held)  # the rest of the fill closed a position of the other side
        if parent.filled_qty == qty or opened == held:
            self._spawn(parent, opened, now_ms)
            return
        for child in self._floor.store.open_of(parent.account_id, parent.market):
            if child.parent_id == parent.id and child.is_untriggered and child.tp_sl_type is TpSlType.ORDER:
                self._floor.put(replace(child, qty=child.qty + opened, updated_ms=now_ms))

    def _spawn(self, parent: Order, qty: Decimal, now_ms: int) -> None:
        is_whole = parent.tp_sl_type is TpSlType.POSITION
        child = Order(
            id=self._floor.state.ids.take(),
            account_id=parent.account_id,
            external_id=parent.external_id,
            market=parent.market,
            type=OrderType.TPSL,
            side=parent.side.opposite,
            status=OrderStatus.UNTRIGGERED,
            price=None,
            qty=ZERO if is_whole else qty,
            time_in_force=TimeInForce.GTT,
            expire_ms=parent.expire_ms,
            created_ms=now_ms,
            updated_ms=now_ms,
            self_trade_protection=parent.self_trade_protection,
            reduce_only=True,
            tp_sl_type=parent.tp_sl_type,
            take_profit=parent.take_profit,
            stop_loss=parent.stop_loss,
            builder_fee=parent.builder_fee,
            builder_id=parent.builder_id,
            parent_id=parent.id,
        )
        if self.conflicts(child):
            reason = StatusReason.POSITION_TPSL_CONFLICT
            self._floor.put(replace(child, status=OrderStatus.REJECTED, status_reason=reason))
        else:
            self.enter(child)

    def _end(self, order: Order, reason: StatusReason, now_ms: int) -> None:
        left = order.qty - order.filled_qty
        ended = replace(
            order, status=OrderStatus.CANCELLED, status_reason=reason, cancelled_qty=left, updated_ms=now_ms
        )
        self._floor.put(ended)
