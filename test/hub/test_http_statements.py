"""The statements A1–A20 of streaming-systems.md §1.1 over real sockets; where a row has a D, the D is the statement."""

import json
import re
import time
from decimal import Decimal
from typing import Any

import aiohttp
import pytest

from hummingbot_extended.hub import answers as answers_module
from hummingbot_extended.hub.answers import CandleAnswers, CandlesQuery
from hummingbot_extended.hub.face_settings import FaceSettings
from hummingbot_extended.hub.server import HubServer
from hummingbot_extended.hub.status_answers import StatusAnswers
from test.hub.hand_fed import HandFedHub, candle

NOW_S = int(time.time()) // 60 * 60


class Api:
    """GETs of one hub. Numbers are read as Decimal."""

    def __init__(self, server: HubServer, http: aiohttp.ClientSession) -> None:
        self.server, self.http = server, http
        self.headers: Any = {}

    async def get(self, path: str, **headers: str) -> tuple[int, Any]:
        async with self.http.get(self.server.url + path, headers=headers) as reply:
            self.headers = reply.headers
            text = await reply.text()
            is_json = reply.content_type == "application/json" and text
            return reply.status, json.loads(text, parse_float=Decimal) if is_json else text


@pytest.fixture
def api(server: HubServer, http: aiohttp.ClientSession, hub: HandFedHub) -> Api:
    candles = [candle(NOW_S - 60 * index, str(84_000 + index), closed=index > 0) for index in range(600)]
    hub.add_candles("BTC-USD", "M1", *candles)
    return Api(server, http)


# --- candles --------------------------------------------------------------------------------------------------------


@pytest.mark.states("A1", "A6", "A7")
async def test_a1_a6_a7_candles_are_answered_as_the_seed_writes_them(api: Api) -> None:
    status, body = await api.get("/streamer/candles/BTC-USD/M1")
    assert (status, api.headers["Content-Type"]) == (200, "application/json")
    assert (body["success"], body["symbol"], body["timeframe"], body["source"]) == (
        True, "BTC-USD", "M1", "streamer_buffer",
    )  # fmt: skip
    assert body["count"] == len(body["candles"]) == 50
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", body["timestamp"])
    assert body["candles"][0].keys() >= {"time", "open", "high", "low", "close", "volume", "spread"}


@pytest.mark.parametrize(
    ("limit", "count"), [("", 50), ("?limit=7", 7), ("?limit=0", 1), ("?limit=-5", 1), ("?limit=9999", 500)]
)
@pytest.mark.states("A2")
async def test_a2_the_limit_is_clamped(api: Api, limit: str, count: int) -> None:
    status, body = await api.get("/streamer/candles/BTC-USD/M1" + limit)
    assert (status, body["count"]) == (200, count)


@pytest.mark.parametrize("limit", ["abc", "1.5", ""])
@pytest.mark.states("A2")
async def test_a2_a_limit_that_is_no_integer_gives_422(api: Api, limit: str) -> None:
    status, _ = await api.get(f"/streamer/candles/BTC-USD/M1?limit={limit}")
    assert status == 422


@pytest.mark.states("A3")
async def test_a3_format_is_dict_or_raw(api: Api) -> None:
    _, body = await api.get("/streamer/candles/BTC-USD/M1?format=raw&limit=2")
    assert body["candles"][0] == [NOW_S, 84000, 84100, Decimal("83990.123456789"), 84000, Decimal("12.345")]
    status, body = await api.get("/streamer/candles/BTC-USD/M1?format=xml")
    assert (status, body["error_code"]) == (400, "INVALID_FORMAT")


@pytest.mark.parametrize(
    ("asked", "echoed"), [("M1", "M1"), ("m1", "M1"), ("1m", "1m"), ("PT1M", "PT1M"), ("pt1m", "PT1M")]
)
@pytest.mark.states("A4")
async def test_a4_every_family_of_timeframes_is_echoed_as_asked(api: Api, asked: str, echoed: str) -> None:
    assert (await api.get(f"/streamer/candles/BTC-USD/{asked}"))[1]["timeframe"] == echoed


