"""Signed request bodies against API reference §4.2, §4.8 and the vectors of §5.10."""

import decimal
import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from hummingbot_extended.errors import SettingsError
from hummingbot_extended.exchange.backends import PythonBackend, RustBackend
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
from hummingbot_extended.exchange.orders import ExitLeg, NewOrder, OrderSigner, Trigger, signed_body
from hummingbot_extended.exchange.signing import OrderFields, StarknetDomain, StarkSigner, message_hash, verify
from test.exchange.helpers import PRIVATE_KEY, PUBLIC_KEY, btc_market, fixture

D = Decimal
VECTORS: dict[str, dict[str, Any]] = {vector["name"]: vector for vector in fixture("order_vectors")}
MAIN = OrderSigner(StarkSigner(PRIVATE_KEY), 10002, StarknetDomain())
SEPOLIA = OrderSigner(StarkSigner(PRIVATE_KEY), 10002, StarknetDomain(chain_id="SN_SEPOLIA"))
M1 = NewOrder(
    external_id="HBOT-1a2b3c",
    market="BTC-USD",
    side=Side.BUY,
    qty=D("0.00123"),
    price=D("84077"),
    fee_rate=D("0.00025"),
    expiry_ms=1795219200000,
    nonce=12345,
)
TAKE_PROFIT = ExitLeg(
    trigger_price=D(49000),
    trigger_price_type=TriggerPriceType.MARK,
    price=D(50000),
    price_type=ExecutionPriceType.LIMIT,
)
STOP_LOSS = ExitLeg(
    trigger_price=D(40000),
    trigger_price_type=TriggerPriceType.LAST,
    price=D(39000),
    price_type=ExecutionPriceType.MARKET,
)


def market(collateral_id: str = "0x1") -> Market:
    btc = btc_market()
    return msgspec.structs.replace(btc, l2_config=msgspec.structs.replace(btc.l2_config, collateral_id=collateral_id))


def v(name: str) -> dict[str, Any]:
    return VECTORS[name]


def order_of(vector: dict[str, Any], **changes: Any) -> NewOrder:
    order = NewOrder(
        market="BTC-USD",
        side=Side(vector["side"]),
        qty=D(vector["qty"]),
        price=D(vector["price"]),
        fee_rate=D(vector["fee_rate"]),
        builder_fee_rate=D(vector["builder_fee"]) if "builder_fee" in vector else None,
        expiry_ms=vector["expiry_epoch_millis"],
        nonce=vector["nonce"],
    )
    return replace(order, **changes)


def sign(order: NewOrder, vector: dict[str, Any]) -> dict[str, Any]:
    signer = MAIN if vector["chain_id"] == "SN_MAIN" else SEPOLIA
    return signed_body(order, market(vector["collateral_id"]), signer)


def assert_signed_as(body: dict[str, Any], vector: dict[str, Any]) -> None:
    assert body["settlement"] == {
        "signature": {"r": vector["r"], "s": vector["s"]},
        "starkKey": hex(PUBLIC_KEY),
        "collateralPosition": "10002",
    }
    assert body["debuggingAmounts"] == {
        "collateralAmount": str(vector["quote_amount"]),
        "feeAmount": str(vector["fee_amount"]),
        "syntheticAmount": str(vector["base_amount"]),
    }


