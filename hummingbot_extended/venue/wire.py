"""The venue's own writers: records of the engine into the exchange's JSON shapes (API reference §2, §3, §6).

Not shared with `exchange.models`, so that reader and writer cannot share a mistake. Ids are JSON numbers beyond 2^53,
decimals are strings whose number of decimals follows the captured replies, keys come in the captured order.
"""

from collections.abc import Mapping
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

import msgspec

from hummingbot_extended.venue.enums import Side, StatusReason
from hummingbot_extended.venue.events import BookEvent
from hummingbot_extended.venue.orders import Leg, Order, Trigger
from hummingbot_extended.venue.records import (
    AccountTrade,
    BalanceView,
    FeeRates,
    FundingPayment,
    PositionHistory,
    PositionView,
    PublicTrade,
)
from hummingbot_extended.venue.variants import Variants

type Json = dict[str, Any]

encode = msgspec.json.Encoder().encode

MONEY_DECIMALS = 6
TRADE_DECIMALS = 16


def plain(value: Decimal) -> str:
    """Write a Decimal as it is, without an exponent."""
    return format(value, "f")


def short(value: Decimal) -> str:
    """Write a Decimal without trailing zeros."""
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def fixed(value: Decimal, decimals: int) -> str:
    """Write a Decimal with exactly `decimals` decimals, rounded half to even."""
    text = format(value.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_EVEN), "f")
    return text.removeprefix("-") if not value else text


def at_most(value: Decimal, decimals: int) -> str:
    """Write a Decimal with no more than `decimals` decimals and no trailing zeros."""
    return short(value if -value.as_tuple().exponent <= decimals else Decimal(fixed(value, decimals)))  # type: ignore[operator]


def money(value: Decimal) -> str:
    """Write USD with six decimals."""
    return fixed(value, MONEY_DECIMALS)


def decimals_of(step: Decimal) -> int:
    """Return how many decimals a tick or lot step has."""
    return max(0, -int(step.normalize().as_tuple().exponent))


def ok(data: object = None, *, pagination: Json | None = None, present: bool = True) -> Json:
    """Make the success envelope; `present` False leaves `data` out, as cancels do."""
    envelope: Json = {"status": "OK"}
    if present:
        envelope["data"] = data
    if pagination is not None:
        envelope["pagination"] = pagination
    return envelope


def error(code: int | str | None, message: str) -> Json:
    """Make the error envelope."""
    return {"status": "ERROR", "error": {"code": code, "message": message}}