@pytest.mark.parametrize("name", ["M5", "M15", "M30", "H1", "H2", "H4", "D1"])
@pytest.mark.states("A4")
async def test_a4_all_timeframes_are_known(api: Api, name: str) -> None:
    status, body = await api.get(f"/streamer/candles/BTC-USD/{name}")
    assert (status, body["error_code"], body["timeframe"]) == (503, "WARMING_UP", name)


@pytest.mark.parametrize("symbol", ["btc-usd", "BTC/USD", "BTC%2FUSD", "BTCUSD"])
@pytest.mark.states("A5", "A-B8")
async def test_a5_the_symbol_is_normalised(api: Api, symbol: str) -> None:
    assert (await api.get(f"/streamer/candles/{symbol}/M1"))[1]["symbol"] == "BTC-USD"


@pytest.mark.states("A8", "A9")
async def test_a8_a9_time_is_seconds_and_numbers_are_exact(api: Api) -> None:
    _, body = await api.get("/streamer/candles/BTC-USD/M1?limit=1")
    (row,) = body["candles"]
    assert (row["time"], row["low"], row["volume"]) == (NOW_S, Decimal("83990.123456789"), Decimal("12.345"))


@pytest.mark.states("A10")
async def test_a10_newest_first_unless_asked_otherwise(api: Api) -> None:
    _, newest_first = await api.get("/streamer/candles/BTC-USD/M1?limit=3")
    _, oldest_first = await api.get("/streamer/candles/BTC-USD/M1?limit=3&order=asc")
    times = [row["time"] for row in newest_first["candles"]]
    assert times == [NOW_S, NOW_S - 60, NOW_S - 120]
    assert [row["time"] for row in oldest_first["candles"]] == times[::-1]


@pytest.mark.states("A11")
async def test_a11_the_first_is_forming_and_may_be_left_out(api: Api) -> None:
    _, body = await api.get("/streamer/candles/BTC-USD/M1?limit=3")
    assert [row["closed"] for row in body["candles"]] == [False, True, True]
    _, body = await api.get("/streamer/candles/BTC-USD/M1?limit=3&closed_only=1")
    assert [row["time"] for row in body["candles"]] == [NOW_S - 60, NOW_S - 120, NOW_S - 180]


@pytest.mark.states("A12")
async def test_a12_a_stopped_streamer_answers_503_whatever_else_is_wrong(api: Api, hub: HandFedHub) -> None:
    hub.running = False
    status, body = await api.get("/streamer/candles/NOPE/M7")
    assert (status, body["error_code"], api.headers["Retry-After"]) == (503, "STREAMER_NOT_RUNNING", "1")
    hub.running = True
    assert (await api.get("/streamer/candles/NOPE/M7"))[1]["error_code"] == "INVALID_TIMEFRAME"
    assert (await api.get("/streamer/candles/NOPE/M1"))[1]["error_code"] == "SYMBOL_NOT_FOUND"


@pytest.mark.states("A13")
async def test_a13_a_streamer_that_is_not_there_answers_503() -> None:
    answer = await CandleAnswers(None, lambda: 0).candles("BTC-USD", "M1", CandlesQuery())
    assert (answer.status, json.loads(answer.body)["error_code"]) == (503, "STREAMER_NOT_INITIALIZED")
    assert answer.headers["Retry-After"]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("BTC-USD/M7", (400, "INVALID_TIMEFRAME")),
        ("BTC-USD/1M", (400, "INVALID_TIMEFRAME")),
        ("NOPE-USD/M1", (404, "SYMBOL_NOT_FOUND")),
        ("ETH-USD/M1", (503, "WARMING_UP")),
    ],
)
@pytest.mark.states("A13", "A14")
async def test_a13_a14_errors_are_at_the_top_level(api: Api, path: str, expected: tuple[int, str]) -> None:
    status, body = await api.get(f"/streamer/candles/{path}")
    assert (status, body["error_code"]) == expected
    assert (body["success"], bool(body["error"]), "timeframe" in body) == (False, True, True)


