"""The servers of the bridge benchmark, each in a process of its own: `python -m bench.bridge_server MODE`.

`bridge` is ours over a real connector; `original` answers from the same connector in the way of the first client's
design: one task a connection, one request after another, floats, every event encoded for every client; `echo` sends
back what it gets. Prints its port. Commands on standard input: `lag` prints how late a 5 ms timer of the event loop was
since the last time (ms: p50, p99, max), `cpu` the CPU seconds of the process, `events COUNT RATE` tells that many
order updates, each with the time (ns) it was told at.
"""

import asyncio
import contextlib
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from aiohttp import web

KEY = "k" * 40
EXCHANGE, PAIR = "extended_perpetual_local", "BTC-USD"
ORDER = {
    "order_id": "hbx-bench-1",
    "symbol": PAIR,
    "exchange": EXCHANGE,
    "price": "84000",
    "amount": "0.01",
    "filled": "0.005",
    "side": "buy",
    "type": "limit",
    "status": "partially_filled",
}


class LoopLag:
    """How late a timer is that should ring every 5 ms: what a strategy on this loop would feel."""

    EVERY_S = 0.005

    def __init__(self) -> None:
        self._late_ms: list[float] = []

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        due_s = loop.time()
        while True:
            due_s += self.EVERY_S
            await asyncio.sleep(max(0.0, due_s - loop.time()))
            self._late_ms.append((loop.time() - due_s) * 1000)
            due_s = loop.time()

    def take(self) -> dict[str, float]:
        late, self._late_ms = sorted(self._late_ms) or [0.0], []
        return {"p50": statistics.median(late), "p99": late[int(len(late) * 0.99)], "max": late[-1]}


class Original:
    """The first design's server, as far as its client shows it."""

    def __init__(self, connector: Any) -> None:
        self._connector = connector
        self._sockets: list[web.WebSocketResponse] = []

    async def serve(self, http: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(http)
        self._sockets.append(socket)
        async for message in socket:
            request = json.loads(message.data)
            reply = {"id": request["id"], "status": "success", "data": self._answer(request)}
            await socket.send_str(json.dumps(reply))
        self._sockets.remove(socket)
        return socket

    def _answer(self, request: dict[str, Any]) -> dict[str, Any]:
        if request["type"] != "get_ticker":
            return {}
        pair = request["market"]
        return {
            "timestamp": time.time(),
            "symbol": pair,
            "exchange": request["exchange"],
            "bid": float(self._connector.get_price(pair, False)),
            "ask": float(self._connector.get_price(pair, True)),
            "last": self._connector.get_order_book(pair).last_trade_price,
            "volume": None,
        }

    async def tell(self) -> None:
        for socket in list(self._sockets):
            data = {
                **ORDER,
                "price": float(ORDER["price"]),
                "amount": float(ORDER["amount"]),
                "told_ns": time.time_ns(),
            }
            await socket.send_str(json.dumps({"type": "order_update", "data": data}))


async def echo(http: web.Request) -> web.WebSocketResponse:
    socket = web.WebSocketResponse()
    await socket.prepare(http)
    async for message in socket:
        await socket.send_str(message.data)
    return socket


async def main(mode: str) -> None:
    """Serve until standard input ends."""
    async with contextlib.AsyncExitStack() as stack:
        port, tell = await _start(mode, stack)
        lag = LoopLag()
        watching = asyncio.create_task(lag.run())
        stack.callback(watching.cancel)
        print(port, flush=True)
        reader = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        while line := (await reader.readline()).decode().split():
            match line:
                case ["lag"]:
                    print(json.dumps(lag.take()), flush=True)
                case ["cpu"]:
                    print(time.process_time(), flush=True)
                case ["events", count, rate]:
                    await _tell_all(tell, int(count), float(rate))
                    print("told", flush=True)


async def _tell_all(tell: Any, count: int, rate: float) -> None:
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    for number in range(count):
        if (wait_s := began_s + number / rate - loop.time()) > 0:
            await asyncio.sleep(wait_s)
        await tell()


async def _start(mode: str, stack: contextlib.AsyncExitStack) -> tuple[int, Any]:
    if mode == "echo":
        return await _serve(echo, stack), None
    connector = await _connector(stack)
    if mode == "original":
        original = Original(connector)
        return await _serve(original.serve, stack), original.tell
    from hummingbot_extended.bridge.server import BridgeServer
    from hummingbot_extended.bridge.settings import AccessKey, BridgeSettings

    keys = (AccessKey(name="bench", secret=KEY),)
    settings = BridgeSettings(keys=keys, port=0, max_requests_per_second=None)
    bridge = await stack.enter_async_context(BridgeServer({EXCHANGE: connector}, settings))

    async def tell() -> None:
        bridge.tell("order_update", EXCHANGE, PAIR, {**ORDER, "told_ns": time.time_ns()})

    return bridge.port, tell


async def _connector(stack: contextlib.AsyncExitStack) -> Any:
    """Run a connector on a clock, on a practice venue in a process of its own."""
    import hummingbot
    from hummingbot.core.clock import Clock, ClockMode

    from hummingbot_extended.connector.extended_perpetual_derivative import ExtendedPerpetualDerivative
    from hummingbot_extended.demo.venue_process import VenueProcess

    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    hummingbot.set_data_path(str(folder))
    venue = stack.enter_context(VenueProcess(log=folder / "venue.log"))
    os.environ["EXTENDED_PERPETUAL_LOCAL_URL"] = venue.origin
    connector = ExtendedPerpetualDerivative(
        venue.facts["api_key"], venue.facts["stark_private_key"], trading_pairs=[PAIR], domain=EXCHANGE
    )
    clock = stack.enter_context(Clock(ClockMode.REALTIME, 1.0))
    clock.add_iterator(connector)
    ticking = asyncio.create_task(clock.run())
    stack.callback(ticking.cancel)
    stack.push_async_callback(connector.stop_network)
    while not connector.ready:  # noqa: ASYNC110  Hummingbot offers no event for it
        await asyncio.sleep(0.05)
    return connector


async def _serve(handler: Any, stack: contextlib.AsyncExitStack) -> int:
    application = web.Application()
    application.router.add_get("/ws", handler)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return int(runner.addresses[0][1])


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
