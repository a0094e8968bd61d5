"""The two runnable examples of seeds/003, symbols replaced: Python with reconnection, and JavaScript in the browser.

They are what a user of the founding document writes, so they are told here in our own words but in its calls.
"""

import asyncio
import json

import pytest
import websockets

from hummingbot_extended.hub.face_settings import FaceSettings
from hummingbot_extended.hub.server import HubServer
from test.hub.hand_fed import HandFedHub, candle, price
from test.until import until
from tools.browser import browse


async def watch_prices(url: str, seen: list[str], *, max_retries: int = 3, retry_delay_s: float = 0.2) -> None:
    """Print what comes, ping when nothing does, reconnect when the connection is lost."""
    for attempt in range(max_retries):
        try:
            async with websockets.connect(url) as websocket:
                seen.append("connected")
                while True:
                    try:
                        data = json.loads(await asyncio.wait_for(websocket.recv(), timeout=0.5))
                    except TimeoutError:
                        await websocket.ping()
                        seen.append("pinged")
                        continue
                    if data["type"] == "data":
                        seen.extend(f"{update['symbol']}: ${update['price']}" for update in data["data"])
        except (websockets.exceptions.ConnectionClosed, OSError):
            if attempt == max_retries - 1:
                raise
            await asyncio.sleep(retry_delay_s)


@pytest.mark.states("W-B18")
async def test_the_python_example_gets_prices_and_reconnects(hub: HandFedHub) -> None:
    seen: list[str] = []
    async with HubServer(hub, FaceSettings(port=0)) as server:
        port = server.port
        task = asyncio.create_task(watch_prices(server.ws_url + "/ws/prices/BTC-USD", seen))
        await until(lambda: "pinged" in seen)
        hub.give(price())
        await until(lambda: "BTC-USD: $84078" in seen)
    seen.remove("BTC-USD: $84078")
    async with HubServer(hub, FaceSettings(port=port)):
        await until(lambda: seen.count("connected") == 2)
        await until(lambda: "BTC-USD: $84078" in seen)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_the_python_example_of_several_subscriptions_tells_streams_apart(
    server: HubServer, hub: HandFedHub
) -> None:
    from hummingbot_extended.candles.timeframes import TIMEFRAMES
    from hummingbot_extended.hub.events import BarRow

    hub.give(price("BTC-USD"), price("ETH-USD", "3000"))
    hub.give(BarRow(market="BTC-USD", ts_ms=1, frame=TIMEFRAMES[0], candle=candle(1_795_219_200, closed=False)))
    async with websockets.connect(server.ws_url + "/ws/stream") as websocket:
        for stream_type, symbols in (("price", ["BTC-USD", "ETH-USD"]), ("ohlcv", ["BTC/USD"])):
            await websocket.send(json.dumps({
                "type": "subscribe", "stream_type": stream_type, "symbols": symbols, "asset_type": "crypto",
                "market": "CRYPTO", "interval_ms": 100, "data_type": stream_type,
            }))  # fmt: skip
        heard: dict[str, list[dict[str, object]]] = {}
        while heard.keys() != {"price", "ohlcv"}:
            data = json.loads(await asyncio.wait_for(websocket.recv(), 30))
            if data["type"] == "data":
                heard[data["stream_type"]] = data["data"]
    assert [row["symbol"] for row in heard["price"]] == ["BTC-USD", "ETH-USD"]
    (bar,) = heard["ohlcv"]
    assert bar.keys() >= {"symbol", "timestamp", "open", "high", "low", "close", "volume", "is_closed"}
    assert (bar["timestamp"], bar["is_closed"]) == ("2026-11-21T00:00:00.000Z", False)


@pytest.mark.services
@pytest.mark.states("W-B18")
async def test_the_javascript_example_runs_in_a_browser(server: HubServer, hub: HandFedHub) -> None:
    hub.give(price("BTC-USD"), price("ETH-USD", "3000.5"))
    async with browse() as page:
        await page.open(server.url + "/docs")
        await page.until("document.readyState === 'complete'")
        await page.ask(
            f"""(() => {{
              window.seen = [];
              const ws = new WebSocket('{server.ws_url}/ws/stream');
              ws.onopen = () => ws.send(JSON.stringify({{
                type: 'subscribe', stream_type: 'price', symbols: ['BTC-USD', 'ETH-USD'],
                asset_type: 'crypto', market: 'CRYPTO', interval_ms: 1000, data_type: 'price',
              }}));
              ws.onmessage = (event) => {{
                const data = JSON.parse(event.data);
                if (data.type !== 'data') return;
                for (const each of data.data) window.seen.push(`${{each.symbol}}: $${{each.price}}`);
              }};
              ws.onerror = (error) => window.seen.push('error');
            }})()"""
        )
        await page.until("window.seen.length >= 2")
        assert (await page.ask("window.seen"))[:2] == ["BTC-USD: $84078", "ETH-USD: $3000.5"]
