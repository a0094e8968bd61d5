from decimal import Decimal

import msgspec
import pytest

from hummingbot_extended.errors import MalformedMessage
from hummingbot_extended.exchange import models
from hummingbot_extended.exchange.enums import (
    AccountStatus,
    ExecutionPriceType,
    ExitType,
    MarketStatus,
    MarketType,
    OrderStatus,
    OrderType,
    PositionStatus,
    StatusReason,
    TimeInForce,
    TpSlType,
    TradeType,
    TradingHours,
    TriggerDirection,
)
from hummingbot_extended.exchange.models import Market, decode_market_list, decode_markets
from hummingbot_extended.exchange.reading import Model, Records, read, read_records
from test.exchange.helpers import btc_market, fixture, raw


def rows[T](name: str, model: type[T]) -> Records[T]:
    return read_records(fixture(name)["data"], model)


# --- markets


def test_market_reads_every_documented_field() -> None:
    market = btc_market()
    assert (market.name, market.type, market.status) == ("BTC-USD", MarketType.PERPETUAL, MarketStatus.ACTIVE)
    assert market.trading_config.min_price_change == Decimal(1)
    assert market.trading_config.max_num_orders == 200
    assert [factor.risk_factor for factor in market.trading_config.risk_factor_config] == [
        Decimal("0.02"),
        Decimal("0.04"),
    ]
    assert market.l2_config.base_asset_id == 0x4254432D3600000000000000000000
    assert market.l2_config.quote_asset_id == 1
    assert market.created_at_ms == 1738000000000
    assert market.is_tradable


def test_market_stats_keep_every_digit() -> None:
    stats = btc_market().market_stats
    assert stats is not None
    assert str(stats.mark_price) == "84075.123456789012"
    assert stats.next_funding_time_ms == 1795222800000
    assert stats.deleverage_levels is not None
    assert stats.deleverage_levels.long_positions[0].ranking_lower_bound == Decimal("-2978.4427")


def test_market_with_new_words_is_read_and_not_tradable() -> None:
    moon = decode_markets(raw("markets"))[1]
    assert (moon.status, moon.trading_hours) == (MarketStatus.UNKNOWN, TradingHours.UNKNOWN)
    assert not moon.is_tradable


@pytest.mark.parametrize(
    "change", [{"type": "SPOT"}, {"active": False}, {"status": "REDUCE_ONLY"}, {"isRfq": True}, {"status": None}]
)
def test_market_is_tradable_only_when_all_four_say_so(change: dict[str, object]) -> None:
    assert not read(fixture("markets")["data"][0] | change, Market).is_tradable


def test_decode_markets_loses_only_the_bad_ones_and_says_which() -> None:
    markets = decode_markets(raw("markets_one_bad"))
    assert [market.name for market in markets] == ["BTC-USD", "OLD-USD", "NULL-USD"]
    assert [bad.name for bad in markets.bad] == ["BAD-USD", "?"]
    assert "tick and step must be positive" in markets.bad[0].reason
    assert markets[1].type is MarketType.PERPETUAL
    assert markets[2].market_stats is None


@pytest.mark.parametrize(
    ("part", "field", "value"),
    [
        ("l2Config", "syntheticId", "not hex"),
        ("l2Config", "syntheticResolution", 0),
        ("l2Config", "collateralResolution", "many"),
        ("tradingConfig", "minOrderSizeChange", "-1"),
        ("tradingConfig", "maxLimitOrderValue", "NaN"),
        ("tradingConfig", "minOrderSize", None),
    ],
)
def test_a_market_that_cannot_be_traded_by_its_numbers_is_bad(part: str, field: str, value: object) -> None:
    market = fixture("markets")["data"][0]
    market[part][field] = value
    markets = decode_market_list(msgspec.json.encode([market]))
    assert markets == []
    assert markets.bad[0].name == "BTC-USD"


@pytest.mark.parametrize("body", [b"[]", b"{}", b"<html>", b'{"data":"none"}', b'{"data":'])
def test_decode_markets_refuses_what_is_no_reply(body: bytes) -> None:
    with pytest.raises(MalformedMessage):
        decode_markets(body)


def test_both_ways_to_read_markets_agree() -> None:
    assert decode_markets(raw("markets")) == rows("markets", Market)


def test_order_book_reads_long_and_short_names() -> None:
    book = read(fixture("order_book")["data"], models.RestOrderBook)
    short = read(fixture("order_book_short_names")["data"], models.RestOrderBook)
    assert [level.price for level in book.bid] == [84077, 84076]
    assert short.bid[0] == models.RestLevel(qty=Decimal("0.5"), price=Decimal(84077))
    assert short.ask == book.ask


def test_public_trades_keep_64_bit_ids() -> None:
    trades = rows("public_trades", models.PublicTrade)
    assert [trade.id for trade in trades] == [2103456789012345678, 2103456789012345679]
    assert trades[1].type is TradeType.LIQUIDATION


