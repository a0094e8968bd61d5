"""The servers of the hub's benchmark, each in a process of its own on core 0: `python -m bench.hub_server MODE`.

`hub` is our server, fed by hand, on the loop that `hummingbot-extended hub` runs on; the others run on asyncio's:
`fastapi` what one writes first with FastAPI (`send_json` to one client after another, a dict from the candles route);
`aiohttp` the same on aiohttp.web with text made once; `websockets` its `broadcast`; `raw` frames made once, written to
sockets. Prints its port. A line on standard input publishes: COUNT RATE BYTES; the reply is an object with the CPU
seconds that took, the ticks a second, and the memory (KB) at the end. A message holds as its price the time (ns) at
which it was due.
"""

import asyncio
import contextlib
import json
import os
import socket
import sys
import time
from base64 import b64encode
from collections.abc import Awaitable, Callable
from decimal import Decimal
from hashlib import sha1

from hummingbot_extended.hub.event_loop import new_event_loop

CANDLES = 500
# Every server answers a subscription, as ours does. Else Linux takes the connection for a bulk transfer and
# acknowledges every second message at once, on the sender's core.
ACKNOWLEDGED = json.dumps({"type": "subscription_ack", "pad": "x" * 250})
WEBSOCKET_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

type Publish = Callable[[int, int], Awaitable[None]]  # the due time in ns, and the size in bytes


def message(due_ns: int, size: int) -> dict[str, object]:
    """A message as the others send it; as long as ours."""
    row = {
        "symbol": "BTC-USD",
        "price": due_ns,
        "change": -12.5,
        "change_percent": -0.01,
        "volume": 1234.56789,
        "confidence": 0.98,
        "timestamp": "2026-11-21T00:00:00.000Z",
        "provider": "by hand",
    }
    head = {"type": "data", "stream_type": "price", "subscription_id": "9a8ff1a4-9d2c-4b55-8e86-0b7f6c1c8a10"}
    padded = row | {"pad": "x" * (size - 250)} if size > 250 else row
    return head | {"timestamp": "2026-11-21T00:00:00.000Z", "data": [padded]}


def candle_rows() -> list[dict[str, float]]:
    """Candles as floats, newest first."""
    return [
        {"time": 1_795_219_200 - 60 * n, "open": 84000.5, "high": 84100.25, "low": 83990.125, "close": 84077.0 + n / 8,
         "volume": 12.345, "spread": 1.5, "closed": n > 0, "revision": 0, "synthetic": False, "provider": "by hand",
         "quote_volume": None, "trades": None, "taker_buy_base": None, "taker_buy_quote": None}
        for n in range(CANDLES)
    ]  # fmt: skip


async def serve_fastapi() -> tuple[int, Publish]:
    """Start FastAPI on uvicorn with its usual sockets."""
    import uvicorn
    from fastapi import FastAPI, WebSocket, WebSocketDisconnect

    app, clients, rows = FastAPI(), [], candle_rows()

    @app.websocket("/ws/stream")
    async def stream(client: WebSocket) -> None:
        await client.accept()
        clients.append(client)
        try:
            while True:
                await client.receive_text()
                await client.send_text(ACKNOWLEDGED)
        except WebSocketDisconnect:
            clients.remove(client)

    @app.get("/streamer/candles/{symbol}/{timeframe}")
    async def candles(symbol: str, timeframe: str, limit: int = 50):  # what one writes first: no type of the answer
        found = rows[:limit]
        return {"success": True, "symbol": symbol, "timeframe": timeframe, "count": len(found), "candles": found}

    async def publish(due_ns: int, size: int) -> None:
        value = message(due_ns, size)
        for client in clients:
            await client.send_json(value)

    config = uvicorn.Config(app, log_level="error", ws_per_message_deflate=False, loop="asyncio", lifespan="off")
    server = uvicorn.Server(config)
    listening = socket.create_server(("127.0.0.1", 0), backlog=2048)
    serve_fastapi.task = asyncio.create_task(server.serve([listening]))  # kept for the life of the process
    return listening.getsockname()[1], publish


async def serve_aiohttp() -> tuple[int, Publish]:
    """Start aiohttp.web."""
    from aiohttp import web

    clients: list[web.WebSocketResponse] = []

    async def stream(request: web.Request) -> web.WebSocketResponse:
        client = web.WebSocketResponse(compress=False)
        await client.prepare(request)
        clients.append(client)
        async for _ in client:
            await client.send_str(ACKNOWLEDGED)
        clients.remove(client)
        return client

    async def publish(due_ns: int, size: int) -> None:
        text = json.dumps(message(due_ns, size))
        for client in clients:
            await client.send_str(text)

    app = web.Application()
    app.router.add_get("/ws/stream", stream)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, backlog=2048).start()
    return runner.addresses[0][1], publish


