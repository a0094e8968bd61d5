"""One trade between two orders: fills, fees, positions, and the events that tell of it (API reference §3.7, §8)."""

from decimal import ROUND_DOWN, Decimal

from msgspec.structs import replace

from hummingbot_extended.venue.enums import (
    OrderStatus,
    OrderType,
    SelfTradeProtection,
    Side,
    StatusReason,
    TimeInForce,
    TradeType,
)
from hummingbot_extended.venue.events import AccountTradeEvent, PublicTradeEvent
from hummingbot_extended.venue.floor import Floor
from hummingbot_extended.venue.ledger import Ledger
from hummingbot_extended.venue.orders import ZERO, Order
from hummingbot_extended.venue.records import AccountTrade, FeeRates, PublicTrade
from hummingbot_extended.venue.state import append_bounded
from hummingbot_extended.venue.tpsl import TpSl

FREE = FeeRates(maker=ZERO, taker=ZERO)
FEE_QUANTUM = Decimal("0.000001")  # the collateral's unit on L2


class Trading:
    """Books trades on orders, ledger and histories."""

    def __init__(self, floor: Floor, ledger: Ledger, tpsl: TpSl) -> None:
        self._floor = floor
        self._ledger = ledger
        self._tpsl = tpsl

    def trade(self, taker: Order, maker: Order, kind: TradeType, now_ms: int) -> Order:
        """Trade what both still want at the maker's price; returns the taker's new state (told when it is final)."""
        floor, qty, price = self._floor, min(taker.remaining, maker.remaining), maker.limit_price
        market = floor.state.markets[taker.market]
        maker_trade_id, trade_id = floor.state.ids.take(), floor.state.ids.take()
        maker = self._fill(maker, qty, price, maker_trade_id, kind, now_ms, is_taker=False)
        taker = self._fill(taker, qty, price, trade_id, kind, now_ms, is_taker=True)
        public = PublicTrade(
            id=trade_id, market=taker.market, side=taker.side, trade_type=kind, ts_ms=now_ms, price=price, qty=qty
        )
        append_bounded(market.trades, public, floor.config.max_public_trades)
        floor.events.append(PublicTradeEvent(public))
        market.last_price = price
        floor.dirty_markets[taker.market] = None
        self._tpsl.follow_fill(maker, qty, now_ms)
        self._tpsl.follow_fill(taker, qty, now_ms)
        return taker

    def _fill(
        self, order: Order, qty: Decimal, price: Decimal, trade_id: int, kind: TradeType, now_ms: int, *, is_taker: bool
    ) -> Order:
        floor, value = self._floor, qty * price
        rates = FREE if kind is TradeType.DELEVERAGE else floor.fees(order.account_id, order.market)
        own_fee = self._charged(value * (rates.taker if is_taker else rates.maker))
        builder_fee = self._charged(value * order.builder_fee)
        floor.state.fees_collected += own_fee
        floor.state.builder_fees_collected += builder_fee
        fee = own_fee + builder_fee
        filled = self._floor.put(
            _filled(order, qty, value, fee, now_ms),
            is_told=not is_taker or order.remaining == qty,
        )
        self._ledger.apply_fill(order.account_id, order.market, order.side.sign * qty, price, fee, kind, now_ms)
        row = AccountTrade(
            id=trade_id,
            account_id=order.account_id,
            market=order.market,
            order_id=order.id,
            external_id=order.external_id,
            side=order.side,
            price=price,
            qty=qty,
            value=value,
            fee=fee,
            builder_fee=builder_fee,
            is_taker=is_taker,
            trade_type=kind,
            created_ms=now_ms,
        )
        append_bounded(floor.history(order.account_id).trades, row, floor.history_limit(order.account_id))
        floor.emit(AccountTradeEvent(order.account_id, row))
        return filled

    def _charged(self, fee: Decimal) -> Decimal:
        return fee if self._floor.config.fee_rounding == "exact" else fee.quantize(FEE_QUANTUM, ROUND_DOWN)

    def cross(self, account_id: int, other_id: int, market: str, qty: Decimal, kind: TradeType, now_ms: int) -> None:
        """Let an account buy `qty` (negative: sell) from another at the mark, past the book; both get filled orders."""
        side = Side.BUY if qty > 0 else Side.SELL
        maker = self.system_order(other_id, market, side.opposite, abs(qty), kind, now_ms)
        taker = self.system_order(account_id, market, side, abs(qty), kind, now_ms)
        self.trade(taker, maker, kind, now_ms)

    def system_order(
        self, account_id: int, market: str, side: Side, qty: Decimal, kind: TradeType, now_ms: int
    ) -> Order:
        """Open an order of the venue's own making on an account: a market order at the mark, on the tick."""
        state = self._floor.state.markets[market]
        ticks = max(Decimal(1), (state.mark / state.spec.tick).to_integral_value())
        order_id = self._floor.state.ids.take()
        order = Order(
            id=order_id,
            account_id=account_id,
            external_id=f"{kind.value.lower()}-{order_id}",
            market=market,
            type=OrderType.MARKET,
            side=side,
            status=OrderStatus.NEW,
            price=ticks * state.spec.tick,
            qty=qty,
            time_in_force=TimeInForce.IOC,
            expire_ms=now_ms + 1,
            created_ms=now_ms,
            updated_ms=now_ms,
            self_trade_protection=SelfTradeProtection.DISABLED,
        )
        return self._floor.put(order, is_told=False)


def _filled(order: Order, qty: Decimal, value: Decimal, fee: Decimal, now_ms: int) -> Order:
    """Return the order after a fill. One that was cut down ends CANCELLED: it never filled what it asked for."""
    filled_qty = order.filled_qty + qty
    status, reason = OrderStatus.PARTIALLY_FILLED, order.status_reason
    if filled_qty == order.qty:
        status = OrderStatus.FILLED
    elif order.remaining == qty:
        status, reason = OrderStatus.CANCELLED, StatusReason.REDUCE_ONLY_FAILED
    return replace(
        order,
        status=status,
        status_reason=reason,
        filled_qty=filled_qty,
        filled_value=order.filled_value + value,
        fee_paid=order.fee_paid + fee,
        updated_ms=now_ms,
    )