@pytest.mark.states("A14")
async def test_a14_an_internal_error_says_nothing_of_its_cause(api: Api, hub: HandFedHub) -> None:
    hub.failure = RuntimeError("the password is hunter2")
    status, body = await api.get("/streamer/status")
    assert status == 500
    assert "hunter2" not in json.dumps(body)


# --- caching --------------------------------------------------------------------------------------------------------


@pytest.mark.states("A-B16")
async def test_bytes_are_kept_until_the_series_changes(api: Api, hub: HandFedHub) -> None:
    for _ in range(3):
        await api.get("/streamer/candles/BTC-USD/M1")
    assert hub.asked_for_candles == 1
    tag = api.headers["ETag"]
    assert await api.get("/streamer/candles/BTC-USD/M1", **{"If-None-Match": tag}) == (304, "")
    hub.add_candles("BTC-USD", "M1", candle(NOW_S, "1"))
    status, body = await api.get("/streamer/candles/BTC-USD/M1", **{"If-None-Match": tag})
    assert (status, body["candles"][0]["close"]) == (200, 1)


async def test_bytes_that_are_kept_are_bounded(hub: HandFedHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers_module, "MAX_KEPT_BYTES", 20_000)
    hub.add_candles("BTC-USD", "M1", *(candle(NOW_S - 60 * index, "84000") for index in range(20)))
    answers = CandleAnswers(hub, lambda: NOW_S * 1000)
    for limit in range(1, 21):
        assert (await answers.candles("BTC-USD", "M1", CandlesQuery(limit=limit))).status == 200
    assert 10_000 < sum(len(body) for _, _, body in answers._kept.values()) <= 20_000
    asked = hub.asked_for_candles
    await answers.candles("BTC-USD", "M1", CandlesQuery(limit=20))
    assert hub.asked_for_candles == asked  # the newest are those that stay


async def test_since_leaves_out_what_opened_before(api: Api) -> None:
    _, body = await api.get(f"/streamer/candles/BTC-USD/M1?since={NOW_S - 120}")
    assert [row["time"] for row in body["candles"]] == [NOW_S, NOW_S - 60, NOW_S - 120]


# --- status, available, health --------------------------------------------------------------------------------------


@pytest.mark.states("A15", "A16")
async def test_a15_a16_status_has_the_seed_s_metrics(api: Api) -> None:
    status, body = await api.get("/streamer/status")
    assert (status, body["success"], body["running"]) == (200, True, True)
    assert body["symbols"] == ["BTC-USD", "ETH-USD", "SOL-USD"]
    assert "M1" in body["timeframes"]
    assert body["metrics"].keys() >= {
        "total_candles_buffered", "last_update", "memory_usage_mb", "db_size_mb", "errors", "uptime_seconds"
    }  # fmt: skip
    assert body["metrics"]["total_candles_buffered"] == 600
    assert body["metrics"]["series"]["BTC-USD"]["M1"].keys() >= {"count", "max_size", "newest", "age_s", "gaps"}


@pytest.mark.states("A15")
async def test_a15_status_without_a_streamer() -> None:
    body = json.loads(StatusAnswers(None, lambda: 0).status().body)
    assert (body["success"], body["running"], bool(body["error"])) == (False, False, True)


@pytest.mark.states("A17")
async def test_a17_available_lists_symbols_and_timeframes(api: Api) -> None:
    assert await api.get("/streamer/available") == (200, {"success": True, "symbols": {"BTC-USD": ["M1"]}})


