"""Every refusal of the REST level, by its code; and the neighbour that is let through."""

from decimal import Decimal as D

import pytest
from msgspec.structs import replace

from hummingbot_extended.venue.enums import MarketStatus, Mode, OrderStatus, OrderType, TimeInForce, TpSlType
from hummingbot_extended.venue.refusals import MESSAGES, Refusal
from test.venue.engine_kit import (
    BUY,
    DAY_MS,
    MARKET,
    NOW_MS,
    SELL,
    Desk,
    conditional,
    leg,
    limit,
    market_order,
    tpsl,
    trigger,
)


@pytest.fixture
def desk() -> Desk:
    return Desk()


def code_of(desk: Desk, request, account=None) -> int | str | None:
    """The code the request is refused with, or None; the state is untouched by a refusal."""
    before = desk.engine.state()
    refused = refusal_of(desk, request, account)
    if refused is None:
        return None
    assert desk.engine.state() == before
    assert refused.status == 400
    assert refused.message.startswith(MESSAGES[refused.code])
    return refused.code


def refusal_of(desk: Desk, request, account) -> Refusal | None:
    try:
        desk.receive(account or desk.a, request)
    except Refusal as refused:
        return refused
    return None


SIMPLE = [
    ("unknown market", limit(BUY, "0.01", 84000, market="DOGE-USD"), 1001),
    ("market names are case-sensitive", limit(BUY, "0.01", 84000, market="btc-usd"), 1001),
    ("size off the step", limit(BUY, "0.000105", 84000), 1123),
    ("size below the minimum", limit(BUY, "0.00009", 84000), 1120),
    ("size zero", limit(BUY, "0", 84000), 1120),
    ("negative size", limit(BUY, "-1", 84000), 1120),
    ("size with harmless zeros", limit(BUY, "0.0100000000", 84000), None),
    ("price with too many decimals", limit(BUY, "0.01", "84000.5"), 1125),
    ("price with harmless zeros", limit(BUY, "0.01", "84000.000"), None),
    ("price zero", limit(BUY, "0.01", 0), 1141),
    ("price negative", limit(BUY, "0.01", -1), 1141),
    ("price missing", limit(BUY, "0.01", None), 1130),
    ("market order", market_order(BUY, "0.01", 84000), None),
    ("market without price", replace(market_order(BUY, "0.01", 84000), price=None), 1130),
    ("market off the tick by decimals", replace(market_order(BUY, "0.01", 1), price=D("84000.1")), 1125),
    ("market GTT", limit(BUY, "0.01", 84000, type=OrderType.MARKET), 1139),
    ("market post-only", market_order(BUY, "0.01", 84000, post_only=True), 1133),
    ("FOK", limit(BUY, "0.01", 84000, time_in_force=TimeInForce.FOK), 1133),
    ("TOB", limit(BUY, "0.01", 84000, time_in_force=TimeInForce.TOB, post_only=True), 1133),
    ("IOC", limit(BUY, "0.01", 84000, time_in_force=TimeInForce.IOC), None),
    ("post-only IOC", limit(BUY, "0.01", 84000, time_in_force=TimeInForce.IOC, post_only=True), 1133),
    ("limit value at the maximum", limit(BUY, "1", 84000), None),
    ("limit value above", limit(BUY, "179", 84000), 1122),
    ("market value above", market_order(BUY, "36", 84000), 1122),
    ("buy at the cap", limit(BUY, "0.01", 88200), None),
    ("buy above the cap", limit(BUY, "0.01", 88201), 1141),
    ("buy far below", limit(BUY, "0.01", 1000), None),
    ("sell at the floor", limit(SELL, "0.01", 79800), None),
    ("sell below the floor", limit(SELL, "0.01", 79799), 1141),
    ("sell far above", limit(SELL, "0.01", 200000), None),
    ("market buy above 5 %", market_order(BUY, "0.01", 88201), 1141),
    ("market sell below 5 %", market_order(SELL, "0.01", 79799), 1141),
    ("expired", limit(BUY, "0.01", 84000, expire_ms=NOW_MS), 1135),
    ("expires in a moment", limit(BUY, "0.01", 84000, expire_ms=NOW_MS + 1), None),
    ("expiry at 28 d", limit(BUY, "0.01", 84000, expire_ms=NOW_MS + 28 * DAY_MS), None),
    ("expiry beyond 28 d", limit(BUY, "0.01", 84000, expire_ms=NOW_MS + 28 * DAY_MS + 1), 1135),
    ("fee below the taker rate", limit(BUY, "0.01", 84000, fee_rate=D("0.00024")), 1128),
    ("fee at the taker rate", limit(BUY, "0.01", 84000, fee_rate=D("0.00025")), None),
    ("maker rate for post-only", limit(BUY, "0.01", 84000, fee_rate=D(0), post_only=True), None),
    ("negative builder fee", limit(BUY, "0.01", 84000, builder_fee=D("-0.0001")), 1128),
    ("nonce negative", limit(BUY, "0.01", 84000, nonce=-1), 1133),
    ("nonce too large", limit(BUY, "0.01", 84000, nonce=2**32), 1133),
    ("the SDK's largest nonce", limit(BUY, "0.01", 84000, nonce=2**32 - 1), None),
    ("price not a number", limit(BUY, "0.01", D("NaN")), 1133),
    ("size infinite", limit(BUY, "Infinity", 84000), 1133),
    ("size absurd", limit(BUY, "1e30", 84000), 1133),
    ("trigger infinite", conditional(BUY, "0.01", 84000, replace(trigger(84000), price=D("Infinity"))), 1133),
    ("conditional without trigger", limit(BUY, "0.01", 84000, type=OrderType.CONDITIONAL), 1143),
    ("trigger on a limit order", limit(BUY, "0.01", 84000, trigger=trigger(84000)), 1133),
    ("conditional", conditional(BUY, "0.01", 90000, trigger(90000)), None),
    ("conditional off its trigger's band", conditional(BUY, "0.01", 94501, trigger(90000)), 1141),
    ("conditional trigger off the tick", conditional(BUY, "0.01", 90000, replace(trigger(1), price=D("0.5"))), 1125),
    (
        "conditional market post-only",
        conditional(BUY, "0.01", 90000, trigger(90000, execution="MARKET"), post_only=True),
        1144,
    ),
    ("conditional limit post-only", conditional(BUY, "0.01", 90000, trigger(90000), post_only=True), None),
    ("conditional market value above", conditional(BUY, "36", 84000, trigger(84000, execution="MARKET")), 1122),
    ("reduce-only without position", limit(SELL, "0.01", 84000, reduce_only=True), 1137),
    ("replaced order unknown", limit(BUY, "0.01", 84000, cancel_id="nobody"), 1142),
    ("more than the balance", limit(BUY, "12", 84000), 1140),
    ("just the balance", limit(BUY, "11.9", 84000), None),
    ("sell more than the balance", limit(SELL, "12", 84000), 1140),
    ("conditional costs nothing yet", conditional(BUY, "30", 84000, trigger(84000)), None),
]


