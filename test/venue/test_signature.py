"""Signatures: the reference's vectors, and orders signed here with amounts of this file's own reckoning."""

import json
from decimal import Decimal as D
from fractions import Fraction
from math import ceil, floor

import pytest
from fast_stark_crypto import get_order_msg_hash, get_public_key, sign
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from hummingbot_extended.venue.config import EngineConfig
from hummingbot_extended.venue.engine import Engine
from hummingbot_extended.venue.enums import OrderType, Side, TpSlType
from hummingbot_extended.venue.markets import DEFAULT_MARKETS
from hummingbot_extended.venue.orders import OrderRequest, Settlement
from hummingbot_extended.venue.refusals import Refusal
from hummingbot_extended.venue.signature import SignedOrder, amounts, is_valid, order_hash, whole_position_qty
from test.venue.engine_kit import BUY, NOW_MS, SELL, leg, limit, tpsl

KEY = 0x7A7FF6FD3CAB02CCDCD4A572563F5976F8976899B03A39773795A3C486D4986  # the SDK's public test key
PUBLIC_KEY = 0x61C5E7E8339B7D56F197F54EA91B776776690E3232313DE0F2ECBD0EF76F466
VAULT = 10002
BTC = replace(DEFAULT_MARKETS[0], max_position_value=D(10_000_000))
OLD_COLLATERAL = 0x31857064564ED0FF978E687456963CBA09C2C6985D8F9300A1DE4962FAFA054

VECTORS = [
    # chain, collateral, side, qty, price, fee rate, expiry, nonce, (base, quote, fee), hash, r, s  (reference §5.10)
    ("SN_SEPOLIA", OLD_COLLATERAL, SELL, "0.00100000", "43445.11680000", "0.0005", 1704420537000, 1473459052,
     (-1000, 43445116, 21723), 0x12BC162FE9A46E9056B595A8CA56AAEC4CFE1C009786FDCA3430F52C9BE89D7,
     0x3D17D8B9652E5F60D40D079653CFA92B1065EA8CF159609A3C390070DCD44F7,
     0x76A6DECCBC84AC324F695CFBDE80E0ED62443E95F5DCD8722D12650CCC122E5),
    ("SN_SEPOLIA", OLD_COLLATERAL, BUY, "0.00100000", "43445.11680000", "0.0005", 1705626536861, 1473459052,
     (1000, -43445117, 21723), 0x58454E78C25644CBCAB59444736D573F169FB0996DAFE1900A05E2AC50567F0,
     0xA55625C7D5F1B85BED22556FC805224B8363074979CF918091D9DDB1403E13,
     0x504CAF634D859E643569743642CCF244434322859B2421D76F853AF43AE7A46),
    ("SN_MAIN", 1, BUY, "0.00123", "84077", "0.00025", 1795219200000, 12345,
     (1230, -103414710, 25854), 0x23E88A1AF88BC48C3B7B51CA18FA35ECE8475CD70F50DBB6C6F65E85213DA4A,
     0x7C6C7C171FD1DB53D1736B1A1A42B1159D81B2087AB5D56F8FDE248E08C6794,
     0x27DBF3F8E6534F8A8EC619B6095A947D59F4E965733AEFEDACD82CB8709DCC1),
    ("SN_MAIN", 1, BUY, "0.00123", "84077", "0.00035", 1795219200000, 12345,
     (1230, -103414710, 36196), 0x3A7BD2CA83BC9AC287EDA56B33D238FD6724F1F5FA16C8894F275F6E69805BA,
     0x2B37943F991ECC748D364EB8D53194D0A231F836AFE0D0F58899976C96C4E12,
     0x347EB9B570CC75EE35ACA90693722FBAB3298E48962217E0068DBE05D855D7F),
    ("SN_MAIN", 1, SELL, "0.0012345678", "84077.123", "0.00025", 1795219200000, 12345,
     (-1234, 103798908, 25950), 0x440221BA8155BC5FFDC31501E68D628BDEEB8878DF3E3C5D60705B5E0FDE144,
     0x3DBF920868F5214FB2814956ADC0D54BD499A3D68AD5937CCE4FCC675B27674,
     0x37C683B20E35ACA96059D0DF6E9EAC762A8523BBBE1EABE7F9CDD8AF365CB01),
]  # fmt: skip


