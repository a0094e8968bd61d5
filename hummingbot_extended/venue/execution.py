"""The matching engine's side of an order's life: acceptance, trading, resting, cancelling (API reference §4)."""

from collections.abc import Callable

from msgspec.structs import replace

from hummingbot_extended.venue.enums import (
    ExecutionType,
    MarketStatus,
    Mode,
    OrderStatus,
    OrderType,
    SelfTradeProtection,
    StatusReason,
    TimeInForce,
    TradeType,
)
from hummingbot_extended.venue.events import OrderEvent
from hummingbot_extended.venue.floor import Floor
from hummingbot_extended.venue.ledger import Ledger
from hummingbot_extended.venue.orders import ZERO, Order
from hummingbot_extended.venue.tpsl import TpSl
from hummingbot_extended.venue.trading import Trading

type EngineCheck = Callable[[Floor, Order, int], StatusReason | None]


class Execution:
    """Takes orders into the book. What it does is told by events; nothing here raises a Refusal."""

    def __init__(self, floor: Floor, ledger: Ledger) -> None:
        self._floor = floor
        self._ledger = ledger
        self.tpsl = TpSl(floor)
        self.trading = Trading(floor, ledger, self.tpsl)

    # ---------------------------------------------------------------------------------------------------- acceptance
    def accept(self, order: Order, now_ms: int) -> None:
        """Take a received order: replace, wait for the trigger, trade, rest, or be rejected."""
        order = replace(order, updated_ms=now_ms)
        if order.cancel_id is not None and (reason := self._replace(order, now_ms)) is not None:
            self._reject(order, reason, now_ms)
        elif order.type is OrderType.TPSL:
            self._enter_tpsl(order, now_ms)
        elif order.type is OrderType.CONDITIONAL:
            self._enter_waiting(order, now_ms)
        else:
            self.place(order, now_ms)

    def reject(self, order: Order, reason: StatusReason, now_ms: int) -> None:
        """Reject a received order; what it was to replace is cancelled too (§4.9)."""
        if order.cancel_id is not None:
            self._replace(order, now_ms)
        self._reject(order, reason, now_ms)

    def _replace(self, order: Order, now_ms: int) -> StatusReason | None:
        """Cancel the order that `order` replaces; returns why that cannot be."""
        previous = None if order.prev_order_id is None else self._floor.store.open(order.prev_order_id)
        if previous is None:
            return StatusReason.PREV_ORDER_NOT_FOUND
        if previous.type is OrderType.TPSL and not previous.is_untriggered:
            return StatusReason.PREV_ORDER_TRIGGERED
        self.cancel(previous, StatusReason.ORDER_REPLACED, now_ms)
        return None

    def _reject(self, order: Order, reason: StatusReason, now_ms: int) -> None:
        """Refuse a new order (REJECTED), or end one that was waiting for its trigger (CANCELLED)."""
        if self._floor.store.open(order.id) is not None:
            self.cancel(order, reason, now_ms)
            return
        if reason is StatusReason.POST_ONLY_FAILED and self._floor.config.post_only_failed == "CANCELLED":
            self.cancel(order, reason, now_ms)
            return
        rejected = replace(order, status=OrderStatus.REJECTED, status_reason=reason, updated_ms=now_ms)
        self._floor.put(rejected)

    def _enter_waiting(self, order: Order, now_ms: int) -> None:
        if (reason := self._first_reason((_market, _mode, _expiry), order, now_ms)) is not None:
            self._reject(order, reason, now_ms)
            return
        self._floor.put(replace(order, status=OrderStatus.UNTRIGGERED))
        self._floor.dirty_markets[order.market] = None

    def _enter_tpsl(self, order: Order, now_ms: int) -> None:
        reason = self._first_reason((_market, _mode, _expiry, _reduces), order, now_ms)
        if reason is None and self.tpsl.conflicts(order):
            reason = StatusReason.POSITION_TPSL_CONFLICT
        if reason is not None:
            self._reject(order, reason, now_ms)
            return
        self.tpsl.enter(order)

    # ------------------------------------------------------------------------------------------------------- trading
    def place(self, order: Order, now_ms: int) -> None:
        """Trade an order against the book, then rest or end it; the engine's own checks come first."""
        checks = (_market, _mode, _expiry, _reduces, _post_only, self._funds)
        if (reason := self._first_reason(checks, order, now_ms)) is not None:
            self._reject(order, reason, now_ms)
            return
        order = self._capped(order)
        crosses = self._floor.books[order.market].would_trade(order.side, order.limit_price)
        is_told = not crosses or self._floor.config.filled_ioc_new_first
        order = self._floor.put(replace(order, status=OrderStatus.NEW, updated_ms=now_ms), is_told=is_told)
        told = order if is_told else None
        order = self.sweep(order, TradeType.TRADE, now_ms)
        if order.status.is_final:
            return
        if is_immediate(order):
            self.cancel(order, StatusReason.NO_LIQUIDITY, now_ms)
            return
        self._floor.rest(order)
        if order is not told:
            self._floor.emit(OrderEvent(order.account_id, order))

    def sweep(self, order: Order, kind: TradeType, now_ms: int) -> Order:
        """Trade an order as far as the book lets it; returns its state afterwards (told if it is filled)."""
        book, floor = self._floor.books[order.market], self._floor
        while order.remaining and book.would_trade(order.side, order.limit_price):
            maker = floor.state.open_orders[book.first(order.side.opposite)]
            if self._is_protected(order, maker):
                self.cancel(maker, StatusReason.SELF_TRADE_PROTECTION, now_ms)
                continue
            order = self.trading.trade(order, maker, kind, now_ms)
            for account_id in dict.fromkeys((order.account_id, maker.account_id)):
                self.follow_position(account_id, order.market, now_ms)
        return order

    def _is_protected(self, taker: Order, maker: Order) -> bool:
        if taker.self_trade_protection is SelfTradeProtection.DISABLED:
            return False
        if taker.self_trade_protection is SelfTradeProtection.ACCOUNT:
            return taker.account_id == maker.account_id
        accounts = self._floor.state.accounts
        return accounts[taker.account_id].client_id == accounts[maker.account_id].client_id

    def _capped(self, order: Order) -> Order:
        """Cut a reduce-only order down to the position it reduces; the rest counts as cancelled."""
        if not order.reduce_only:
            return order
        excess = order.remaining - abs(self._floor.size(order.account_id, order.market))
        return replace(order, cancelled_qty=order.cancelled_qty + excess) if excess > 0 else order

    # ---------------------------------------------------------------------------------------------------- cancelling
    def cancel(
        self,
        order: Order,
        reason: StatusReason | None,
        now_ms: int,
        status: OrderStatus = OrderStatus.CANCELLED,
    ) -> None:
        """End an order: what is not filled is cancelled."""
        left = order.qty - order.filled_qty
        self._floor.put(
            replace(order, status=status, status_reason=reason, cancelled_qty=left, updated_ms=now_ms),
        )

    def cancel_all(self, account_id: int, reason: StatusReason | None, now_ms: int) -> None:
        """End all of an account's open orders."""
        for order in self._floor.store.open_of(account_id):
            self.cancel(order, reason, now_ms)

    def follow_position(self, account_id: int, market: str, now_ms: int) -> None:
        """Cut or cancel the account's reduce-only orders that its position no longer justifies."""
        size = self._floor.size(account_id, market)
        for order in self._floor.store.open_of(account_id, market):
            if not order.reduce_only:
                continue
            if size * order.side.sign >= 0:
                self.cancel(order, StatusReason.REDUCE_ONLY_FAILED, now_ms)
            elif not order.is_untriggered and order.remaining > abs(size):
                self._floor.put(replace(self._capped(order), updated_ms=now_ms))

    # -------------------------------------------------------------------------------------------------------- checks
    def _first_reason(self, checks: tuple[EngineCheck, ...], order: Order, now_ms: int) -> StatusReason | None:
        reasons = (check(self._floor, order, now_ms) for check in checks)
        return next((reason for reason in reasons if reason is not None), None)

    def _funds(self, floor: Floor, order: Order, now_ms: int) -> StatusReason | None:
        if order.reduce_only:
            return None
        account = floor.account(order.account_id)
        cost = self._ledger.order_cost(account, order.market, order.side, order.qty, order.limit_price)
        return StatusReason.NOT_ENOUGH_FUNDS if cost > self._ledger.available(account) else None