@pytest.mark.parametrize(("request_", "code"), [case[1:] for case in SIMPLE], ids=[case[0] for case in SIMPLE])
def test_an_order_is_refused_with_its_code(desk: Desk, request_, code) -> None:
    assert code_of(desk, request_) == code


@pytest.mark.parametrize(
    ("market", "price", "code"),
    [
        ("XAU-USD", "4105.5", None),
        ("XAU-USD", "4105.2", 1124),
        ("SPX500m-USD", "6845", None),
        ("SPX500m-USD", "6843", 1124),
    ],
)
def test_awkward_ticks_are_multiples_not_decimals(desk: Desk, market: str, price: str, code: int | None) -> None:
    desk.mark(D(price), market=market)
    assert code_of(desk, limit(BUY, "0.1", price, market=market)) == code


def test_a_step_that_is_no_power_of_ten_is_kept() -> None:
    desk = Desk()
    spec = replace(desk.engine.floor.state.markets[MARKET].spec, step=D("0.005"), min_size=D("0.005"))
    desk.engine.floor.state.markets[MARKET].spec = spec
    assert code_of(desk, limit(BUY, "0.007", 84000)) == 1121
    assert code_of(desk, limit(BUY, "0.015", 84000)) is None


@pytest.mark.parametrize(
    ("mode", "request_", "code"),
    [
        (Mode.MAINTENANCE, limit(BUY, "0.01", 84000, post_only=True), 1010),
        (Mode.POST_ONLY, limit(BUY, "0.01", 84000), 1011),
        (Mode.POST_ONLY, limit(BUY, "0.01", 84000, post_only=True), None),
        (Mode.REDUCE_ONLY, limit(BUY, "0.01", 84000), 1012),
        (Mode.REDUCE_ONLY, limit(BUY, "0.01", 84000, reduce_only=True), 1137),
    ],
)
def test_modes_let_through_what_they_say(desk: Desk, mode: Mode, request_, code) -> None:
    desk.engine.set_mode(mode, NOW_MS)
    assert code_of(desk, request_) == code


