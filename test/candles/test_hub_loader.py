"""Candles from a hub over HTTP, against real servers that answer well, badly, late or not at all."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import pytest
from aiohttp import web

from hummingbot_extended.candles import hub_loader
from hummingbot_extended.candles.bars import Bar, flat_bar
from hummingbot_extended.candles.hub_loader import HubLoader, hub_loader_from_env
from hummingbot_extended.candles.loader import FallbackLoader
from hummingbot_extended.candles.timeframes import Timeframe, timeframe
from hummingbot_extended.errors import (
    ConnectFailed,
    MalformedMessage,
    MessageTooLarge,
    RequestTimedOut,
    ServerUnavailable,
    SettingsError,
)

M1, H4 = timeframe("M1"), timeframe("H4")


def newest_first(frame: Timeframe, count: int, skip: int = 0) -> list[dict[str, Any]]:
    now_s = int(time.time()) // frame.seconds * frame.seconds
    return [
        {
            "time": now_s - n * frame.seconds,
            "open": 1.5,
            "high": 2,
            "low": 1,
            "close": 1.7,
            "volume": 0.1,
            "spread": None,
        }
        for n in range(skip, count)
    ]


class Answering:
    """A server at /streamer/candles that answers what the test says."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, str], dict[str, str]]] = []
        self.reply: Callable[[str, int], Any] = lambda name, limit: {
            "success": True,
            "candles": newest_first(timeframe(name), limit),
        }
        self.status = 200
        self.delay_s = 0.0
        self.connections: set[Any] = set()
        self.url = ""

    async def handle(self, request: web.Request) -> web.Response:
        self.asked.append((request.path, dict(request.query), dict(request.headers)))
        self.connections.add(request.transport)
        await asyncio.sleep(self.delay_s)
        body = self.reply(request.match_info["timeframe"], int(request.query["limit"]))
        if isinstance(body, bytes):
            return web.Response(body=body, status=self.status)
        return web.json_response(body, status=self.status)


@asynccontextmanager
async def answering() -> AsyncIterator[Answering]:
    server = Answering()
    app = web.Application()
    app.add_routes([web.get("/streamer/candles/{symbol}/{timeframe}", server.handle)])
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield server
    finally:
        await runner.cleanup()


@pytest.fixture
async def server() -> AsyncIterator[Answering]:
    async with answering() as server:
        yield server


@pytest.fixture
async def loader(server: Answering) -> AsyncIterator[HubLoader]:
    loader = HubLoader(server.url)
    yield loader
    await loader.close()


@pytest.mark.states("A28")
async def test_a28_bars_come_oldest_first_exact_and_whole(server: Answering, loader: HubLoader) -> None:
    bars = await loader.load("BTC-USD", M1, limit=10)
    assert len(bars) == 10
    assert [bar.open_time_ms for bar in bars] == sorted(bar.open_time_ms for bar in bars)
    assert (bars[0].open, bars[0].volume) == (Decimal("1.5"), Decimal("0.1"))
    assert server.asked[0][0] == "/streamer/candles/BTC-USD/M1"


@pytest.mark.states("A23")
async def test_a23_one_pooled_connection_serves_all_calls(server: Answering, loader: HubLoader) -> None:
    for _ in range(5):
        await loader.load("BTC-USD", M1, limit=10)
    assert len(server.connections) == 1


async def test_answer_that_comes_in_many_pieces_is_read_whole_and_one_too_large_is_refused(
    server: Answering, loader: HubLoader, monkeypatch: pytest.MonkeyPatch
) -> None:
    def padded(name: str, limit: int) -> dict[str, Any]:
        return {"success": True, "candles": [row | {"pad": "x" * 400} for row in newest_first(timeframe(name), limit)]}

    server.reply = padded
    assert len(await loader.load("BTC-USD", M1, limit=450)) == 450
    monkeypatch.setattr(hub_loader, "MAX_REPLY_BYTES", 100_000)
    with pytest.raises(MessageTooLarge):
        await loader.load("BTC-USD", M1, limit=450)


@pytest.mark.states("A24", "A27")
async def test_a24_the_seeds_method_names_and_a27_aware_datetimes(loader: HubLoader) -> None:
    bars = await loader._get_m1_candles("BTC-USD", limit=20)
    assert len(bars) == 20
    assert bars[-1].time.utcoffset() is not None
    assert bars[-1].time.timestamp() * 1000 == bars[-1].bar.open_time_ms
    assert await loader._get_candles_from_api("BTC-USD", M1, 3)


@pytest.mark.states("A25")
async def test_a25_no_candles_or_no_success_is_no_answer(server: Answering, loader: HubLoader) -> None:
    server.reply = lambda _name, _limit: {"success": True, "candles": []}
    assert await loader.load("BTC-USD", M1, limit=10) == []
    server.reply = lambda _name, _limit: {"success": False, "error": "no", "error_code": "X"}
    with pytest.raises(MalformedMessage):
        await loader.load("BTC-USD", M1, limit=10)