async def serve_websockets() -> tuple[int, Publish]:
    """Start the websockets library with its broadcast."""
    from websockets.asyncio.server import ServerConnection, broadcast, serve

    async def stay(client: ServerConnection) -> None:
        async for _ in client:
            await client.send(ACKNOWLEDGED)

    async def publish(due_ns: int, size: int) -> None:
        broadcast(server.connections, json.dumps(message(due_ns, size)))

    server = await serve(stay, "127.0.0.1", 0, compression=None, backlog=2048)
    return server.sockets[0].getsockname()[1], publish


async def serve_raw() -> tuple[int, Publish]:
    """Start bare sockets: the least that can be done."""
    from hummingbot_extended.streams.frames import text_frame

    clients: list[socket.socket] = []
    loop = asyncio.get_running_loop()
    listening = socket.create_server(("127.0.0.1", 0), backlog=2048)
    listening.setblocking(False)

    async def accept() -> None:
        while True:
            client, _ = await loop.sock_accept(listening)
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            request = await loop.sock_recv(client, 4096)
            key = request.split(b"Sec-WebSocket-Key: ")[1].split(b"\r\n")[0]
            accepted = b64encode(sha1(key + WEBSOCKET_GUID).digest())
            head = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            await loop.sock_sendall(client, head + b"Sec-WebSocket-Accept: " + accepted + b"\r\n\r\n")
            await loop.sock_recv(client, 4096)
            await loop.sock_sendall(client, text_frame(ACKNOWLEDGED.encode()))
            clients.append(client)

    async def publish(due_ns: int, size: int) -> None:
        frame = text_frame(json.dumps(message(due_ns, size)).encode())
        for client in clients:
            with contextlib.suppress(BlockingIOError, ConnectionError):  # the floor has no manners
                client.send(frame)

    serve_raw.task = asyncio.create_task(accept())  # kept for the life of the process
    return listening.getsockname()[1], publish


async def serve_hub() -> tuple[int, Publish]:
    """Start our server on a hub whose rows are given by hand."""
    from hummingbot_extended.hub.events import PriceRow
    from hummingbot_extended.hub.face_limits import FaceLimits
    from hummingbot_extended.hub.face_settings import FaceSettings
    from hummingbot_extended.hub.server import HubServer
    from test.hub.hand_fed import HandFedHub, candle

    class PaddedRow(PriceRow):
        pad = ""

        def _fields(self) -> dict[str, object]:
            return super()._fields() | ({"pad": self.pad} if self.pad else {})

    hub = HandFedHub()
    closes = [(1_795_219_200 - 60 * n, str(84077 + n / 8), n > 0) for n in range(CANDLES)]
    hub.add_candles("BTC-USD", "M1", *[candle(at, close, closed=closed) for at, close, closed in closes])
    server = HubServer(hub, FaceSettings(port=0, limits=FaceLimits(heartbeat_s=3600, ping_s=3600)))
    await server.__aenter__()

    async def publish(due_ns: int, size: int) -> None:
        PaddedRow.pad = "x" * (size - 250) if size > 250 else ""
        due_ms = due_ns // 1_000_000
        row = PaddedRow(
            market="BTC-USD",
            ts_ms=due_ms,
            provider="by hand",
            received_ms=due_ms,
            price=Decimal(due_ns),
            change=Decimal("-12.5"),
            change_percent=Decimal("-0.01"),
            volume=Decimal("1234.56789"),
            confidence=0.98,
        )
        hub.give(row)
        await asyncio.sleep(0)  # rows leave at the end of the turn

    return server.port, publish


SERVERS = {
    "fastapi": serve_fastapi,
    "aiohttp": serve_aiohttp,
    "websockets": serve_websockets,
    "raw": serve_raw,
    "hub": serve_hub,
}


def memory_kb() -> int:
    """The resident memory of this process."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4


async def publish_all(publish: Publish, count: int, rate: float, size: int) -> dict[str, float]:
    """Publish on schedule; what comes late counts as late."""
    cpu_s, began_ns = time.process_time(), time.time_ns()
    for number in range(count):
        due_ns = began_ns + int(number / rate * 1e9)
        wait_s = (due_ns - time.time_ns()) / 1e9
        await asyncio.sleep(max(0.0, wait_s))
        await publish(due_ns, size)
    took_s = (time.time_ns() - began_ns) / 1e9
    return {"cpu_s": time.process_time() - cpu_s, "ticks_s": count / max(took_s, 1e-9), "memory_kb": memory_kb()}


async def main(mode: str) -> None:
    """Serve until standard input ends."""
    os.sched_setaffinity(0, {0})
    port, publish = await SERVERS[mode]()
    print(port, flush=True)
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        if line.strip() == b"state":
            print(json.dumps({"cpu_s": time.process_time(), "memory_kb": memory_kb()}), flush=True)
            continue
        count, rate, size = line.split()
        print(json.dumps(await publish_all(publish, int(count), float(rate), int(size))), flush=True)
    os._exit(0)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]), loop_factory=new_event_loop if sys.argv[1] == "hub" else None)