def test_candles_have_volume_only_for_trades() -> None:
    assert [candle.volume for candle in rows("candles", models.Candle)] == [Decimal("12.345"), None]


# --- account


def test_account_reads_both_spellings_and_both_kinds_of_vault() -> None:
    main, second = rows("accounts", models.Account)
    assert (main.account_id, main.l2_vault) == (100009, 10002)
    assert (second.account_id, second.l2_vault, second.status) == (100010, 10003, AccountStatus.UNKNOWN)
    assert "do-not-show" not in repr(second)


def test_balance_is_zero_when_nothing_is_known() -> None:
    assert models.Balance().available_for_trade == 0
    assert read(fixture("balance")["data"], models.Balance).available_for_trade == Decimal("905.1")


def test_positions_read_both_spellings_and_sign_their_size() -> None:
    positions = rows("positions", models.Position)
    assert [position.signed_size for position in positions] == [Decimal("0.01"), Decimal(-2), Decimal(0)]
    long, short, closed = positions
    assert (long.sl_limit_price, short.sl_limit_price) == (79900, 3500)
    assert (long.updated_at_ms, short.updated_at_ms) == (1795219200123, 1795219200123)
    assert (short.status, closed.status) == (PositionStatus.OPENED, PositionStatus.CLOSED)
    assert short.liquidation_price is None
    assert [bad.name for bad in positions.bad] == ["4"]


def test_position_history_reads_both_names_of_deleveraging() -> None:
    closed, opened = rows("positions_history", models.PositionHistory)
    assert (closed.exit_type, opened.exit_type) == (ExitType.DELEVERAGE, ExitType.ADL)
    assert opened.created_time_ms == 1795200000000
    assert opened.closed_time_ms is None
    assert closed.realised_pnl_breakdown is not None
    assert closed.realised_pnl_breakdown.open_fees == Decimal("-0.1")


def test_asset_operations_take_ids_and_names_and_new_words() -> None:
    first, second = rows("asset_operations", models.AssetOperation)
    assert (first.asset, second.asset) == (1, "USD")
    assert (first.id, second.type.name, second.status.name) == (1951255127004282880, "UNKNOWN", "UNKNOWN")


# --- orders


def test_orders_read_both_spellings() -> None:
    plain, conditional, tpsl, rejected, triggered = rows("orders", models.Order)
    assert plain.expire_time_ms == conditional.expire_time_ms == 1795305600000
    assert conditional.trigger is not None
    assert triggered.trigger is not None
    assert (conditional.trigger.direction, triggered.trigger.direction) == (TriggerDirection.UP, TriggerDirection.DOWN)
    assert conditional.id == 2103456789012345602
    assert (conditional.filled_qty, conditional.average_price) == (0, None)
    assert (tpsl.tp_sl_type, tpsl.price, tpsl.time_in_force) == (TpSlType.POSITION, None, TimeInForce.TOB)
    assert tpsl.take_profit is not None
    assert tpsl.take_profit.price_type is ExecutionPriceType.LIMIT
    assert (rejected.status_reason, rejected.type) == (StatusReason.UNKNOWN, OrderType.UNKNOWN)
    assert triggered.status is OrderStatus.TRIGGERED


def test_an_order_in_an_unknown_state_is_reported_alone() -> None:
    orders = rows("orders", models.Order)
    assert len(orders) == 5
    assert [(bad.name, "HALF_OPEN" in bad.excerpt or "status" in bad.reason) for bad in orders.bad] == [("8", True)]
    with pytest.raises(MalformedMessage, match="status"):
        read(fixture("order")["data"] | {"status": "HALF_OPEN"}, models.Order)


def test_account_trades_read_every_spelling_and_report_an_unknown_type_alone() -> None:
    trades = rows("trades", models.AccountTrade)
    assert [trade.external_id for trade in trades] == [None, "HBOT-x"]
    assert trades[1].type is TradeType.DELEVERAGE
    assert [bad.name for bad in trades.bad] == ["3"]
    row = fixture("trades")["data"][0]
    table = {**row, "averagePrice": row["price"], "filledQty": row["qty"], "externalOrderId": "HBOT-y"}
    del table["price"], table["qty"]
    trade = read(table, models.AccountTrade)
    assert (trade.price, trade.qty, trade.external_id) == (Decimal("83999.5"), Decimal("0.004"), "HBOT-y")


def test_models_are_frozen() -> None:
    with pytest.raises(AttributeError):
        btc_market().name = "ETH-USD"  # type: ignore[misc]


ALL = [
    kind for kind in vars(models).values() if isinstance(kind, type) and issubclass(kind, Model) and kind is not Model
]


@pytest.mark.parametrize("model", ALL)
def test_every_model_is_frozen_and_described(model: type[Model]) -> None:
    assert model.__struct_config__.frozen
    assert model.__doc__