@pytest.mark.parametrize(
    ("status", "reduce_only", "code"),
    [
        (MarketStatus.DISABLED, False, 1002),
        (MarketStatus.DELISTED, False, 1002),
        (MarketStatus.PRELISTED, False, 1002),
        (MarketStatus.REDUCE_ONLY, False, 1014),
        (MarketStatus.REDUCE_ONLY, True, 1137),
        (MarketStatus.ACTIVE, False, None),
    ],
)
def test_market_status_closes_the_market(desk: Desk, status: MarketStatus, reduce_only: bool, code) -> None:
    desk.engine.set_market_status(MARKET, status, NOW_MS)
    assert code_of(desk, limit(BUY, "0.01", 84000, reduce_only=reduce_only)) == code


def test_an_rfq_market_takes_no_plain_orders(desk: Desk) -> None:
    market = desk.engine.floor.state.markets[MARKET]
    market.spec = replace(market.spec, is_rfq=True)
    assert code_of(desk, limit(BUY, "1", 84000)) == 1132
    assert code_of(desk, limit(BUY, "1", 84000, is_rfq=True)) is None


def test_a_plain_market_takes_no_rfq_orders(desk: Desk) -> None:
    assert code_of(desk, limit(BUY, "0.01", 84000, is_rfq=True)) == 1132


def test_length_and_reuse_of_the_client_id_by_setting(desk: Desk) -> None:
    assert code_of(Desk(external_id_length=36), limit(BUY, "0.01", 80000, "x" * 37)) == 1133
    assert code_of(Desk(external_id_length=36), limit(BUY, "0.01", 80000, "x" * 36)) is None
    for other, code in ((desk, 1134), (Desk(external_id_reuse="after_close"), None)):
        order = other.place(other.a, limit(BUY, "0.01", 80000, "again"))
        assert code_of(other, limit(BUY, "0.01", 80000, "again")) == 1134
        other.cancel(other.a, order)
        assert code_of(other, limit(BUY, "0.01", 80000, "again")) == code


def test_mainnet_allows_ninety_days() -> None:
    desk = Desk(chain_id="SN_MAIN")
    assert code_of(desk, limit(BUY, "0.01", 84000, expire_ms=NOW_MS + 90 * DAY_MS)) is None
    assert code_of(desk, limit(BUY, "0.01", 84000, expire_ms=NOW_MS + 90 * DAY_MS + 1)) == 1135


def test_expiry_bound_by_setting() -> None:
    assert code_of(Desk(max_expiry_days=1), limit(BUY, "0.01", 84000, expire_ms=NOW_MS + DAY_MS + 1)) == 1135


def test_far_limit_orders_are_refused_by_setting() -> None:
    desk = Desk(far_limit="refuse")
    assert code_of(desk, limit(BUY, "0.01", 79799)) == 1141
    assert code_of(desk, limit(SELL, "0.01", 88201)) == 1141
    assert code_of(desk, limit(BUY, "0.01", 79800)) is None


def test_an_external_id_is_used_from_its_receipt_on(desk: Desk) -> None:
    order_id = desk.receive(desk.a, limit(BUY, "0.01", 80000, "same"))
    assert code_of(desk, limit(BUY, "0.01", 80000, "same")) == 1134
    desk.engine.accept(order_id, NOW_MS)
    assert code_of(desk, limit(BUY, "0.01", 80000, "same")) == 1134
    desk.engine.execute_cancel(order_id, NOW_MS)
    assert code_of(desk, limit(BUY, "0.01", 80000, "same")) == 1134
    assert code_of(desk, limit(BUY, "0.01", 80000, "same"), desk.b) is None


def test_an_external_id_must_not_be_empty(desk: Desk) -> None:
    with pytest.raises(Refusal) as refused:
        desk.engine.receive_order(desk.a.id, limit(BUY, "0.01", 80000, ""), NOW_MS)
    assert refused.value.code == 1133