@pytest.mark.parametrize("vector", VECTORS, ids=lambda v: f"{v[0]} {v[2]} {v[3]}")
def test_the_references_vectors_are_reproduced(vector) -> None:
    chain, collateral, side, qty, price, fee, expire_ms, nonce, expected, expected_hash, r, s = vector
    spec = replace(BTC, collateral_id=collateral)
    signed = SignedOrder(side=side, qty=D(qty), price=D(price), fee_rate=D(fee), expire_ms=expire_ms, nonce=nonce)
    settlement = Settlement(r=r, s=s, stark_key=PUBLIC_KEY, vault=VAULT)
    scaled = amounts(signed, spec)
    assert (scaled.base, scaled.quote, scaled.fee) == expected
    assert order_hash(signed, spec, settlement, chain) == expected_hash
    assert is_valid(expected_hash, settlement)
    assert not is_valid(expected_hash + 1, settlement)
    assert not is_valid(expected_hash, replace(settlement, r=0))


@pytest.mark.parametrize(("price", "qty"), [("50000", "10000.00000"), ("39000", "12820.51282")])
def test_a_whole_position_leg_is_signed_for_fifty_times_the_maximum(price: str, qty: str) -> None:
    assert whole_position_qty(BTC, D(price)) == D(qty)


def test_whole_position_of_the_helper_vector() -> None:
    spec = replace(BTC, step=D("0.0001"))
    assert whole_position_qty(spec, D("24580.3412")) == D("20341.4588")


def own_amounts(side: Side, qty: D, price: D, rate: D, resolution: int = 10**6) -> tuple[int, int, int]:
    """Amounts by exact fractions: nothing of the package's own arithmetic."""
    q, p, f = Fraction(qty), Fraction(price), Fraction(rate)
    rounded = ceil if side is BUY else floor
    base, quote = rounded(q * resolution), rounded(q * p * 10**6)
    fee = ceil(f * q * p * 10**6)
    return (base, -quote, fee) if side is BUY else (-base, quote, fee)


def signed_settlement(
    side: Side, qty: D, price: D, request: OrderRequest, spec=BTC, *, chain="SN_SEPOLIA", vault=VAULT, key=KEY
) -> Settlement:
    """Sign with the exchange's own library, over this file's amounts."""
    base, quote, fee = own_amounts(side, qty, price, request.fee_rate + request.builder_fee)
    message = get_order_msg_hash(
        vault, spec.synthetic_id, base, 1, quote, 1, fee, ceil(request.expire_ms / 1000) + 14 * 86400, request.nonce,
        get_public_key(key), "Perpetuals", "v0", chain, "1",
    )  # fmt: skip
    r, s = sign(key, message)
    return Settlement(r=r, s=s, stark_key=get_public_key(key), vault=vault)


def signed(request: OrderRequest, **how) -> OrderRequest:
    return replace(request, settlement=signed_settlement(request.side, request.qty, request.price, request, **how))


@given(
    side=st.sampled_from(Side),
    qty=st.decimals("0.00001", "1000", places=5),
    price=st.decimals("0.5", "200000", places=4),
    rate=st.decimals("0", "0.01", places=6),
)
def test_amounts_match_exact_fractions(side: Side, qty: D, price: D, rate: D) -> None:
    order = SignedOrder(side=side, qty=qty, price=price, fee_rate=rate, expire_ms=1, nonce=1)
    scaled = amounts(order, BTC)
    assert (scaled.base, scaled.quote, scaled.fee) == own_amounts(side, qty, price, rate)


@pytest.fixture
def engine() -> Engine:
    engine = Engine(EngineConfig(), [BTC])
    account = engine.add_account(public_key=PUBLIC_KEY, api_key="a", now_ms=NOW_MS, vault=VAULT)
    engine.deposit(account.id, D(100000), NOW_MS)
    engine.set_prices("BTC-USD", D(84000), D(84000), NOW_MS)
    return engine


def code_of(engine: Engine, request: OrderRequest) -> int | str | None:
    try:
        engine.receive_order(engine.queries.account_by_key("a").id, request, NOW_MS)
    except Refusal as refused:
        return refused.code
    return None


ORDER = limit(BUY, "0.00123", 84000, "x", expire_ms=NOW_MS + 3_600_001)


def test_a_signed_order_is_received(engine: Engine) -> None:
    assert code_of(engine, signed(ORDER)) is None


@pytest.mark.parametrize(
    "tampered",
    [
        {"qty": D("0.00124")},
        {"price": D(84001)},
        {"side": SELL},
        {"fee_rate": D("0.0006")},
        {"builder_fee": D("0.0001")},
        {"nonce": 2},
        {"expire_ms": NOW_MS + 3_601_001},
        {"settlement": None},
    ],
    ids=lambda change: next(iter(change)),
)
def test_what_was_signed_must_be_what_is_sent(engine: Engine, tampered) -> None:
    assert code_of(engine, replace(signed(ORDER), **tampered)) == 1101


