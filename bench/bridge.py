"""The bridge: round trips and event fan-out beside the first client's design and a bare echo, and the loop's delay.

Ours is `HummingbotClient` to the bridge over a real connector on a live practice venue; the first design is one task,
floats and no batching over the same connector; the echo is a bare aiohttp WebSocket. Requests are sent on schedule at
20, 200 and 2,000 a second; a latency counts from the moment a request was due.
"""

import asyncio
import itertools
import json
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import aiohttp

from bench.bridge_server import EXCHANGE, KEY, PAIR
from bench.measure import Goal, Rounds, Verdict, command, limit, tell
from hummingbot_extended.gateway import Event, EventEngine, EventListener, EventType, HummingbotClient

RATES = (20, 200, 2000)
CLIENTS = 20
IDLE_S = 3.0
MODES = ("echo", "original", "bridge")

type Ask = Callable[[], Awaitable[Any]]


class Server:
    """One server process."""

    def __init__(self, process: asyncio.subprocess.Process, port: int) -> None:
        self._process = process
        self.port = port
        self.idle_cpu = 0.0  # CPU seconds a second without clients: the connector's own work

    async def ask(self, line: str) -> Any:
        """Send a command and return what it prints."""
        self._process.stdin.write(f"{line}\n".encode())
        text = (await self._process.stdout.readline()).decode().strip()
        return text if text == "told" else json.loads(text)


@asynccontextmanager
async def server(mode: str):
    """Run a server in a process of its own."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bench.bridge_server",
        mode,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        yield Server(process, int(await process.stdout.readline()))
    finally:
        process.stdin.close()
        await process.wait()


class FirstClient:
    """The first design's client: futures by id, a task that reads, floats and the standard json."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._ids = itertools.count(1)
        self._pending: dict[str, asyncio.Future[Any]] = {}
        self.delays_ms: list[float] = []
        self._reading = asyncio.create_task(self._read())

    async def ticker(self) -> Any:
        """Ask for a ticker."""
        request_id = str(next(self._ids))
        reply = self._pending[request_id] = asyncio.get_running_loop().create_future()
        request = {"type": "get_ticker", "id": request_id, "exchange": EXCHANGE, "market": PAIR}
        await self._socket.send_str(json.dumps(request))
        return await reply

    async def _read(self) -> None:
        async for message in self._socket:
            data = json.loads(message.data)
            if "id" in data:
                self._pending.pop(data["id"]).set_result(data)
            else:
                self.delays_ms.append((time.time_ns() - data["data"]["told_ns"]) / 1e6)

    async def close(self) -> None:
        """Close the connection."""
        await self._socket.close()
        await self._reading


class Delays(EventListener):
    """When events came, in the client's event engine."""

    def __init__(self) -> None:
        super().__init__("delays", [EventType.ORDER_UPDATE])
        self.delays_ms: list[float] = []

    def handle_event(self, event: Event) -> None:
        self.delays_ms.append((time.time_ns() - event.data["told_ns"]) / 1e6)


@asynccontextmanager
async def first_client(port: int):
    """Connect a client of the first design (which serves for the echo too)."""
    async with aiohttp.ClientSession() as session, session.ws_connect(f"ws://127.0.0.1:{port}/ws") as socket:
        client = FirstClient(socket)
        try:
            yield client
        finally:
            await client.close()


@asynccontextmanager
async def our_client(port: int):
    """Connect a client of ours."""
    client = HummingbotClient(
        EventEngine(), "127.0.0.1", port, KEY, max_requests_per_second=None, max_orders_per_second=None
    )
    async with client:
        yield client


@asynccontextmanager
async def asking(mode: str, port: int):
    """Return what asks once."""
    if mode == "bridge":
        async with our_client(port) as client:
            yield lambda: client.get_ticker(EXCHANGE, PAIR)
    else:
        async with first_client(port) as client:
            yield client.ticker


async def at_rate(ask: Ask, rate: int, seconds: float) -> dict[str, float]:
    """Ask on schedule; return latencies in ms and this process's CPU a request in µs."""
    loop = asyncio.get_running_loop()
    latencies: list[float] = []

    async def once(due_s: float) -> None:
        await ask()
        latencies.append((loop.time() - due_s) * 1000)

    cpu_s, began_s, count = time.process_time(), loop.time(), max(20, int(rate * seconds))
    async with asyncio.TaskGroup() as group:
        for number in range(count):
            due_s = began_s + number / rate
            if (wait_s := due_s - loop.time()) > 0:
                await asyncio.sleep(wait_s)
            group.create_task(once(due_s))
    latencies.sort()
    cpu_us = (time.process_time() - cpu_s) / count * 1e6
    return {"p50 ms": statistics.median(latencies), "p99 ms": latencies[int(count * 0.99)], "client CPU µs": cpu_us}