@pytest.mark.states("A18")
async def test_a18_health_looks_at_the_buffers(api: Api, hub: HandFedHub) -> None:
    hub.add_candles("BTC-USD", "M1", candle(int(time.time()) // 60 * 60))  # NOW_S is the time of the import
    status, body = await api.get("/streamer/health")
    assert (status, body["status"], body["buffer_status"], body["streamer_running"]) == (200, "healthy", "ok", True)
    assert body["last_check"].endswith("Z")
    hub.add_candles("BTC-USD", "M1", candle(NOW_S - 600))
    status, body = await api.get("/streamer/health")
    assert (status, body["status"], body["buffer_status"]) == (503, "unhealthy", "stale")
    assert (await api.get("/streamer/health?strict=0"))[0] == 200
    hub.add_candles("BTC-USD", "M1")
    assert (await api.get("/streamer/health"))[1]["buffer_status"] == "warming"
    hub.running = False
    assert (await api.get("/streamer/health"))[1]["buffer_status"] == "not_running"


@pytest.mark.states("A19")
async def test_a19_docs_describe_every_route_without_another_host(api: Api) -> None:
    status, page = await api.get("/docs")
    assert status == 200
    assert not re.search(r"(src|href)=.(https?:)?//", page)
    _, openapi = await api.get("/openapi.json")
    assert openapi["paths"].keys() >= {
        "/streamer/candles/{symbol}/{timeframe}", "/streamer/status", "/streamer/available", "/streamer/health",
        "/api/v1/candles/{symbol}/{timeframe}", "/api/v1/streamer/status", "/metrics", "/healthz", "/readyz",
        "/ws/connections", "/sse/stream",
    }  # fmt: skip


@pytest.mark.states("A20")
async def test_a20_loopback_by_default_and_a_token_where_one_is_set(
    hub: HandFedHub, http: aiohttp.ClientSession
) -> None:
    assert FaceSettings().host == "127.0.0.1"
    token = "correct-horse-battery"
    async with HubServer(hub, FaceSettings(port=0, token=token)) as server:
        api = Api(server, http)
        for path in ("/streamer/status", "/streamer/candles/BTC-USD/M1", "/metrics", "/ws/connections", "/sse/stream"):
            assert (await api.get(path))[0] == 401, path
            assert (await api.get(f"{path}?token={token}"))[0] == 401, path
        assert (await api.get("/streamer/status", Authorization=f"Bearer {token}"))[0] == 200
        for path in ("/", "/healthz", "/docs", "/static/hub.js"):
            assert (await api.get(path))[0] == 200, path


@pytest.mark.states("A20")
async def test_a20_only_listed_origins_may_read(hub: HandFedHub, http: aiohttp.ClientSession) -> None:
    friend = "https://friend.example"
    async with HubServer(hub, FaceSettings(port=0, origins=frozenset({friend}))) as server:
        api = Api(server, http)
        assert (await api.get("/streamer/status", Origin=friend))[0] == 200
        assert api.headers["Access-Control-Allow-Origin"] == friend
        assert (await api.get("/streamer/status", Origin="https://evil.example"))[0] == 403
        assert (await api.get("/streamer/status"))[0] == 200
        assert "Access-Control-Allow-Origin" not in api.headers
        assert (await api.get("/streamer/status", Host="evil.example"))[0] == 403


# --- aliases and probes ---------------------------------------------------------------------------------------------


async def test_the_aliases_of_the_original(api: Api) -> None:
    assert (await api.get("/api/v1/candles/BTC-USD/M1?limit=600"))[1]["count"] == 600
    _, body = await api.get("/api/v1/candles/BTC-USD/M1/latest")
    assert (body["success"], body["candle"]["time"]) == (True, NOW_S)
    _, body = await api.get("/api/v1/streamer/status")
    assert body["buffer_status"]["BTC-USD"]["M1"] == {"count": 600, "max_size": 500, "has_data": True}
    assert (body["buffer_sizes"]["M1"], body["refresh_intervals"]["H4"]) == (500, 14_400)
    assert (await api.get("/api/v1/candles/BTC-USD/M5/latest"))[0] == 503


async def test_markets_for_the_page(api: Api) -> None:
    _, body = await api.get("/api/v1/markets")
    assert [market["name"] for market in body["markets"]] == ["BTC-USD", "ETH-USD", "SOL-USD"]


async def test_probes_and_metrics(api: Api, hub: HandFedHub) -> None:
    assert (await api.get("/healthz"))[0] == 200
    assert (await api.get("/readyz"))[0] == 200
    _, text = await api.get("/metrics")
    assert "hub_running 1.0" in text
    assert 'hub_events_total{event="gaps"} 2.0' in text
    hub.running = False
    assert (await api.get("/readyz"))[0] == 503
    assert (await api.get("/healthz"))[0] == 200