@pytest.mark.parametrize("harmless", [{"external_id": "y"}, {"post_only": True}, {"type": OrderType.LIMIT}])
def test_what_is_not_hashed_may_change(engine: Engine, harmless) -> None:
    assert code_of(engine, replace(signed(ORDER), **harmless)) is None


def test_the_builder_fee_is_signed_with_the_fee(engine: Engine) -> None:
    assert code_of(engine, signed(replace(ORDER, builder_fee=D("0.0001"), builder_id=7))) is None


def test_wrong_network_vault_and_key_have_their_codes(engine: Engine) -> None:
    assert code_of(engine, signed(ORDER, chain="SN_MAIN")) == 1101
    assert code_of(engine, signed(ORDER, vault=VAULT + 1)) == 1102
    assert code_of(engine, signed(ORDER, key=KEY + 1)) == 1100


@pytest.mark.parametrize(("field", "number"), [("r", 0), ("r", 2**252), ("s", 0), ("s", -1), ("s", 2**300)])
def test_absurd_signature_numbers_are_merely_invalid(engine: Engine, field: str, number: int) -> None:
    settlement = replace(signed(ORDER).settlement, **{field: number})
    assert code_of(engine, replace(ORDER, settlement=settlement)) == 1101


def test_the_same_signed_order_is_a_duplicate_under_any_id(engine: Engine) -> None:
    assert code_of(engine, signed(ORDER)) is None
    assert code_of(engine, signed(replace(ORDER, external_id="other"))) == 1134
    assert code_of(engine, signed(replace(ORDER, external_id="other", nonce=9))) is None


def test_a_forgotten_order_frees_its_hash(engine: Engine) -> None:
    account = engine.queries.account_by_key("a")
    account.is_high_volume = True
    receipt = engine.receive_order(account.id, signed(ORDER), NOW_MS)
    engine.accept(receipt.id, NOW_MS)
    assert code_of(engine, signed(replace(ORDER, external_id="other"))) == 1134
    engine.execute_cancel(receipt.id, NOW_MS)
    assert code_of(engine, signed(ORDER)) is None


def bracket(kind: TpSlType, *, wrong_leg: bool = False) -> OrderRequest:
    request = replace(ORDER, tp_sl_type=kind)
    legs = {"take_profit": (90000, 89900), "stop_loss": (80000, 79000)}
    for name, (trigger_price, price) in legs.items():
        qty = request.qty if kind is TpSlType.ORDER else D(10_000_000 * 50 * 10**5 // price) / 10**5
        settlement = signed_settlement(BUY if wrong_leg else SELL, qty, D(price), request)
        request = replace(request, **{name: leg(trigger_price, price, settlement=settlement)})
    return signed(request)


@pytest.mark.parametrize("kind", TpSlType)
def test_legs_carry_their_own_signatures(engine: Engine, kind: TpSlType) -> None:
    assert code_of(engine, bracket(kind, wrong_leg=True)) == 1101
    unsigned = bracket(kind)
    assert code_of(engine, replace(unsigned, stop_loss=replace(unsigned.stop_loss, settlement=None))) == 1101
    assert code_of(engine, unsigned) is None


def test_a_leg_signed_for_the_other_kind_is_refused(engine: Engine) -> None:
    assert code_of(engine, replace(bracket(TpSlType.ORDER), tp_sl_type=TpSlType.POSITION)) == 1101


def test_a_tpsl_order_is_signed_in_its_legs_only(engine: Engine) -> None:
    request = tpsl(SELL, "0.001", "tp")
    settlement = signed_settlement(SELL, D("0.001"), D(89900), request)
    request = replace(request, take_profit=leg(90000, 89900, settlement=settlement))
    assert code_of(engine, request) == 1137  # the signature passed, there is no position
    assert code_of(engine, replace(request, qty=D("0.002"))) == 1101


def test_numbers_that_no_signature_covers_are_invalid(engine: Engine) -> None:
    settlement = signed(ORDER).settlement
    account = engine.queries.account_by_key("a")
    account.vault = 2**40
    assert code_of(engine, replace(ORDER, settlement=replace(settlement, vault=2**40))) == 1101


def test_house_orders_need_no_signature(engine: Engine) -> None:
    account = engine.queries.account_by_key("a")
    assert engine.receive_order(account.id, ORDER, NOW_MS, is_signed=False).external_id == "x"


def test_the_hash_survives_json(engine: Engine) -> None:
    code_of(engine, signed(ORDER))
    restored = Engine.restore(json.loads(json.dumps(engine.state())))
    assert code_of(restored, signed(replace(ORDER, external_id="other"))) == 1134
