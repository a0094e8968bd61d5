"""Whatever a client sends: the server lives, answers others, and lets nobody in without the key."""

import asyncio
import json
import random

import aiohttp

from test.bridge.running import EXCHANGE, KEY, PAIR, bridged

METHODS = [
    *("authenticate", "create_order", "cancel_order", "cancel_all", "get_order", "get_open_orders", "get_fills", "fly"),
    *(
        "get_order_history",
        "get_order_book",
        "get_ticker",
        "get_trading_rules",
        "get_balances",
        "get_positions",
        "ping",
    ),
    *("set_leverage", "set_position_mode", "subscribe", "unsubscribe"),
]
VALUES = [
    *(None, True, False, 0, -1, 1, 10**30, 1.5, -0.0, 9223372036854775808, [], {}, [[]], {"a": 1}, [KEY], KEY),
    *("", " ", "x", "1", "-1", "nan", "1e999999999", "1e-999999999", "9" * 400, "\x00", "😀" * 50, "../..", "'; --"),
    *(EXCHANGE, PAIR, "BTC", "BTC-", "-", "limit", "market", "stop", "buy", "sell", "order_book", "ticker", "trades"),
]
FIELDS = [
    *("exchange", "market", "side", "order_type", "amount", "price", "stop_price", "post_only", "reduce_only"),
    *("client_ref", "order_id", "depth", "limit", "channel", "leverage", "mode", "status", "start_time", "end_time"),
    *("session_id", "on_disconnect", "grace", "resume_from"),
]


def message(dice: random.Random) -> str:
    """Return a frame: garbage, broken JSON, or a request with fields of every wrong kind."""
    kind = dice.random()
    if kind < 0.1:
        return "".join(chr(dice.randrange(1, 0xD7FF)) for _ in range(dice.randrange(40)))
    request = {name: dice.choice(VALUES) for name in dice.sample(FIELDS, dice.randrange(len(FIELDS)))}
    request |= {"exchange": EXCHANGE, "market": PAIR} if dice.random() < 0.6 else {}
    request["type"] = dice.choice(METHODS) if dice.random() < 0.95 else dice.choice(VALUES)
    request["id"] = dice.choice(VALUES) if dice.random() < 0.2 else str(dice.randrange(1000))
    text = json.dumps(request)
    return text[: dice.randrange(len(text))] if kind < 0.2 else text


async def test_no_frame_crashes_the_server(monkeypatch, caplog):
    monkeypatch.setattr("hummingbot_extended.bridge.session.MAX_MALFORMED", 10**9)
    async with bridged(max_requests_per_second=None, acknowledge_within_s=0.05) as bridge, bridge.client() as client:
        dice = random.Random(20260922)
        async with aiohttp.ClientSession() as session:
            async with session.ws_connect(f"ws://127.0.0.1:{bridge.port}/ws", max_msg_size=0) as socket:
                await socket.send_json({"type": "authenticate", "id": "0", "api_key": KEY})
                reading = asyncio.create_task(_drain(socket))
                for number in range(3000):
                    await socket.send_str(message(dice))
                    if number % 50 == 0:
                        assert await client.ping() < 5
                assert not socket.closed
                reading.cancel()
                await asyncio.gather(reading, return_exceptions=True)
        assert await client.ping() < 5
        assert "The bridge failed" not in caplog.text
        assert "A part of the bridge" not in caplog.text
        await client.cancel_all()


async def test_nobody_gets_in_without_the_key(monkeypatch):
    monkeypatch.setattr("hummingbot_extended.bridge.limits.FREE_FAILURES", 10**9)
    async with bridged() as bridge:
        dice = random.Random(7)
        async with aiohttp.ClientSession() as session:
            for _ in range(300):
                frame = message(dice)
                if KEY in frame:
                    continue
                async with session.ws_connect(f"ws://127.0.0.1:{bridge.port}/ws") as socket:
                    await (socket.send_str(frame) if dice.random() < 0.9 else socket.send_bytes(frame.encode()))
                    await socket.send_str(json.dumps({"type": "get_balances", "id": "9", "exchange": EXCHANGE}))
                    said = [each.data async for each in socket if each.type is aiohttp.WSMsgType.TEXT]
                    assert socket.close_code == 1008
                    assert not any(json.loads(text)["status"] == "success" for text in said)
        assert bridge.server._sessions == set()


async def test_broken_websocket_frames_and_half_requests_harm_nobody(bridge, client):
    for raw in (
        b"GET /ws HTTP/1.1\r\n",
        b"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
        b"\x16\x03\x01\x02\x00" + bytes(100),
        bytes(range(256)),
    ):
        _, writer = await asyncio.open_connection("127.0.0.1", bridge.port)
        writer.write(raw)
        await writer.drain()
        writer.close()
    async with aiohttp.ClientSession() as session:
        async with session.ws_connect(f"ws://127.0.0.1:{bridge.port}/ws") as socket:
            await socket.send_json({"type": "authenticate", "id": "0", "api_key": KEY})
            await socket.receive()
            socket._writer.transport.write(b"\xff\xff\xff\xff")
            assert (await socket.receive(timeout=5)).type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED)
        async with session.ws_connect(f"ws://127.0.0.1:{bridge.port}/ws") as socket:
            await socket.send_json({"type": "authenticate", "id": "0", "api_key": KEY})
            await socket.receive()
            await socket.send_str("x" * (2**20 + 1))
            assert (await socket.receive(timeout=5)).data == 1009
    assert await client.ping() < 5


async def _drain(socket):
    async for _ in socket:
        pass
