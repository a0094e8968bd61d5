"""Alerts are a closed list of conditions; news is what has changed about markets."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from hummingbot_extended.errors import SettingsError
from hummingbot_extended.hub.alerts import Alert, parse_alert
from hummingbot_extended.hub.events import FundingRow, PriceRow, QuoteRow, Row, StatusRow
from hummingbot_extended.hub.interface import UnknownMarket
from hummingbot_extended.hub.market_list import MarketList
from hummingbot_extended.hub.settings import HubSettings
from test.hub.core_kit import MARKET, parts_of, serving


def alert(kind: str, **fields: Any) -> Alert:
    return parse_alert({"kind": kind, "symbol": MARKET} | fields, lambda symbol: symbol, lambda _row: None)


def price(value: str, ts_ms: int = 0) -> PriceRow:
    return PriceRow(market=MARKET, ts_ms=ts_ms, price=Decimal(value))


def quote(bid: str | None, ask: str | None) -> QuoteRow:
    sides = [None if side is None else Decimal(side) for side in (bid, ask)]
    return QuoteRow(market=MARKET, ts_ms=0, bid=sides[0], bid_size=Decimal(1), ask=sides[1], ask_size=Decimal(1))


def fired(one: Alert, rows: list[Row], step_ms: int = 100_000) -> list[int]:
    return [number for number, row in enumerate(rows) if one.look(row, number * step_ms) is not None]


@pytest.mark.parametrize(
    ("kind", "fields", "rows", "expected"),
    [
        ("cross_above", {"price": "100"}, [price(p) for p in ("99", "100", "101", "99", "105")], [1, 4]),
        ("cross_below", {"price": 100}, [price(p) for p in ("101", "100", "99", "101", "98")], [1, 4]),
        ("cross_above", {"price": 100}, [price("150")], []),
        ("pct_move", {"percent": 5, "window_s": 10}, [price("100", 0), price("104", 9_000), price("105", 10_000)], [2]),
        ("pct_move", {"percent": 5, "window_s": 10}, [price("100", 0), price("104", 9_000), price("105", 11_000)], []),
        ("spread", {"percent": "1"}, [quote("100", "100.5"), quote("99", "101"), quote(None, "1")], [1]),
    ],
)
def test_each_kind_fires_when_its_condition_holds(
    kind: str, fields: dict[str, Any], rows: list[Row], expected: list[int]
) -> None:
    assert fired(alert(kind, **fields), rows) == expected


def test_funding_and_stale() -> None:
    rows: list[Row] = [FundingRow(market=MARKET, ts_ms=0, rate=Decimal(r), time_ms=0) for r in ("0.0001", "-0.002")]
    assert fired(alert("funding", rate="0.001"), rows) == [1]
    states: list[Row] = [
        StatusRow(market=MARKET, ts_ms=0, feed="book", state=s, since_ms=0) for s in ("live", "stale", "down")
    ]
    assert fired(alert("stale"), states) == [1, 2]


def test_a_move_is_one_within_the_whole_window_however_many_prices_come() -> None:
    rows: list[Row] = [price(str(1_000 + number // 100), number * 10) for number in range(6_000)]
    assert fired(alert("pct_move", percent="5.5", window_s=86_400), rows, 10) == [5_500]


def test_a_move_during_the_cooldown_is_told_after_it() -> None:
    rows: list[Row] = [price(p, n * 1_000) for n, p in enumerate(("100", "110", "110", "121", "121"))]
    assert fired(alert("pct_move", percent=10, window_s=60, cooldown_s=3), rows, 1_000) == [1, 4]


def test_cooldown_keeps_it_quiet() -> None:
    rows = [price(p) for p in ("99", "101", "99", "101", "99", "101")]
    assert fired(alert("cross_above", price=100, cooldown_s=30), rows, 10_000) == [1, 5]


@pytest.mark.parametrize(
    "fields",
    [
        {"kind": "exec"},
        {"kind": ["x"]},
        {"symbol": 5},
        {"price": None},
        {"price": True},
        {"price": "NaN"},
        {"price": "x"},
        {"price": -1},
        {"cooldown_s": -1},
        {"window_s": 0},
    ],
)
def test_what_cannot_be_is_refused(fields: dict[str, Any]) -> None:
    complete = {"kind": "cross_above", "symbol": MARKET, "price": 1} | fields
    with pytest.raises(SettingsError):
        parse_alert(complete, lambda symbol: symbol, lambda _row: None)


async def test_news_is_the_difference_of_two_lists_of_markets() -> None:
    async with serving() as venue, parts_of(venue, HubSettings()) as parts:
        markets = list(await parts.rest.markets())
    known = MarketList()
    assert known.learn(markets, 1) == []
    assert known.learn(markets, 2) == []
    first, second, *others = markets
    config = first.trading_config
    limits = msgspec.structs.replace(config, max_leverage=config.max_leverage + 1, min_order_size=Decimal(9))
    changed = msgspec.structs.replace(first, active=False, trading_config=limits)
    news = known.learn([changed, *others], 3)
    assert {(row.what, row.market) for row in news} == {
        ("delisted", second.name),
        ("halted", first.name),
        ("leverage", first.name),
        ("limits", first.name),
    }
    assert all(msgspec.json.decode(row.numbers)["what"] == row.what for row in news)
    back = known.learn(markets, 4)
    assert {("listed", second.name), ("resumed", first.name)} <= {(row.what, row.market) for row in back}
    assert known.resolve(" btc_usd ") == MARKET
    assert MARKET in known.tradable
    with pytest.raises(UnknownMarket):
        known.resolve("BTC-USDC")