class Wire:
    """Writes records under the chosen variants. `lots` is the number of decimals of each market's quantities."""

    def __init__(self, variants: Variants, lots: Mapping[str, int]) -> None:
        self.variants = variants
        self._lots = lots

    def lot(self, market: str, value: Decimal) -> str:
        """Write a quantity with the market's number of decimals."""
        return fixed(value, self._lots[market])

    # --- orders and trades ------------------------------------------------------------------------------------------

    def order(self, order: Order) -> Json:
        """Write an order (API reference §3.6), for REST and the account stream alike."""
        variants = self.variants
        written: Json = {
            "id": order.id,
            "externalId": order.external_id,
            "accountId": order.account_id,
            "market": order.market,
            "status": order.status,
            "type": order.type,
            "side": order.side,
            "price": None if order.price is None else plain(order.price),
            "averagePrice": None if order.average_price is None else at_most(order.average_price, TRADE_DECIMALS),
            "qty": plain(order.qty),
            "filledQty": plain(order.filled_qty),
            "cancelledQty": plain(order.cancelled_qty),
            "payedFee": fixed(order.fee_paid, TRADE_DECIMALS),
            "reduceOnly": order.reduce_only,
            "postOnly": order.post_only,
            "createdTime": order.created_ms,
            "updatedTime": order.updated_ms,
            "timeInForce": order.time_in_force,
            variants.order_expiry_name: order.expire_ms,
        }
        if not order.filled_qty and variants.zero_filled_qty == "absent":
            del written["filledQty"]
        reason = order.status_reason
        if reason is not None and not (reason is StatusReason.NONE and variants.user_cancel_reason == "absent"):
            written["statusReason"] = reason
        if order.trigger is not None:
            written["trigger"] = self._trigger(order.trigger)
        if order.tp_sl_type is not None:
            written["tpSlType"] = order.tp_sl_type
        for name, leg in (("takeProfit", order.take_profit), ("stopLoss", order.stop_loss)):
            if leg is not None:
                written[name] = _leg(leg)
        if order.prev_order_id is not None:
            written["prevOrderId"] = str(order.prev_order_id)
        return written

    def _trigger(self, trigger: Trigger) -> Json:
        return {
            "triggerPrice": plain(trigger.price),
            "triggerPriceType": trigger.source,
            self.variants.trigger_direction_name: trigger.direction,
            "executionPriceType": trigger.execution,
        }

    def account_trade(self, trade: AccountTrade, *, client_id_name: str) -> Json:
        """Write a fill (API reference §3.7); `client_id_name` names the client id's key, "absent" leaves it out."""
        written: Json = {
            "id": trade.id,
            "accountId": trade.account_id,
            "market": trade.market,
            "orderId": trade.order_id,
            "side": trade.side,
            "price": fixed(trade.price, TRADE_DECIMALS),
            "qty": fixed(trade.qty, TRADE_DECIMALS),
            "value": fixed(trade.value, TRADE_DECIMALS),
            "fee": fixed(trade.fee, TRADE_DECIMALS),
            "isTaker": trade.is_taker,
            "tradeType": trade.trade_type,
            "createdTime": trade.created_ms,
        }
        if client_id_name != "absent":
            written[client_id_name] = trade.external_id
        return written

    def public_trade(self, trade: PublicTrade) -> Json:
        """Write a public trade (API reference §2.4)."""
        return {
            "i": trade.id,
            "m": trade.market,
            "S": trade.side,
            "tT": trade.trade_type,
            "T": trade.ts_ms,
            "p": plain(trade.price),
            "q": self.lot(trade.market, trade.qty),
        }

    # --- money ------------------------------------------------------------------------------------------------------

    def balance(self, balance: BalanceView, *, stream: bool = False) -> Json:
        """Write a balance (API reference §3.2); only the stream's has `status`, as captured."""
        return {
            "collateralName": self.variants.collateral_name,
            "balance": money(balance.balance),
            **({"status": "ACTIVE"} if stream else {}),
            "equity": money(balance.equity),
            "availableForTrade": money(balance.available_for_trade),
            "availableForWithdrawal": money(balance.available_for_withdrawal),
            "unrealisedPnl": money(balance.unrealised_pnl),
            "initialMargin": money(balance.initial_margin),
            "marginRatio": fixed(balance.margin_ratio, 4) if balance.margin_ratio else "0",
            "updatedTime": balance.updated_ms,
            "exposure": money(balance.exposure) if balance.exposure else "0",
            "leverage": fixed(balance.leverage, 4),
        }

    def position(self, position: PositionView, *, stream: bool = False) -> Json:
        """Write a position (API reference §3.4, §6.7). A closed one has size 0 or its last, by variant."""
        variants = self.variants
        size = position.size
        if position.is_closed and variants.closed_position_size == "zero":
            size = Decimal(0)
        suffix = "At" if stream else variants.position_time_names
        written: Json = {
            "id": position.id,
            "accountId": position.account_id,
            "market": position.market,
            "status": "CLOSED" if position.is_closed else "OPENED",
            "side": position.side,
            "leverage": short(position.leverage),
            "size": self.lot(position.market, size),
            "value": money(position.value),
            "openPrice": at_most(position.open_price, TRADE_DECIMALS),
            "markPrice": at_most(position.mark_price, 12),
            "liquidationPrice": at_most(position.liquidation_price or Decimal(0), MONEY_DECIMALS),
            "margin": money(position.margin),
            "unrealisedPnl": money(position.unrealised_pnl),
            "midPriceUnrealisedPnl": money(position.mid_price_unrealised_pnl),
            "realisedPnl": money(position.realised_pnl),
            "maxPositionSize": self.lot(position.market, position.max_position_size),
            "adl": str(position.adl) if variants.adl_type == "string" else position.adl,
            f"created{suffix}": position.created_ms,
            f"updated{suffix}": position.updated_ms,
        }
        for name in ("tp_trigger_price", "tp_limit_price", "sl_trigger_price", "sl_limit_price"):
            value: Decimal | None = getattr(position, name)
            if value is not None:
                written[_camel(name)] = plain(value)
        return written

    def position_history(self, position: PositionHistory) -> Json:
        """Write a position's life (API reference §3.5), all values with sixteen decimals as captured."""
        written: Json = {
            "id": position.id,
            "accountId": position.account_id,
            "market": position.market,
            "side": position.side,
            "size": fixed(position.size, TRADE_DECIMALS),
            "maxPositionSize": fixed(position.max_position_size, TRADE_DECIMALS),
            "leverage": fixed(position.leverage, TRADE_DECIMALS),
            "openPrice": fixed(position.open_price, TRADE_DECIMALS),
            "realisedPnl": fixed(position.realised_pnl, TRADE_DECIMALS),
            "realisedPnlBreakdown": {
                "tradePnl": fixed(position.trade_pnl, TRADE_DECIMALS),
                "fundingFees": fixed(position.funding_fees, TRADE_DECIMALS),
                "openFees": fixed(position.open_fees, TRADE_DECIMALS),
                "closeFees": fixed(position.close_fees, TRADE_DECIMALS),
            },
            "createdTime": position.created_ms,
        }
        if position.exit_price is not None:
            written["exitPrice"] = fixed(position.exit_price, TRADE_DECIMALS)
        if position.exit_type is not None:
            written["exitType"] = position.exit_type
        if position.closed_ms is not None:
            written["closedTime"] = position.closed_ms
        return written

    def funding_payment(self, payment: FundingPayment) -> Json:
        """Write a funding payment (API reference §3.8); its sign is a variant because no document guarantees it."""
        fee = payment.fee if self.variants.funding_fee_sign == "paid_negative" else -payment.fee
        return {
            "id": payment.id,
            "accountId": payment.account_id,
            "market": payment.market,
            "positionId": payment.position_id,
            "side": payment.side,
            "size": plain(payment.size),
            "value": money(payment.value),
            "markPrice": at_most(payment.mark_price, 12),
            "fundingFee": money(fee) if fee else "0",
            "fundingRate": short(payment.rate),
            "paidTime": payment.paid_ms,
        }

    def fees(self, market: str, rates: FeeRates, builder: Decimal) -> Json:
        """Write an account's fee rates on a market (API reference §3.9), exactly: a client signs what it reads."""
        return {
            "market": market,
            "makerFeeRate": fixed(rates.maker, max(5, decimals_of(rates.maker))),
            "takerFeeRate": fixed(rates.taker, max(5, decimals_of(rates.taker))),
            "builderFeeRate": short(builder),
        }

    # --- books ------------------------------------------------------------------------------------------------------

    def book_snapshot(self, market: str, bids: list[tuple[Decimal, Decimal]], asks: list[tuple[Decimal, Decimal]],
                      *, depth: str = "f") -> Json:  # fmt: skip
        """Write a SNAPSHOT's data (API reference §6.2): (price, size) rows, best first; `depth` is "f" or "1"."""
        return {
            "t": "SNAPSHOT",
            "m": market,
            "b": [self._level(market, price, size) for price, size in bids],
            "a": [self._level(market, price, size) for price, size in asks],
            "d": depth,
        }

    def _level(self, market: str, price: Decimal, size: Decimal) -> Json:
        written = self.lot(market, size)
        level = {"q": written, "p": plain(price)}
        if self.variants.snapshot_c:
            level["c"] = written
        return level

    def book_delta(self, market: str, changes: list[BookEvent]) -> Json:
        """Write a DELTA's data: `q` the change, `c` the resulting size, "0" when the level is gone."""
        rows: dict[Side, list[Json]] = {Side.BUY: [], Side.SELL: []}
        for change in changes:
            total = self.lot(market, change.total) if change.total else "0"
            rows[change.side].append({"q": self.lot(market, change.change), "p": plain(change.price), "c": total})
        return {"t": "DELTA", "m": market, "b": rows[Side.BUY], "a": rows[Side.SELL], "d": "f"}


def _leg(leg: Leg) -> Json:
    return {
        "triggerPrice": plain(leg.trigger_price),
        "triggerPriceType": leg.source,
        "price": plain(leg.price),
        "priceType": leg.execution,
    }


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)