def test_m1_gives_the_documented_body_key_for_key() -> None:
    body = json.loads(json.dumps(signed_body(M1, market(), MAIN)))
    assert body == {
        "id": "HBOT-1a2b3c",
        "market": "BTC-USD",
        "type": "LIMIT",
        "side": "BUY",
        "qty": "0.00123",
        "price": "84077",
        "reduceOnly": False,
        "postOnly": False,
        "timeInForce": "GTT",
        "expiryEpochMillis": 1795219200000,
        "fee": "0.00025",
        "nonce": "12345",
        "selfTradeProtectionLevel": "ACCOUNT",
        "settlement": {
            "signature": {
                "r": "0x7c6c7c171fd1db53d1736b1a1a42b1159d81b2087ab5d56f8fde248e08c6794",
                "s": "0x27dbf3f8e6534f8a8ec619b6095a947d59f4e965733aefedacd82cb8709dcc1",
            },
            "starkKey": "0x61c5e7e8339b7d56f197f54ea91b776776690e3232313de0f2ecbd0ef76f466",
            "collateralPosition": "10002",
        },
        "debuggingAmounts": {"collateralAmount": "-103414710", "feeAmount": "25854", "syntheticAmount": "1230"},
    }


PLAIN = [name for name in VECTORS if name.startswith("M") or name in ("V1 LIMIT SELL", "V2 LIMIT SELL", "V3 LIMIT BUY")]


@pytest.mark.parametrize("name", PLAIN)
def test_plain_orders_are_signed_as_the_vectors(name: str) -> None:
    body = sign(order_of(v(name)), v(name))
    assert_signed_as(body, v(name))
    assert (body["qty"], body["price"], body["fee"]) == (v(name)["qty"], v(name)["price"], v(name)["fee_rate"])
    assert body["id"] == v(name)["hash"], "without an external id it is the hash, as the SDK does"


@pytest.mark.parametrize("backend", [PythonBackend(), RustBackend()], ids=["python", "rust"])
def test_both_backends_sign_the_same_body(backend: PythonBackend | RustBackend) -> None:
    signer = OrderSigner(StarkSigner(PRIVATE_KEY, backend), 10002, StarknetDomain())
    assert signed_body(M1, market(), signer) == signed_body(M1, market(), MAIN)


def test_builder_fee_is_signed_and_sent_beside_the_fee() -> None:
    vector = v("M4 BUY + builder fee")
    body = sign(order_of(vector, builder_id=257624), vector)
    assert (body["fee"], body["builderFee"], body["builderId"]) == ("0.00025", "0.0001", 257624)


@pytest.mark.parametrize("name", ["V8 MARKET IOC SELL", "V8 MARKET IOC BUY"])
def test_market_orders(name: str) -> None:
    body = sign(order_of(v(name), type=OrderType.MARKET, time_in_force=TimeInForce.IOC), v(name))
    assert_signed_as(body, v(name))
    assert (body["type"], body["timeInForce"], body["price"]) == ("MARKET", "IOC", v(name)["price"])


def test_conditional_order() -> None:
    trigger = Trigger(
        price=D(43400),
        price_type=TriggerPriceType.INDEX,
        direction=TriggerDirection.UP,
        execution=ExecutionPriceType.MARKET,
    )
    vector = v("V7 CONDITIONAL BUY")
    body = sign(order_of(vector, type=OrderType.CONDITIONAL, trigger=trigger), vector)
    assert_signed_as(body, vector)
    assert body["trigger"] == {
        "triggerPrice": "43400",
        "triggerPriceType": "INDEX",
        "direction": "UP",
        "executionPriceType": "MARKET",
    }


def test_bracket_signs_each_leg_for_the_other_side() -> None:
    vector = v("V3 LIMIT BUY")
    order = order_of(vector, tp_sl_type=TpSlType.ORDER, take_profit=TAKE_PROFIT, stop_loss=STOP_LOSS)
    body = sign(order, vector)
    assert body["tpSlType"] == "ORDER"
    assert_signed_as(body, vector)
    assert_signed_as(body["takeProfit"], v("V4 TP leg of V3 (tpSlType ORDER, trigger 49000)"))
    assert_signed_as(body["stopLoss"], v("V4 SL leg of V3 (tpSlType ORDER, trigger 40000)"))
    assert {name: body["takeProfit"][name] for name in ("triggerPrice", "triggerPriceType", "price", "priceType")} == {
        "triggerPrice": "49000",
        "triggerPriceType": "MARK",
        "price": "50000",
        "priceType": "LIMIT",
    }
    assert (body["stopLoss"]["triggerPriceType"], body["stopLoss"]["priceType"]) == ("LAST", "MARKET")


