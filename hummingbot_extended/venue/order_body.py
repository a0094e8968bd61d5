"""The body of `POST /user/order`, read once into an `OrderRequest` (API reference §4.2)."""

from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any

import msgspec

from hummingbot_extended.venue.enums import (
    Direction,
    ExecutionType,
    OrderType,
    PriceSource,
    SelfTradeProtection,
    Side,
    TimeInForce,
    TpSlType,
)
from hummingbot_extended.venue.orders import Leg, OrderRequest, Settlement, Trigger
from hummingbot_extended.venue.refusals import Refusal, refusal

ZERO = Decimal(0)


def decode_object(raw: bytes) -> dict[str, Any]:
    """Return the JSON object of a request's body. Raises Refusal 400 when it is none."""
    try:
        body = msgspec.json.decode(raw or b"{}")
    except msgspec.DecodeError as error:
        raise Refusal(400, "BAD_REQUEST", "the body is not JSON") from error
    if not isinstance(body, dict):
        raise Refusal(400, "BAD_REQUEST", "the body is not a JSON object")
    return body


def read_order(raw: bytes) -> OrderRequest:
    """Read an order. Raises Refusal: 400 for what is no JSON object, 1133 for a missing or malformed field."""
    body = decode_object(raw)
    settlement, trigger = body.get("settlement"), body.get("trigger")
    price = body.get("price")
    return OrderRequest(
        external_id=_text(body, "id"),
        market=_text(body, "market"),
        type=_word(body, "type", OrderType),
        side=_word(body, "side", Side),
        qty=_decimal(body, "qty"),
        price=None if price is None else _decimal(body, "price"),
        time_in_force=_word(body, "timeInForce", TimeInForce),
        expire_ms=_expiry(body),
        fee_rate=_decimal(body, "fee"),
        nonce=_integer(body, "nonce"),
        self_trade_protection=_optional_word(body, "selfTradeProtectionLevel", SelfTradeProtection),
        settlement=None if settlement is None else _settlement(settlement),
        reduce_only=_flag(body, "reduceOnly"),
        post_only=_flag(body, "postOnly"),
        cancel_id=_text(body, "cancelId") if body.get("cancelId") is not None else None,
        trigger=None if trigger is None else _trigger(_object(trigger, "trigger")),
        tp_sl_type=_optional_word(body, "tpSlType", TpSlType),
        take_profit=_leg(body, "takeProfit"),
        stop_loss=_leg(body, "stopLoss"),
        builder_fee=_decimal(body, "builderFee") if body.get("builderFee") is not None else ZERO,
        builder_id=_integer(body, "builderId") if body.get("builderId") is not None else None,
    )


def _wrong(name: str) -> Refusal:
    return refusal(1133, name)


def _object(value: object, name: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _wrong(name)
    return value


def _text(body: dict[str, Any], name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not value:
        raise _wrong(name)
    return value


def _word[E: StrEnum](body: dict[str, Any], name: str, words: type[E], default: E | None = None) -> E:
    value = body.get(name)
    if value is None and default is not None:
        return default
    try:
        return words(str(value))
    except ValueError as error:
        raise _wrong(name) from error


def _optional_word[E: StrEnum](body: dict[str, Any], name: str, words: type[E]) -> E | None:
    return None if body.get(name) is None else _word(body, name, words)


def _decimal(body: dict[str, Any], name: str) -> Decimal:
    """Read a decimal; the documents write strings, numbers are taken as they print."""
    value = body.get(name)
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise _wrong(name)
    try:
        number = Decimal(str(value))
    except InvalidOperation as error:
        raise _wrong(name) from error
    if not number.is_finite():
        raise _wrong(name)
    return number


def _integer(body: dict[str, Any], name: str) -> int:
    value = body.get(name)
    try:
        number = Decimal(str(value))
    except InvalidOperation as error:
        raise _wrong(name) from error
    if isinstance(value, bool) or not number.is_finite() or number != int(number):
        raise _wrong(name)
    return int(number)


def _expiry(body: dict[str, Any]) -> int:
    """Read `expiryEpochMillis`, which is a number, unlike every other number in the body."""
    value = body.get("expiryEpochMillis")
    if isinstance(value, bool) or not isinstance(value, int):
        raise _wrong("expiryEpochMillis")
    return value


def _flag(body: dict[str, Any], name: str) -> bool:
    value = body.get(name)
    if value is not None and not isinstance(value, bool):
        raise _wrong(name)
    return bool(value)


def _hex(body: dict[str, Any], name: str) -> int:
    try:
        return int(_text(body, name), 16)
    except ValueError as error:
        raise _wrong(name) from error


def _settlement(value: object) -> Settlement:
    body = _object(value, "settlement")
    signature = _object(body.get("signature"), "signature")
    return Settlement(
        r=_hex(signature, "r"),
        s=_hex(signature, "s"),
        stark_key=_hex(body, "starkKey"),
        vault=_integer(body, "collateralPosition"),
    )


def _trigger(body: dict[str, Any]) -> Trigger:
    """Read a trigger; ccxt leaves price type and execution type out, which are LAST and LIMIT then."""
    direction = "direction" if "direction" in body else "triggerPriceDirection"
    return Trigger(
        price=_decimal(body, "triggerPrice"),
        source=_word(body, "triggerPriceType", PriceSource, PriceSource.LAST),
        direction=_word(body, direction, Direction),
        execution=_word(body, "executionPriceType", ExecutionType, ExecutionType.LIMIT),
    )


def _leg(parent: dict[str, Any], name: str) -> Leg | None:
    if parent.get(name) is None:
        return None
    body = _object(parent[name], name)
    settlement = body.get("settlement")
    return Leg(
        trigger_price=_decimal(body, "triggerPrice"),
        source=_word(body, "triggerPriceType", PriceSource, PriceSource.LAST),
        price=_decimal(body, "price"),
        execution=_word(body, "priceType", ExecutionType, ExecutionType.LIMIT),
        settlement=None if settlement is None else _settlement(settlement),
    )