def test_an_unknown_account_is_refused(desk: Desk) -> None:
    with pytest.raises(Refusal) as refused:
        desk.engine.receive_order(5, limit(BUY, "0.01", 80000, "x"), NOW_MS)
    assert refused.value.code == 1004


def test_missing_self_trade_protection_by_setting() -> None:
    request = limit(BUY, "0.01", 80000, self_trade_protection=None)
    assert code_of(Desk(missing_stp="refuse"), request) == 1133
    lenient = Desk(missing_stp="account")
    placed = lenient.place(lenient.a, request)
    assert placed is not None
    assert placed.status is OrderStatus.NEW


def test_missing_self_trade_protection_gets_a_receipt_and_then_nothing(desk: Desk) -> None:
    assert desk.place(desk.a, limit(BUY, "0.01", 80000, "silent", self_trade_protection=None)) is None
    assert desk.engine.drain() == []
    assert desk.engine.queries.open_orders(desk.a.id) == []
    assert desk.place(desk.a, limit(BUY, "0.01", 80000, "silent")) is not None


def test_reduce_only_wants_a_larger_opposite_position(desk: Desk) -> None:
    desk.trade(desk.a, desk.b, "0.05", 84000)
    assert code_of(desk, limit(BUY, "0.01", 84000, reduce_only=True)) == 1138
    assert code_of(desk, limit(SELL, "0.06", 84000, reduce_only=True)) == 1136
    assert code_of(desk, limit(SELL, "0.05", 84000, reduce_only=True)) is None
    assert code_of(desk, limit(BUY, "0.05", 84000, reduce_only=True), desk.b) is None


def test_open_orders_are_limited_and_a_replacement_takes_the_old_place(desk: Desk) -> None:
    desk.engine.floor.state.markets[MARKET].spec = replace(desk.engine.floor.state.markets[MARKET].spec, max_orders=3)
    for number in range(3):
        desk.place(desk.a, limit(BUY, "0.01", 80000, f"n{number}"))
    assert code_of(desk, limit(BUY, "0.01", 80000)) == 1126
    assert code_of(desk, limit(BUY, "0.01", 80000, cancel_id="n1")) is None
    assert code_of(desk, limit(BUY, "0.01", 80000), desk.b) is None


def test_orders_that_were_received_count_before_they_are_accepted(desk: Desk) -> None:
    desk.engine.floor.state.markets[MARKET].spec = replace(desk.engine.floor.state.markets[MARKET].spec, max_orders=2)
    desk.receive(desk.a, limit(BUY, "0.01", 80000, "one"))
    desk.receive(desk.a, limit(BUY, "0.01", 80000, "silent", self_trade_protection=None))
    desk.receive(desk.a, limit(BUY, "0.01", 80000, "two"))
    assert code_of(desk, limit(BUY, "0.01", 80000)) == 1126
    assert code_of(desk, limit(BUY, "0.01", 80000), desk.b) is None


def test_the_default_limit_is_200_open_orders_a_market(desk: Desk) -> None:
    for number in range(200):
        desk.place(desk.a, limit(BUY, "0.0001", 80000, f"n{number}"))
    assert code_of(desk, limit(BUY, "0.0001", 80000)) == 1126


def test_position_value_is_limited_by_the_band_of_the_leverage(desk: Desk) -> None:
    rich = desk.open("rich", 100_000_000)
    desk.engine.set_leverage(rich.id, MARKET, D(50), NOW_MS)
    assert code_of(desk, limit(BUY, "47", 84000), rich) is None  # 3.95 M of 4 M
    assert code_of(desk, limit(BUY, "48", 84000), rich) == 1127
    desk.place(rich, limit(BUY, "40", 80000))
    assert code_of(desk, limit(BUY, "10", 84000), rich) == 1127
    assert code_of(desk, limit(SELL, "40", 84000), rich) is None
    desk.engine.set_leverage(rich.id, MARKET, D(25), NOW_MS)
    assert code_of(desk, limit(BUY, "10", 84000), rich) is None


def test_what_an_order_replaces_is_given_back_before_it_is_paid(desk: Desk) -> None:
    desk.place(desk.a, limit(BUY, "10", 84000, "old"))
    assert code_of(desk, limit(BUY, "11", 84000)) == 1140
    assert code_of(desk, limit(BUY, "11", 84000, cancel_id="old")) is None