def test_position_legs_are_signed_for_the_whole_position() -> None:
    vector = v("V3 LIMIT BUY")
    order = order_of(vector, tp_sl_type=TpSlType.POSITION, take_profit=TAKE_PROFIT, stop_loss=STOP_LOSS)
    body = sign(order, vector)
    assert body["qty"] == vector["qty"]
    assert_signed_as(body["takeProfit"], v("V5 TP leg (POSITION)"))
    assert_signed_as(body["stopLoss"], v("V5 SL leg (POSITION)"))


def tpsl(**changes: Any) -> NewOrder:
    vector = v("V6 standalone TPSL SELL ORDER: parent (hash only used as id, settlement null)")
    kind = {"type": OrderType.TPSL, "tp_sl_type": TpSlType.ORDER, "reduce_only": True}
    return order_of(vector, **{**kind, "take_profit": TAKE_PROFIT, "stop_loss": STOP_LOSS, **changes})


def test_standalone_tpsl_signs_only_its_legs_for_its_own_side() -> None:
    vector = v("V6 standalone TPSL SELL ORDER: parent (hash only used as id, settlement null)")
    body = sign(tpsl(), vector)
    assert "settlement" not in body
    assert "debuggingAmounts" not in body
    assert (body["id"], body["price"], body["reduceOnly"]) == (vector["hash"], "0", True)
    assert_signed_as(body["takeProfit"], v("V6 TP leg"))
    assert_signed_as(body["stopLoss"], v("V6 SL leg"))


def test_standalone_tpsl_for_the_position_has_no_size_of_its_own() -> None:
    vector = v("V5 TP leg (POSITION)")
    body = sign(tpsl(tp_sl_type=TpSlType.POSITION, qty=D(0), stop_loss=None), vector)
    assert (body["qty"], "stopLoss" in body) == ("0", False)
    assert body["takeProfit"]["debuggingAmounts"]["syntheticAmount"] == "-10000000000"


def test_replacing_rfq_and_protection_fields() -> None:
    order = replace(
        M1,
        cancel_id="HBOT-old",
        rfq_start_price=D("84000.0"),
        self_trade_protection=SelfTradeProtection.CLIENT,
        post_only=True,
        reduce_only=True,
    )
    body = signed_body(order, market(), MAIN)
    assert (body["cancelId"], body["rfqStartPrice"], body["selfTradeProtectionLevel"]) == (
        "HBOT-old",
        "84000.0",
        "CLIENT",
    )
    assert body["postOnly"] is body["reduceOnly"] is True


def test_numbers_are_sent_in_plain_digits_and_signed_as_sent() -> None:
    order = replace(M1, qty=D("1E+3"), price=D("5E-3"), fee_rate=D("2.5E-8"))
    body = signed_body(order, market(), MAIN)
    assert (body["qty"], body["price"], body["fee"]) == ("1000", "0.005", "0.000000025")
    sent = replace(order, qty=D(body["qty"]), price=D(body["price"]), fee_rate=D(body["fee"]))
    assert signed_body(sent, market(), MAIN)["settlement"] == body["settlement"]


def test_a_poor_decimal_context_changes_nothing() -> None:
    with decimal.localcontext(decimal.Context(prec=3, rounding=decimal.ROUND_HALF_UP)):
        vector = v("M6 BUY with fractions")
        order = order_of(vector, builder_fee_rate=D("0.00000"))
        assert_signed_as(sign(order, vector), vector)
        vector = v("V5 TP leg (POSITION)")
        body = sign(order_of(v("V3 LIMIT BUY"), tp_sl_type=TpSlType.POSITION, take_profit=TAKE_PROFIT), vector)
        assert_signed_as(body["takeProfit"], vector)


