"""Candles from REST: windows, pages and gaps, against a server that has the rows it has."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal

import aiohttp
import pytest
from aiohttp import web
from hypothesis import given, settings
from hypothesis import strategies as st

from hummingbot_extended.candles.exchange_loader import ExchangeLoader
from hummingbot_extended.candles.timeframes import timeframe
from hummingbot_extended.errors import ServerUnavailable
from hummingbot_extended.exchange.aiohttp_send import AiohttpSend
from hummingbot_extended.exchange.rest import ExtendedRest

M1 = timeframe("M1")
MINUTE_MS = 60_000
NOW_MINUTE = 1_000


class Exchange:
    """`GET /info/candles/BTC-USD/trades`: rows of the minutes it has; `is_inclusive` says whether endTime's is one."""

    def __init__(self, minutes: range | list[int], *, is_inclusive: bool = True) -> None:
        self.minutes = list(minutes)
        self.is_inclusive = is_inclusive
        self.requests: list[dict[str, str]] = []
        self.status = 200

    async def answer(self, request: web.Request) -> web.Response:
        query = dict(request.query)
        self.requests.append(query)
        if self.status != 200:
            return web.Response(status=self.status)
        end = int(query["endTime"]) // MINUTE_MS + self.is_inclusive
        newest_first = sorted((minute for minute in self.minutes if minute < end), reverse=True)
        rows = [row(minute) for minute in newest_first[: int(query["limit"])]]
        return web.json_response({"status": "OK", "data": rows})


def row(minute: int) -> dict[str, object]:
    return {"o": "1", "l": "1", "h": "9", "c": str(minute), "v": "2.5", "T": minute * MINUTE_MS}


@asynccontextmanager
async def loader(exchange: Exchange, page_rows: int = 1_000) -> AsyncIterator[ExchangeLoader]:
    app = web.Application()
    app.router.add_get("/info/candles/BTC-USD/trades", exchange.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    async with aiohttp.ClientSession() as session:
        url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        now_s = NOW_MINUTE * 60 + 30
        yield ExchangeLoader(ExtendedRest(AiohttpSend(session, url)), page_rows=page_rows, clock=lambda: now_s)
    await runner.cleanup()


async def minutes_of(exchange: Exchange, page_rows: int = 1_000, **window: int | None) -> list[int]:
    async with loader(exchange, page_rows) as one:
        bars = await one.load("BTC-USD", M1, **window)
    return [bar.open_time_ms // MINUTE_MS for bar in bars]


async def test_the_newest_bars_come_oldest_first_with_the_forming_one() -> None:
    exchange = Exchange(range(900, 1_001))
    assert await minutes_of(exchange, limit=5) == [996, 997, 998, 999, 1_000]
    assert exchange.requests[0]["interval"] == "PT1M"


async def test_both_ends_of_a_window_are_included() -> None:
    window = {"start_ms": 950 * MINUTE_MS, "end_ms": 953 * MINUTE_MS + 59_999}
    assert await minutes_of(Exchange(range(900, 1_001)), limit=100, **window) == [950, 951, 952, 953]
    later_start = window | {"start_ms": 950 * MINUTE_MS + 1}
    assert await minutes_of(Exchange(range(900, 1_001)), limit=100, **later_start) == [951, 952, 953]


async def test_the_limit_keeps_the_newest_of_a_window() -> None:
    window = {"start_ms": 900 * MINUTE_MS, "end_ms": 953 * MINUTE_MS}
    assert await minutes_of(Exchange(range(900, 1_001)), limit=2, **window) == [952, 953]


async def test_a_young_market_has_fewer_bars() -> None:
    assert await minutes_of(Exchange([999, 1_000]), limit=50) == [999, 1_000]


async def test_a_market_without_trades_has_none() -> None:
    assert await minutes_of(Exchange([]), limit=50) == []


async def test_a_time_without_trades_is_a_flat_bar_also_before_and_after_the_window() -> None:
    async with loader(Exchange([940, 955])) as one:
        bars = await one.load("BTC-USD", M1, limit=100, start_ms=950 * MINUTE_MS, end_ms=957 * MINUTE_MS)
    assert [bar.open_time_ms // MINUTE_MS for bar in bars] == list(range(950, 958))
    assert [bar.synthetic for bar in bars] == [True] * 5 + [False, True, True]
    assert {bar.close for bar in bars[:5]} == {Decimal(940)}
    assert {bar.close for bar in bars[5:]} == {Decimal(955)}


async def test_nothing_is_invented_for_the_future() -> None:
    assert await minutes_of(Exchange(range(990, 1_001)), limit=3, end_ms=2_000 * MINUTE_MS) == [998, 999, 1_000]


async def test_an_error_of_the_exchange_is_raised() -> None:
    exchange = Exchange(range(10))
    exchange.status = 503
    with pytest.raises(ServerUnavailable):
        await minutes_of(exchange, limit=5)


@pytest.mark.parametrize("is_inclusive", [True, False])
async def test_pages_meet_whatever_the_end_time_includes(is_inclusive: bool) -> None:
    exchange = Exchange(range(900, 1_001), is_inclusive=is_inclusive)
    assert await minutes_of(exchange, page_rows=7, limit=60) == list(range(941, 1_001))
    assert all(int(request["limit"]) <= 7 for request in exchange.requests)


@settings(max_examples=40)
@given(
    present=st.lists(st.integers(900, 1_000), unique=True, max_size=60),
    page_rows=st.integers(2, 30),
    limit=st.integers(1, 90),
    is_inclusive=st.booleans(),
)
async def test_any_market_gives_the_window_that_its_rows_say(
    present: list[int], page_rows: int, limit: int, is_inclusive: bool
) -> None:
    first = min(present, default=2_000)
    expected = list(range(max(first, NOW_MINUTE - limit + 1), NOW_MINUTE + 1))
    assert await minutes_of(Exchange(present, is_inclusive=is_inclusive), page_rows=page_rows, limit=limit) == expected
