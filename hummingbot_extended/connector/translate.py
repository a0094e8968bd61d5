"""Our models → Hummingbot's types. Pure: no clock, no connector, no network."""

from decimal import Decimal

from hummingbot.connector.derivative.position import Position as HummingbotPosition
from hummingbot.connector.trading_rule import TradingRule
from hummingbot.core.data_type.common import OrderType as HummingbotOrderType
from hummingbot.core.data_type.common import PositionAction, TradeType
from hummingbot.core.data_type.common import PositionSide as HummingbotPositionSide
from hummingbot.core.data_type.funding_info import FundingInfo
from hummingbot.core.data_type.in_flight_order import OrderState, OrderUpdate, TradeUpdate
from hummingbot.core.data_type.trade_fee import TokenAmount, TradeFeeBase, TradeFeeSchema
from hummingbot.core.event.events import FundingPaymentCompletedEvent, OrderFilledEvent

from hummingbot_extended.connector.extended_perpetual_constants import COLLATERAL, COLLATERAL_ALIASES
from hummingbot_extended.exchange.enums import OrderStatus, OrderType, PositionSide, Side, StatusReason
from hummingbot_extended.exchange.models import AccountTrade, FundingPayment, Market, MarketStats, Order, Position

# Reasons that say "this order was never wanted": with one of them, a cancellation without a fill of an order that never
# rested is a rejection (the matching engine spells it either way, API reference §4.1, §4.5).
REFUSALS = frozenset(
    {
        StatusReason.UNKNOWN_MARKET,
        StatusReason.DISABLED_MARKET,
        StatusReason.NOT_ENOUGH_FUNDS,
        StatusReason.INVALID_FEE,
        StatusReason.INVALID_QTY,
        StatusReason.INVALID_PRICE,
        StatusReason.INVALID_VALUE,
        StatusReason.INVALID_EXPIRE_TIME,
        StatusReason.INVALID_LEVERAGE,
        StatusReason.UNKNOWN_ACCOUNT,
        StatusReason.POST_ONLY_FAILED,
        StatusReason.REDUCE_ONLY_FAILED,
        StatusReason.POSITION_TPSL_CONFLICT,
        StatusReason.PREV_ORDER_NOT_FOUND,
        StatusReason.PREV_ORDER_TRIGGERED,
        StatusReason.PREV_ORDER_CONFLICT,
        StatusReason.POST_ONLY_MODE,
        StatusReason.REDUCE_ONLY_MODE,
        StatusReason.TRADING_OFF_MODE,
    }
)

# No schema of fees is needed to report what was really charged.
_NO_SCHEMA = TradeFeeSchema()


def trading_pair(market: Market) -> str:
    """Return Hummingbot's name of a market: base and quote with one dash."""
    return f"{market.asset_name}-{collateral(market.collateral_asset_name)}"


def collateral(name: str) -> str:
    """Return the collateral's name as markets quote it; documents call it USDC in places (API reference §10)."""
    return COLLATERAL if name in COLLATERAL_ALIASES else name


def trading_rule(market: Market) -> TradingRule:
    """Return the rules of a market. The largest size is its largest limit-order value at the mark, if that is known."""
    config, stats = market.trading_config, market.market_stats
    limits = {}
    if stats is not None and stats.mark_price > 0:
        limits["max_order_size"] = config.max_limit_order_value / stats.mark_price
    return TradingRule(
        trading_pair=trading_pair(market),
        min_order_size=config.min_order_size,
        min_price_increment=config.min_price_change,
        min_base_amount_increment=config.min_order_size_change,
        buy_order_collateral_token=collateral(market.collateral_asset_name),
        sell_order_collateral_token=collateral(market.collateral_asset_name),
        **limits,
    )


def order_state(order: Order, *, rested: bool) -> OrderState:
    """Return what an order's status means to Hummingbot; `rested` says whether it was ever seen open."""
    match order.status:
        case OrderStatus.FILLED:
            return OrderState.FILLED
        case OrderStatus.REJECTED:
            return OrderState.FAILED
        case OrderStatus.CANCELLED:
            refused = order.status_reason in REFUSALS and not rested and not order.filled_qty
            return OrderState.FAILED if refused else OrderState.CANCELED
        case OrderStatus.EXPIRED:
            return OrderState.CANCELED  # the connector reports the expiry beside it: Hummingbot's tracker knows none
        case _:
            return OrderState.PARTIALLY_FILLED if order.filled_qty else OrderState.OPEN