def test_no_value_is_null_and_no_secret_is_in_the_body() -> None:
    text = json.dumps(signed_body(M1, market(), MAIN))
    assert "null" not in text
    assert PRIVATE_KEY[2:] not in text
    assert PRIVATE_KEY[2:] not in repr(MAIN)


def test_hex_is_lower_case_without_padding() -> None:
    for nonce in range(1, 40):
        settlement = signed_body(replace(M1, nonce=nonce), market(), MAIN)["settlement"]
        for text in (*settlement["signature"].values(), settlement["starkKey"]):
            assert text == hex(int(text, 16))


def test_the_server_can_verify_from_the_body_alone() -> None:
    """What the exchange does: recompute amounts from the strings of the body (API reference §5.1)."""
    body = signed_body(M1, market(), MAIN)
    notional = D(body["qty"]) * D(body["price"]) * 10**6
    fields = OrderFields(
        position_id=int(body["settlement"]["collateralPosition"]),
        base_asset_id=0x4254432D3600000000000000000000,
        base_amount=int(D(body["qty"]) * 10**6),
        quote_asset_id=1,
        quote_amount=-int(notional),
        fee_asset_id=1,
        fee_amount=int((notional * D(body["fee"])).to_integral_value(decimal.ROUND_UP)),
        expiration_s=body["expiryEpochMillis"] // 1000 + 14 * 86400,
        salt=int(body["nonce"]),
    )
    key = int(body["settlement"]["starkKey"], 16)
    r, s = (int(body["settlement"]["signature"][part], 16) for part in "rs")
    assert verify(key, message_hash(StarknetDomain(), key, fields), (r, s))


TRIGGER = Trigger(
    price=D(1),
    price_type=TriggerPriceType.LAST,
    direction=TriggerDirection.DOWN,
    execution=ExecutionPriceType.MARKET,
)


@pytest.mark.parametrize(
    ("order", "sentence"),
    [
        (replace(M1, qty=D("NaN")), "finite"),
        (replace(M1, price=D("Infinity")), "finite"),
        (replace(M1, qty=D(-1)), "negative"),
        (replace(M1, fee_rate=D("-0.1")), "negative"),
        (replace(M1, builder_fee_rate=D("-0.1")), "negative"),
        (replace(M1, qty=D(0)), "must be positive"),
        (replace(M1, price=D(0)), "must be positive"),
        (replace(M1, type=OrderType.TWAP), "cannot be created"),
        (replace(M1, time_in_force=TimeInForce.FOK), "GTT or IOC"),
        (replace(M1, type=OrderType.MARKET), "must be IOC"),
        (replace(M1, post_only=True, time_in_force=TimeInForce.IOC), "cannot be IOC"),
        (replace(M1, type=OrderType.CONDITIONAL), "go together"),
        (replace(M1, trigger=TRIGGER), "go together"),
        (replace(M1, type=OrderType.CONDITIONAL, trigger=TRIGGER, post_only=True), "execute at market"),
        (replace(M1, tp_sl_type=TpSlType.ORDER), "go together"),
        (replace(M1, take_profit=TAKE_PROFIT), "go together"),
        (tpsl(tp_sl_type=None, take_profit=None, stop_loss=None), "needs a take-profit"),
        (tpsl(reduce_only=False), "reduce-only"),
        (tpsl(price=D(1)), "prices in its legs"),
        (tpsl(qty=D(0)), "size"),
        (tpsl(tp_sl_type=TpSlType.POSITION), "size"),
        (replace(M1, nonce=2**64), "out of range"),
        (replace(M1, qty=D(10**13), price=D(10**6)), "out of range"),
    ],
)
def test_an_order_that_cannot_be_is_refused_before_it_is_signed(order: NewOrder, sentence: str) -> None:
    with pytest.raises(SettingsError, match=sentence):
        signed_body(order, market(), MAIN)