async def round_trips(servers: dict[str, Server], rate: int, rounds: int, seconds: float) -> tuple[Rounds, list[float]]:
    """Measure every variant in turns; also return the p99 of the bridge's loop delay in each round (ms)."""
    figures, delays = Rounds(f"round trips at {rate:,} requests a second", "original"), []
    for _ in range(rounds):
        for mode in MODES:
            async with asking(mode, servers[mode].port) as ask:
                await ask()
                await servers[mode].ask("lag")
                before_s = await servers[mode].ask("cpu")
                found = await at_rate(ask, rate, seconds)
                count = max(20, int(rate * seconds))
                idle_s = servers[mode].idle_cpu * count / rate
                server_us = (await servers[mode].ask("cpu") - before_s - idle_s) / count * 1e6
                late = await servers[mode].ask("lag")
                figures.add(mode, {**found, "server CPU µs": server_us, "loop delay p99 ms": late["p99"]})
                if mode == "bridge":
                    delays.append(late["p99"])
    return figures, delays


async def idle(running: Server) -> float:
    """Measure a server while nobody asks anything; return the p99 of its loop's delay in ms."""
    await running.ask("lag")
    before_s = await running.ask("cpu")
    await asyncio.sleep(IDLE_S)
    running.idle_cpu = (await running.ask("cpu") - before_s) / IDLE_S
    return float((await running.ask("lag"))["p99"])


async def fan_out(servers: dict[str, Server], rate: int, rounds: int, seconds: float) -> Rounds:
    """Tell events to 20 clients, and measure the server's CPU a client and event, and when they arrived."""
    figures = Rounds(f"fan-out of {rate:,} events a second to {CLIENTS} clients", "original")
    for _ in range(rounds):
        for mode in ("original", "bridge"):
            figures.add(mode, await _fan_out_once(mode, servers[mode], max(20, int(rate * seconds)), rate))
    return figures


async def _fan_out_once(mode: str, running: Server, count: int, rate: int) -> dict[str, float]:
    delays: list[float] = []
    reader = raw_reader if mode == "bridge" else first_reader
    async with AsyncExitStack() as stack:
        for _ in range(CLIENTS):
            await stack.enter_async_context(reader(running.port, delays))
        before_s, began_s = await running.ask("cpu"), time.monotonic()
        await running.ask(f"events {count} {rate}")
        for _ in range(2000):
            if len(delays) == count * CLIENTS:
                break
            await asyncio.sleep(0.01)
        idle_s = running.idle_cpu * (time.monotonic() - began_s)
        cpu_us = (await running.ask("cpu") - before_s - idle_s) / (count * CLIENTS) * 1e6
    delays.sort()
    return {
        "server CPU µs": cpu_us,
        "p50 ms": statistics.median(delays),
        "p99 ms": delays[int(len(delays) * 0.99)],
        "delivered of 1": len(delays) / (count * CLIENTS),
    }


@asynccontextmanager
async def raw_reader(port: int, delays: list[float]):
    """A client of the bridge that only reads, so that the readers cost the same on both sides."""
    async with aiohttp.ClientSession() as session, session.ws_connect(f"ws://127.0.0.1:{port}/ws") as socket:
        await socket.send_json({"type": "authenticate", "id": "0", "api_key": KEY})
        await socket.receive()
        reading = asyncio.create_task(_read(socket, delays))
        try:
            yield
        finally:
            await socket.close()
            await reading


@asynccontextmanager
async def first_reader(port: int, delays: list[float]):
    """Likewise of the first design's server."""
    async with aiohttp.ClientSession() as session, session.ws_connect(f"ws://127.0.0.1:{port}/ws") as socket:
        reading = asyncio.create_task(_read(socket, delays))
        try:
            yield
        finally:
            await socket.close()
            await reading


async def _read(socket: aiohttp.ClientWebSocketResponse, delays: list[float]) -> None:
    async for message in socket:
        _, _, rest = message.data.partition('"told_ns":')
        if rest:
            delays.append((time.time_ns() - int(rest.split("}")[0].split(",")[0])) / 1e6)


async def measure(quick: bool) -> list[Verdict]:
    """Run all of it."""
    rounds, seconds = (2, 1.0) if quick else (5, 2.0)
    verdicts: list[Verdict] = []
    async with server("echo") as echo, server("original") as original, server("bridge") as bridge:
        servers = {"echo": echo, "original": original, "bridge": bridge}
        for each in servers.values():
            idle_ms = await idle(each)
        for rate in RATES:
            figures, delays = await round_trips(servers, rate, rounds, seconds)
            beside_echo = 1 / figures.ratio("echo", "bridge", "p50 ms")
            limits = [
                limit(f"BR{rate}e", f"round trip p50 at {rate}/s, times the bare echo's", beside_echo, 4),
                limit(
                    f"BR{rate}d",
                    f"loop delay p99 at {rate}/s (idle {idle_ms:.2f} ms)",
                    statistics.median(delays),
                    10,
                    " ms",
                ),
            ]
            goals = [Goal(id=f"BR{rate}o", measure="p50 ms", variant="bridge", baseline="original", at_least=0.5)]
            verdicts += tell(figures, goals, limits)
        for rate in RATES:
            figures = await fan_out(servers, rate, rounds, seconds)
            goals = [Goal(id=f"BF{rate}", measure="server CPU µs", variant="bridge", baseline="original", at_least=1.2)]
            verdicts += tell(figures, goals)
    return verdicts


def run(quick: bool) -> list[Verdict]:
    """Run the benchmark."""
    return asyncio.run(measure(quick))


if __name__ == "__main__":
    sys.exit(command(run, __doc__))