def is_immediate(order: Order) -> bool:
    """Whether what does not trade at once is cancelled: IOC, or triggered with market execution."""
    return (
        order.time_in_force is TimeInForce.IOC
        or (order.trigger is not None and order.trigger.execution is ExecutionType.MARKET)
        or (order.type is OrderType.TPSL and order.leg is not None and order.leg.execution is ExecutionType.MARKET)
    )


def _market(floor: Floor, order: Order, now_ms: int) -> StatusReason | None:
    status = floor.state.markets[order.market].status
    if status is MarketStatus.REDUCE_ONLY:
        return None if order.reduce_only else StatusReason.REDUCE_ONLY_MODE
    return None if status is MarketStatus.ACTIVE else StatusReason.DISABLED_MARKET


def _mode(floor: Floor, order: Order, now_ms: int) -> StatusReason | None:
    reasons = {
        Mode.NORMAL: None,
        Mode.MAINTENANCE: StatusReason.TRADING_OFF_MODE,
        Mode.POST_ONLY: None if order.post_only else StatusReason.POST_ONLY_MODE,
        Mode.REDUCE_ONLY: None if order.reduce_only else StatusReason.REDUCE_ONLY_MODE,
    }
    return reasons[floor.state.mode]


def _expiry(floor: Floor, order: Order, now_ms: int) -> StatusReason | None:
    return StatusReason.INVALID_EXPIRE_TIME if order.expire_ms <= now_ms else None


def _reduces(floor: Floor, order: Order, now_ms: int) -> StatusReason | None:
    size = floor.size(order.account_id, order.market)
    return StatusReason.REDUCE_ONLY_FAILED if order.reduce_only and size * order.side.sign >= ZERO else None


def _post_only(floor: Floor, order: Order, now_ms: int) -> StatusReason | None:
    crosses = floor.books[order.market].would_trade(order.side, order.limit_price)
    return StatusReason.POST_ONLY_FAILED if order.post_only and crosses else None