@pytest.mark.states("A26")
async def test_a26_other_statuses_garbage_silence_and_absence_are_errors(server: Answering, loader: HubLoader) -> None:
    server.status = 503
    with pytest.raises(ServerUnavailable):
        await loader.load("BTC-USD", M1, limit=10)
    server.reply = lambda _name, _limit: b"<html>"
    with pytest.raises(ServerUnavailable):
        await loader.load("BTC-USD", M1, limit=10)
    server.status = 200
    with pytest.raises(MalformedMessage):
        await loader.load("BTC-USD", M1, limit=10)
    server.delay_s = 0.5
    slow = HubLoader(server.url, timeout_s=0.1)
    with pytest.raises(RequestTimedOut):
        await slow.load("BTC-USD", M1, limit=10)
    await slow.close()
    absent = HubLoader("http://127.0.0.1:1")
    with pytest.raises(ConnectFailed):
        await absent.load("BTC-USD", M1, limit=10)
    await absent.close()


class Exchange:
    name = "exchange"

    async def load(self, market: str, frame: Timeframe, **_window: Any) -> list[Bar]:
        return [flat_bar(60_000, Decimal(7))]


@pytest.mark.parametrize("trouble", ["503", "garbage", "timeout", "empty"])
@pytest.mark.states("A21", "A26")
async def test_a21_a26_the_chain_goes_on_to_the_exchange(server: Answering, trouble: str) -> None:
    loader = HubLoader(server.url, timeout_s=0.2)
    chain = FallbackLoader(Exchange(), domain="nobody", before=[loader])
    assert len(await chain.load("BTC-USD", M1, limit=10)) == 10
    match trouble:
        case "503":
            server.status = 503
        case "garbage":
            server.reply = lambda _name, _limit: b"\xff\x00"
        case "timeout":
            server.delay_s = 1.0
        case "empty":
            server.reply = lambda _name, _limit: {"success": True, "candles": []}
    assert await chain.load("BTC-USD", M1, limit=10) == [flat_bar(60_000, Decimal(7))]
    await loader.close()


@pytest.mark.states("A-B13")
async def test_b13_a_fresh_bar_of_a_long_timeframe_is_not_old(server: Answering, loader: HubLoader) -> None:
    """A-B13: 300 s of freshness sent every H4 to the exchange."""
    assert len(await loader.load("BTC-USD", H4, limit=50)) == 50


@pytest.mark.states("A29")
async def test_a29_stale_candles_are_left_for_the_next_loader(server: Answering, loader: HubLoader) -> None:
    server.reply = lambda name, limit: {"success": True, "candles": newest_first(timeframe(name), limit, skip=3)}
    assert await loader.load("BTC-USD", M1, limit=10) == []
    server.reply = lambda name, limit: {"success": True, "candles": newest_first(timeframe(name), limit, skip=1)}
    assert len(await loader.load("BTC-USD", M1, limit=10)) == 9  # the minute has just begun


async def test_window_of_the_past_is_cut_out_and_one_too_far_back_is_not_asked_for(
    server: Answering, loader: HubLoader
) -> None:
    now_ms = M1.open_time_ms(int(time.time() * 1000))
    end_ms = now_ms - 20 * 60_000
    bars = await loader.load("BTC-USD", M1, limit=5, end_ms=end_ms)
    assert [bar.open_time_ms for bar in bars] == [end_ms - n * 60_000 for n in (4, 3, 2, 1, 0)]
    bars = await loader.load("BTC-USD", M1, limit=5, start_ms=end_ms - 60_000, end_ms=end_ms)
    assert len(bars) == 2
    asked = len(server.asked)
    assert await loader.load("BTC-USD", M1, limit=900) == []
    assert len(server.asked) == asked


async def test_holes_are_not_passed_on(server: Answering, loader: HubLoader) -> None:
    def holed(name: str, limit: int) -> dict[str, Any]:
        rows = newest_first(timeframe(name), limit)
        del rows[4]
        return {"success": True, "candles": rows}

    server.reply = holed
    assert await loader.load("BTC-USD", M1, limit=10) == []


async def test_token_goes_into_a_header_and_shows_nowhere(server: Answering) -> None:
    loader = HubLoader(server.url, token=lambda: "secret-token")
    await loader.load("BTC-USD", M1, limit=3)
    path, query, headers = server.asked[0]
    assert headers["Authorization"] == "Bearer secret-token"
    assert "secret" not in path + str(query) + repr(loader)
    await loader.close()


async def test_idle_session_is_closed_and_opened_again(server: Answering, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_loader, "IDLE_S", 0.05)
    loader = HubLoader(server.url, timeout_s=0.2)
    await loader.load("BTC-USD", M1, limit=3)
    await asyncio.sleep(0.5)
    assert loader._session is None
    assert await loader.load("BTC-USD", M1, limit=3)
    await loader.close()


@pytest.mark.states("A22")
def test_a22_the_url_is_the_environments_and_read_when_made() -> None:
    assert hub_loader_from_env({}) is None
    loader = hub_loader_from_env({"STREAMER_API_URL": "http://localhost:8000/", "STREAMER_API_TIMEOUT": "2.5"})
    assert loader is not None
    assert (loader._base_url, loader._timeout_s) == ("http://localhost:8000", 2.5)


@pytest.mark.parametrize("url", ["ftp://x", "localhost:8000", "http://user:pw@host", "http://host?token=1"])
def test_url_that_cannot_be_or_holds_a_secret_is_refused(url: str) -> None:
    with pytest.raises(SettingsError) as refused:
        hub_loader_from_env({"STREAMER_API_URL": url})
    assert "pw" not in str(refused.value)
    with pytest.raises(SettingsError):
        hub_loader_from_env({"STREAMER_API_URL": "http://h", "STREAMER_API_TIMEOUT": "soon"})
