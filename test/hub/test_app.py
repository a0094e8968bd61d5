"""The hub as an ASGI application: the same faces without aiohttp, and routers in somebody else's application."""

import asyncio
import json
import socket

import aiohttp
import pytest
import uvicorn
from fastapi import FastAPI
from starlette.testclient import TestClient, WebSocketTestSession
from starlette.websockets import WebSocketDisconnect

from hummingbot_extended.hub.app import create_app
from hummingbot_extended.hub.face_limits import FaceLimits
from hummingbot_extended.hub.face_settings import FaceSettings
from hummingbot_extended.hub.http_routes import streamer_router
from hummingbot_extended.hub.interface import UnknownMarket
from hummingbot_extended.hub.service import Hub
from hummingbot_extended.hub.settings import HubSettings
from hummingbot_extended.venue.server import PracticeVenue
from hummingbot_extended.venue.settings import VenueSettings
from test.hub.clients import Client
from test.hub.hand_fed import HandFedHub, candle, price

TOKEN = "correct-horse-battery"
LOOPBACK = "http://127.0.0.1"


def asgi_client(hub: HandFedHub, **settings: object) -> TestClient:
    return TestClient(create_app(hub, face_settings=FaceSettings(**settings)), base_url=LOOPBACK)  # type: ignore[arg-type]


def read_on(socket_: WebSocketTestSession) -> None:
    while True:
        socket_.receive_json()


def speak(client: TestClient, path: str, headers: dict[str, str], text: str) -> None:
    with client.websocket_connect(path, headers=headers) as socket_:
        if text:
            socket_.send_text(text)
        read_on(socket_)


def test_sockets_over_asgi_speak_the_same_protocol(hub: HandFedHub) -> None:
    hub.give(price())
    with asgi_client(hub) as client, client.websocket_connect("/ws/stream", headers={"host": "127.0.0.1"}) as socket_:
        socket_.send_json({"type": "subscribe", "stream_type": "price", "symbols": ["BTC-USD"], "interval_ms": 100})
        assert socket_.receive_json()["type"] == "subscription_ack"
        assert socket_.receive_json()["data"][0]["symbol"] == "BTC-USD"
        socket_.send_json({"type": "ping"})
        assert any(socket_.receive_json()["type"] == "pong" for _ in range(5))
        assert client.get("/ws/connections").json()["total_subscriptions"] == 1
        socket_.send_bytes(b"x")
        with pytest.raises(WebSocketDisconnect) as closed:
            read_on(socket_)
        assert closed.value.code == 1003


@pytest.mark.parametrize(
    ("path", "headers", "text", "code"),
    [
        ("/ws/stream", {}, "x" * 70_000, 1009),
        ("/ws/prices/NOPE", {}, "", 1000),
        ("/ws/stream", {"origin": "https://evil.example"}, "", 1008),
        ("/ws/stream", {"authorization": "Bearer wrong"}, "", 4001),
    ],
)
def test_sockets_over_asgi_are_closed_with_a_code(
    hub: HandFedHub, path: str, headers: dict[str, str], text: str, code: int
) -> None:
    token = TOKEN if "authorization" in headers else None
    with asgi_client(hub, token=token) as client, pytest.raises(WebSocketDisconnect) as closed:
        speak(client, path, {"host": "127.0.0.1", **headers}, text)
    assert closed.value.code == code


def test_prices_over_asgi_takes_a_slash(hub: HandFedHub) -> None:
    with asgi_client(hub) as client:
        with client.websocket_connect("/ws/prices/BTC/USD", headers={"host": "127.0.0.1"}) as socket_:
            assert socket_.receive_json()["symbols"] == ["BTC-USD"]


def test_too_many_clients_over_asgi(hub: HandFedHub) -> None:
    with asgi_client(hub, limits=FaceLimits(max_clients=0)) as client, pytest.raises(WebSocketDisconnect) as closed:
        with client.websocket_connect("/ws/stream", headers={"host": "127.0.0.1"}) as socket_:
            socket_.receive_json()
    assert closed.value.code == 1013


async def test_event_streams_over_asgi(hub: HandFedHub) -> None:
    hub.give(price())
    listening = socket.create_server(("127.0.0.1", 0))
    port = listening.getsockname()[1]
    config = uvicorn.Config(create_app(hub), log_level="error")
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve([listening]))
    try:
        async with aiohttp.ClientSession() as http:
            async with http.get(f"{LOOPBACK}:{port}/sse/stream?kinds=price&symbols=BTC-USD") as reply:
                text = b""
                while b"data:" not in text:
                    text += await reply.content.readany()
            async with http.get(f"{LOOPBACK}:{port}/sse/stream?kinds=beer&symbols=BTC-USD") as reply:
                assert reply.status == 400
        async with Client.at(f"ws://127.0.0.1:{port}/ws/prices/BTC-USD") as client:
            await client.hear("subscription_ack")
    finally:
        server.should_exit = True
        await serving
    assert json.loads(text.partition(b"data: ")[2].partition(b"\n")[0])["symbol"] == "BTC-USD"


@pytest.mark.states("A-B14")
def test_no_route_or_operation_is_defined_twice(hub: HandFedHub) -> None:
    """The original's module had two functions of one name: the later one won."""
    paths = create_app(hub).openapi()["paths"]
    operations = [operation["operationId"] for methods in paths.values() for operation in methods.values()]
    assert len(operations) == len(set(operations)) > 10
    routes = [
        (route.path, method) for route in create_app(hub).routes for method in getattr(route, "methods", None) or ()
    ]
    assert len(routes) == len(set(routes))


def test_routers_mount_in_another_application(hub: HandFedHub) -> None:
    hub.add_candles("BTC-USD", "M1", candle(1_795_219_200))
    app = FastAPI()
    app.include_router(streamer_router(hub))
    with TestClient(app) as client:
        assert client.get("/streamer/candles/BTC-USD/M1").json()["count"] == 1
        assert client.get("/streamer/status").json()["running"] is True


async def test_an_application_of_its_own_hub_starts_and_stops_it(monkeypatch: pytest.MonkeyPatch) -> None:
    async with PracticeVenue(VenueSettings(port=0)) as venue:
        monkeypatch.setenv("EXTENDED_PERPETUAL_LOCAL_URL", venue.origin)
        app = create_app(settings=HubSettings(markets=("BTC-USD",)))
        hub = app.state.hub
        assert isinstance(hub, Hub)
        async with app.router.lifespan_context(app):
            assert hub.status().running
            assert hub.resolve("btc/usd") == "BTC-USD"
            with pytest.raises(UnknownMarket):
                hub.resolve("NOPE")
        assert not hub.status().running