def test_a_replaced_order_must_be_of_the_same_market(desk: Desk) -> None:
    desk.place(desk.a, limit(BUY, "0.01", 84000, "old"))
    desk.mark(3120, market="ETH-USD")
    assert code_of(desk, limit(BUY, "0.1", 3120, cancel_id="old", market="ETH-USD")) == 1142


TPSL = [
    ("sell leg order", tpsl(SELL, "0.01", take_profit=leg(90000, 89900)), None),
    ("no legs", tpsl(SELL, "0.01"), 1131),
    ("no kind", replace(tpsl(SELL, "0.01", take_profit=leg(90000, 90000)), tp_sl_type=None), 1133),
    ("kind on a limit order without legs", limit(BUY, "0.01", 84000, tp_sl_type=TpSlType.ORDER), 1131),
    ("legs on a limit order without kind", limit(BUY, "0.01", 84000, take_profit=leg(90000, 90000)), 1133),
    ("not reduce-only", tpsl(SELL, "0.01", take_profit=leg(90000, 90000), reduce_only=False), 1133),
    ("post-only", tpsl(SELL, "0.01", take_profit=leg(90000, 90000), post_only=True), 1133),
    ("wrong side", tpsl(BUY, "0.01", take_profit=leg(80000, 80000)), 1138),
    ("too large", tpsl(SELL, "0.06", take_profit=leg(90000, 90000)), 1136),
    ("whole position with a size", tpsl(SELL, "0.01", kind=TpSlType.POSITION, stop_loss=leg(80000, 80000)), 1129),
    ("whole position", tpsl(SELL, "0", kind=TpSlType.POSITION, stop_loss=leg(80000, 80000)), None),
    ("trigger off the tick", tpsl(SELL, "0.01", take_profit=replace(leg(1, 90000), trigger_price=D("90000.5"))), 1125),
    ("leg price zero", tpsl(SELL, "0.01", take_profit=leg(90000, 0)), 1141),
    ("sell leg at its floor", tpsl(SELL, "0.01", take_profit=leg(90000, 85500)), None),
    ("sell leg below its floor", tpsl(SELL, "0.01", take_profit=leg(90000, 85499)), 1141),
    ("profit below the mark", tpsl(SELL, "0.01", take_profit=leg(84000, 84000)), 1141),
    ("loss above the mark", tpsl(SELL, "0.01", stop_loss=leg(84000, 84000)), 1141),
    ("both", tpsl(SELL, "0.01", take_profit=leg(84001, 84001), stop_loss=leg(83999, 83999)), None),
    (
        "bracket of a buy",
        limit(
            BUY, "0.01", 83000, tp_sl_type=TpSlType.ORDER, take_profit=leg(83001, 83001), stop_loss=leg(82999, 82000)
        ),
        None,
    ),
    (
        "bracket of a buy with the profit at the entry",
        limit(BUY, "0.01", 83000, tp_sl_type=TpSlType.ORDER, take_profit=leg(83000, 83000)),
        1141,
    ),
    (
        "bracket of a buy with the loss at the entry",
        limit(BUY, "0.01", 83000, tp_sl_type=TpSlType.ORDER, stop_loss=leg(83000, 83000)),
        1141,
    ),
    (
        "bracket of a sell",
        limit(
            SELL, "0.01", 85000, tp_sl_type=TpSlType.ORDER, take_profit=leg(84999, 85000), stop_loss=leg(85001, 86000)
        ),
        None,
    ),
    (
        "bracket of a sell with a buy leg above its cap",
        limit(SELL, "0.01", 85000, tp_sl_type=TpSlType.ORDER, stop_loss=leg(86000, 90301)),
        1141,
    ),
    (
        "bracket of a market order measures from the mark",
        market_order(BUY, "0.01", 85000, tp_sl_type=TpSlType.ORDER, take_profit=leg(84001, 84000)),
        None,
    ),
    (
        "bracket of a conditional measures from its price",
        conditional(BUY, "0.01", 90000, trigger(90000), tp_sl_type=TpSlType.ORDER, take_profit=leg(89999, 89999)),
        1141,
    ),
]


@pytest.mark.parametrize(("request_", "code"), [case[1:] for case in TPSL], ids=[case[0] for case in TPSL])
def test_tp_sl_rules(desk: Desk, request_, code) -> None:
    desk.trade(desk.a, desk.b, "0.05", 84000)
    assert code_of(desk, request_) == code
