"""A new order, from what a trader means to the signed request body (API reference §4, §5).

`signed_body` is the one place where values are signed and written, so that both are the same to the last digit.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from hummingbot_extended.errors import SettingsError
from hummingbot_extended.exchange.decimals import EXACT, ZERO, decimal_text
from hummingbot_extended.exchange.enums import (
    ExecutionPriceType,
    OrderType,
    SelfTradeProtection,
    Side,
    TimeInForce,
    TpSlType,
    TriggerDirection,
    TriggerPriceType,
)
from hummingbot_extended.exchange.models import Market
from hummingbot_extended.exchange.rounding import whole_position_size
from hummingbot_extended.exchange.signing import (
    OrderAmounts,
    OrderFields,
    Signature,
    StarknetDomain,
    StarkSigner,
    message_hash,
    order_amounts,
    settlement_expiration_s,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """When a conditional order wakes up, and how it executes then."""

    price: Decimal
    price_type: TriggerPriceType
    direction: TriggerDirection
    execution: ExecutionPriceType


@dataclass(frozen=True, slots=True, kw_only=True)
class ExitLeg:
    """A take-profit or a stop-loss: when its trigger is reached, an order at `price` leaves."""

    trigger_price: Decimal
    trigger_price_type: TriggerPriceType
    price: Decimal
    price_type: ExecutionPriceType


@dataclass(frozen=True, slots=True, kw_only=True)
class NewOrder:
    """An order as a trader means it. `price` is the worst price to accept, also of a MARKET order.

    `external_id` comes back on everything about this order; without one it is the hash in decimal, as the SDK does.
    `fee_rate` is the highest rate to pay, without `builder_fee_rate`; `cancel_id` is the external id of an order that
    this one replaces.
    """

    market: str
    side: Side
    qty: Decimal
    price: Decimal
    fee_rate: Decimal
    expiry_ms: int
    nonce: int
    external_id: str | None = None
    type: OrderType = OrderType.LIMIT
    time_in_force: TimeInForce = TimeInForce.GTT
    post_only: bool = False
    reduce_only: bool = False
    self_trade_protection: SelfTradeProtection = SelfTradeProtection.ACCOUNT
    cancel_id: str | None = None
    builder_fee_rate: Decimal | None = None
    builder_id: int | None = None
    trigger: Trigger | None = None
    tp_sl_type: TpSlType | None = None
    take_profit: ExitLeg | None = None
    stop_loss: ExitLeg | None = None
    rfq_start_price: Decimal | None = None


@dataclass(frozen=True, slots=True)
class OrderSigner:
    """Who signs: the key, the position (`l2_vault`) it signs for, and the network."""

    signer: StarkSigner
    vault: int
    domain: StarknetDomain


def check(order: NewOrder) -> None:
    """Raise SettingsError for what the exchange refuses whatever the market (API reference §4.1, §4.2)."""
    numbers = (order.qty, order.price, order.fee_rate, order.builder_fee_rate or ZERO)
    if not all(number.is_finite() for number in numbers):
        raise SettingsError("size, price and fees must be finite numbers")
    for wrong, sentence in (
        (any(number < 0 for number in numbers), "size, price and fees must not be negative"),
        (order.type not in _CREATABLE, f"an order of type {order.type} cannot be created"),
        (order.time_in_force not in (TimeInForce.GTT, TimeInForce.IOC), "time in force must be GTT or IOC"),
        (order.type is OrderType.MARKET and order.time_in_force is not TimeInForce.IOC, "a MARKET order must be IOC"),
        (order.post_only and order.time_in_force is TimeInForce.IOC, "a post-only order cannot be IOC"),
        (order.post_only and _executes_at_market(order), "a post-only order cannot execute at market"),
        ((order.type is OrderType.CONDITIONAL) != (order.trigger is not None), "CONDITIONAL and a trigger go together"),
        (bool(order.take_profit or order.stop_loss) != bool(order.tp_sl_type), "tp_sl_type and its legs go together"),
        (order.type is OrderType.TPSL and not order.tp_sl_type, "a TPSL order needs a take-profit or a stop-loss"),
        (order.type is OrderType.TPSL and not order.reduce_only, "a TPSL order must be reduce-only"),
        (order.type is OrderType.TPSL and order.price != 0, "a TPSL order has its prices in its legs"),
        (order.type is OrderType.TPSL and (order.qty == 0) != (order.tp_sl_type is TpSlType.POSITION), _TPSL_SIZE),
        (order.type is not OrderType.TPSL and not (order.qty and order.price), "size and price must be positive"),
    ):
        if wrong:
            raise SettingsError(sentence)


_TPSL_SIZE = "a TPSL order has a size for ORDER and zero for POSITION"
_CREATABLE = (OrderType.LIMIT, OrderType.MARKET, OrderType.CONDITIONAL, OrderType.TPSL)


def _executes_at_market(order: NewOrder) -> bool:
    return order.trigger is not None and order.trigger.execution is ExecutionPriceType.MARKET


def signed_body(order: NewOrder, market: Market, signer: OrderSigner) -> dict[str, Any]:
    """Return the body of `POST /user/order` for `order`, signed, nothing null in it.

    Raises SettingsError for an order that `check` refuses or whose amounts do not fit what is signed.
    """
    check(order)
    signed = _sign(order, order.side, order.qty, order.price, market, signer)
    body = {
        "id": order.external_id or str(signed.hash),
        "market": order.market,
        "type": order.type,
        "side": order.side,
        "qty": decimal_text(order.qty),
        "price": decimal_text(order.price),
        "reduceOnly": order.reduce_only,
        "postOnly": order.post_only,
        "timeInForce": order.time_in_force,
        "expiryEpochMillis": order.expiry_ms,
        "fee": decimal_text(order.fee_rate),
        "nonce": str(order.nonce),
        "selfTradeProtectionLevel": order.self_trade_protection,
        "cancelId": order.cancel_id,
        "trigger": order.trigger and _trigger(order.trigger),
        "tpSlType": order.tp_sl_type,
        "takeProfit": order.take_profit and _leg(order.take_profit, order, market, signer),
        "stopLoss": order.stop_loss and _leg(order.stop_loss, order, market, signer),
        "builderFee": _text(order.builder_fee_rate),
        "builderId": order.builder_id,
        "rfqStartPrice": _text(order.rfq_start_price),
        **({} if order.type is OrderType.TPSL else signed.fields(signer)),  # only its legs are signed
    }
    return {name: value for name, value in body.items() if value is not None}


@dataclass(frozen=True, slots=True)
class _Signed:
    hash: int
    amounts: OrderAmounts
    signature: Signature

    def fields(self, signer: OrderSigner) -> dict[str, Any]:
        return {
            "settlement": {
                "signature": {"r": hex(self.signature.r), "s": hex(self.signature.s)},
                "starkKey": hex(signer.signer.public_key),
                "collateralPosition": str(signer.vault),
            },
            "debuggingAmounts": {
                "collateralAmount": str(self.amounts.quote),
                "feeAmount": str(self.amounts.fee),
                "syntheticAmount": str(self.amounts.base),
            },
        }


def _sign(order: NewOrder, side: Side, qty: Decimal, price: Decimal, market: Market, signer: OrderSigner) -> _Signed:
    """Sign one leg; nonce, expiry and fee are the order's for all of them (API reference §4.8)."""
    l2 = market.l2_config
    amounts = order_amounts(
        side,
        qty,
        price,
        EXACT.add(order.fee_rate, order.builder_fee_rate or ZERO),
        base_resolution=l2.synthetic_resolution,
        quote_resolution=l2.collateral_resolution,
    )
    fields = OrderFields(
        position_id=signer.vault,
        base_asset_id=l2.base_asset_id,
        base_amount=amounts.base,
        quote_asset_id=l2.quote_asset_id,
        quote_amount=amounts.quote,
        fee_asset_id=l2.quote_asset_id,
        fee_amount=amounts.fee,
        expiration_s=settlement_expiration_s(order.expiry_ms),
        salt=order.nonce,
    )
    key = signer.signer
    hash_ = message_hash(signer.domain, key.public_key, fields, key.backend)
    return _Signed(hash_, amounts, key.sign(hash_))


def _leg(leg: ExitLeg, order: NewOrder, market: Market, signer: OrderSigner) -> dict[str, Any]:
    side = order.side if order.type is OrderType.TPSL else order.side.opposite
    qty = order.qty
    if order.tp_sl_type is TpSlType.POSITION:
        config = market.trading_config
        qty = whole_position_size(config.max_position_value, leg.price, config.min_order_size_change)
    return {
        "triggerPrice": decimal_text(leg.trigger_price),
        "triggerPriceType": leg.trigger_price_type,
        "price": decimal_text(leg.price),
        "priceType": leg.price_type,
        **_sign(order, side, qty, leg.price, market, signer).fields(signer),
    }


def _trigger(trigger: Trigger) -> dict[str, Any]:
    return {
        "triggerPrice": decimal_text(trigger.price),
        "triggerPriceType": trigger.price_type,
        "direction": trigger.direction,
        "executionPriceType": trigger.execution,
    }


def _text(value: Decimal | None) -> str | None:
    return None if value is None else decimal_text(value)