def order_update(order: Order, client_order_id: str, pair: str, *, rested: bool) -> OrderUpdate:
    """Return the update of a tracked order, with the exchange's reason where it failed."""
    state = order_state(order, rested=rested)
    reason = order.status_reason.value if order.status_reason is not None else order.status.value
    failed = {"error_message": f"{order.status.value}: {reason}", "error_type": reason}
    return OrderUpdate(
        trading_pair=pair,
        update_timestamp=order.updated_time_ms / 1e3,
        new_state=state,
        client_order_id=client_order_id,
        exchange_order_id=str(order.id),
        misc_updates=failed if state is OrderState.FAILED else {"status": order.status.value},
    )


def trade_fee(fee: Decimal, position_action: PositionAction) -> TradeFeeBase:
    """Return the fee that was charged, in the collateral; positive is paid."""
    return TradeFeeBase.new_perpetual_fee(
        fee_schema=_NO_SCHEMA,
        position_action=PositionAction.CLOSE if position_action is PositionAction.CLOSE else PositionAction.OPEN,
        percent_token=COLLATERAL,
        flat_fees=[TokenAmount(COLLATERAL, fee)],
    )


def trade_update(trade: AccountTrade, client_order_id: str, pair: str, position_action: PositionAction) -> TradeUpdate:
    """Return a fill of a tracked order."""
    return TradeUpdate(
        trade_id=str(trade.id),
        client_order_id=client_order_id,
        exchange_order_id=str(trade.order_id),
        trading_pair=pair,
        fill_timestamp=trade.created_time_ms / 1e3,
        fill_price=trade.price,
        fill_base_amount=trade.qty,
        fill_quote_amount=trade.price * trade.qty,
        fee=trade_fee(trade.fee, position_action),
        is_taker=trade.is_taker,
    )


def exit_fill(trade: AccountTrade, pair: str, what: str, timestamp: float, leverage: int) -> OrderFilledEvent:
    """Return the fill of `what` closed a position by itself: there is no order of Hummingbot's that it belongs to."""
    return OrderFilledEvent(
        timestamp=timestamp,
        order_id=f"{what.lower()}-{trade.order_id}",
        trading_pair=pair,
        trade_type=trade_type(trade.side),
        order_type=HummingbotOrderType.MARKET,
        price=trade.price,
        amount=trade.qty,
        trade_fee=trade_fee(trade.fee, PositionAction.CLOSE),
        exchange_trade_id=str(trade.id),
        leverage=leverage,
        position=PositionAction.CLOSE.value,
        exchange_order_id=str(trade.order_id),
    )


def position(model: Position, pair: str) -> HummingbotPosition:
    """Return an open position; its amount is negative for a short."""
    is_short = model.side is PositionSide.SHORT
    return HummingbotPosition(
        trading_pair=pair,
        position_side=HummingbotPositionSide.SHORT if is_short else HummingbotPositionSide.LONG,
        unrealized_pnl=model.unrealised_pnl,
        entry_price=model.open_price,
        amount=model.signed_size,
        leverage=model.leverage,
    )


def funding_info(stats: MarketStats, pair: str) -> FundingInfo:
    """Return mark, index, hourly rate and the next payment's time (whole seconds) of a market."""
    return FundingInfo(
        trading_pair=pair,
        index_price=stats.index_price,
        mark_price=stats.mark_price,
        next_funding_utc_timestamp=stats.next_funding_time_ms // 1000,
        rate=stats.funding_rate,
    )


def funding_event(payment: FundingPayment, pair: str, market: str, timestamp_ms: int) -> FundingPaymentCompletedEvent:
    """Return a funding payment; its amount is negative when the account paid, its time is in ms."""
    return FundingPaymentCompletedEvent(
        timestamp=timestamp_ms,
        market=market,
        trading_pair=pair,
        amount=payment.funding_fee,
        funding_rate=payment.funding_rate,
    )


def trade_type(side: Side) -> TradeType:
    """Return Hummingbot's word for a side."""
    return TradeType.BUY if side is Side.BUY else TradeType.SELL


def side(of: TradeType) -> Side:
    """Return the exchange's word for a side."""
    return Side.BUY if of is TradeType.BUY else Side.SELL


def order_type(order: Order) -> HummingbotOrderType:
    """Return the type an order of ours had when Hummingbot placed it, for adoption after a crash."""
    if order.post_only:
        return HummingbotOrderType.LIMIT_MAKER
    return HummingbotOrderType.MARKET if order.type is OrderType.MARKET else HummingbotOrderType.LIMIT
