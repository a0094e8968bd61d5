"""What the stream layer chose: compression, TCP_NODELAY, message and buffer size, JSON engine, each beside its rivals.

    python -m bench.choices [--quick]

Figures are CPU time of the reading process, but for TCP_NODELAY (time on the clock). The server is another process.
A verdict says whether the choice that the code makes is still the cheapest, or as cheap as the cheapest.
"""

import asyncio
import importlib
import json
import socket
import sys
import time
from collections.abc import Callable
from typing import Any

import msgspec
import ujson

from bench import book_frames
from bench.measure import Goal, Rounds, Verdict, command, tell
from bench.streams import server
from hummingbot_extended.exchange.channels import decode_book
from hummingbot_extended.streams.aiohttp_transport import SSE_READ_BUFFER_BYTES, WebSocketConnection, stream_session
from hummingbot_extended.streams.sse import SSEDecoder
from hummingbot_extended.streams.transport import MAX_MESSAGE_BYTES, StreamRequest

CPU, WAIT = "CPU µs/msg", "µs/call"
KB, MB = 2**10, 2**20
# Two ways that cost the same differ by this much from run to run.
AS_CHEAP = 0.9


def chosen(what: str, variant: str, rivals: list[str], measure: str) -> list[Goal]:
    """The goals of a choice: at least as cheap as each rival."""
    return [
        Goal(id=what, measure=measure, variant=variant, baseline=rival, at_least=AS_CHEAP)
        for rival in rivals
        if rival != variant
    ]


# --- compression and message size: a WebSocket read to its end -------------------------------------------------------


async def read_socket(url: str, count: int, **options: Any) -> float:
    """CPU seconds of reading `count` messages and decoding each."""
    seen = 0
    async with stream_session() as session, session.ws_connect(url, decode_text=False, **options) as socket_:
        connection = WebSocketConnection(socket_, StreamRequest(url=url))
        began = time.process_time()
        while seen < count:
            for message in await connection.receive():
                decode_book(message)
                seen += 1
        return time.process_time() - began


def measure_sockets(port: int, kind: str, count: int, rounds: int) -> tuple[Rounds, Rounds]:
    """Deflate beside none; limits of a message beside each other."""
    plain, deflated = f"http://127.0.0.1:{port}/ws/{kind}/{count}", f"http://127.0.0.1:{port}/deflate/{kind}/{count}"
    compression = Rounds(f"Compression, {count} messages ({kind})", "none")
    limits = Rounds(f"Limit of a message, {count} messages ({kind})", _mb(MAX_MESSAGE_BYTES))
    for number in range(rounds + 1):
        for name, url, window in (("none", plain, 0), ("deflate", deflated, 15)):
            spent_s = asyncio.run(read_socket(url, count, compress=window, max_msg_size=MAX_MESSAGE_BYTES))
            if number:
                compression.add(name, {CPU: spent_s / count * 1e6})
        for limit in (4 * MB, MAX_MESSAGE_BYTES, 0):
            spent_s = asyncio.run(read_socket(plain, count, compress=0, max_msg_size=limit))
            if number:
                limits.add(_mb(limit), {CPU: spent_s / count * 1e6})
    return compression, limits


def _mb(limit: int) -> str:
    return f"{limit // MB} MiB" if limit else "no limit"


# --- buffer of an event stream ---------------------------------------------------------------------------------------


async def read_events(url: str, count: int, buffer: int) -> float:
    """CPU seconds of reading `count` events and decoding each."""
    seen, decoder = 0, SSEDecoder()
    async with stream_session() as session, session.get(url, read_bufsize=buffer) as response:
        began = time.process_time()
        while seen < count:
            for text in decoder.feed_data(await response.content.readany()):
                decode_book(text)
                seen += 1
        return time.process_time() - began


def measure_buffers(port: int, count: int, rounds: int) -> Rounds:
    """Sizes of aiohttp's read buffer, by snapshots of 180 KB."""
    found = Rounds(f"Read buffer of an event stream, {count} snapshots of about 180 KB", _kb(SSE_READ_BUFFER_BYTES))
    url = f"http://127.0.0.1:{port}/sse/snap/{count}"
    for number in range(rounds + 1):
        for size in (64 * KB, SSE_READ_BUFFER_BYTES, MB):
            spent_s = asyncio.run(read_events(url, count, size))
            if number:
                found.add(_kb(size), {CPU: spent_s / count * 1e6})
    return found


def _kb(size: int) -> str:
    return f"{size // KB} KiB"


# --- TCP_NODELAY -----------------------------------------------------------------------------------------------------


async def call(url: str, count: int, no_delay: int | None) -> float:
    """Seconds for `count` calls of two messages each, of which the second is answered. None: as aiohttp has it."""
    async with stream_session() as session, session.ws_connect(url, compress=0) as socket_:
        if no_delay is not None:
            socket_.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, no_delay)
        began = time.perf_counter()
        for _ in range(count):
            await socket_.send_str('{"method":"unsubscribe"}')
            await socket_.send_str('{"method":"subscribe"}')
            await socket_.receive()
        return time.perf_counter() - began


def measure_no_delay(port: int, count: int, rounds: int) -> Rounds:
    """Two small messages, then an answer: what re-subscribing is."""
    found = Rounds(f"TCP_NODELAY, {count} calls of two messages", "on")
    for number in range(rounds + 1):
        for name, value in (("on", None), ("off", 0)):
            spent_s = asyncio.run(call(f"http://127.0.0.1:{port}/echo/2", count, value))
            if number:
                found.add(name, {WAIT: spent_s / count * 1e6})
    return found


# --- JSON engine -----------------------------------------------------------------------------------------------------


def rows_by(loads: Callable[[bytes], Any]) -> Callable[[bytes], object]:
    """A reader that makes what a book needs, floats, of an engine's dicts."""

    def read(text: bytes) -> object:
        data = loads(text)["data"]
        return [[(float(row["p"]), float(row.get("c", row["q"]))) for row in data[side]] for side in ("b", "a")]

    return read


def engines() -> dict[str, Callable[[bytes], object]]:
    """Ways from bytes to numbers; orjson only where it happens to be installed."""
    found = {"json": rows_by(json.loads), "ujson": rows_by(ujson.loads)}
    if importlib.util.find_spec("orjson"):
        found["orjson"] = rows_by(importlib.import_module("orjson").loads)
    return found | {"msgspec, dicts": rows_by(msgspec.json.decode), "msgspec, typed": decode_book}


def measure_engines(kind: str, texts: list[bytes], rounds: int) -> Rounds:
    """The engines in turns over the same texts."""
    found = Rounds(f"JSON engine, {len(texts)} messages ({kind})", "json")
    for number in range(rounds + 1):
        for name, read in engines().items():
            began = time.process_time()
            for text in texts:
                read(text)
            spent_s = time.process_time() - began
            if number:
                found.add(name, {CPU: spent_s / len(texts) * 1e6})
    return found


def run(quick: bool) -> list[Verdict]:
    """Measure each choice."""
    rounds, scale = (3, 4) if quick else (7, 1)
    deltas, snapshots = 20_000 // scale, 60 // scale
    texts = {
        "delta": [text.encode() for text in book_frames.deltas("BTC-USD", deltas, 2000)],
        "snap": [book_frames.snapshot("BTC-USD", seq, 2000).encode() for seq in range(1, snapshots + 1)],
    }
    verdicts = []
    for kind, of_kind in texts.items():
        found = measure_engines(kind, of_kind, rounds)
        verdicts += tell(found, chosen("JSON engine", "msgspec, typed", list(engines()), CPU))
    with server("bench.stream_server") as port:
        for kind, of_kind in texts.items():
            compression, limits = measure_sockets(port, kind, len(of_kind), rounds)
            verdicts += tell(compression, chosen("compression", "none", ["deflate"], CPU))
            verdicts += tell(limits, chosen("message size", _mb(MAX_MESSAGE_BYTES), [_mb(4 * MB), _mb(0)], CPU))
        found = measure_buffers(port, snapshots, rounds)
        rivals = [_kb(64 * KB), _kb(MB)]
        verdicts += tell(found, chosen("read buffer", _kb(SSE_READ_BUFFER_BYTES), rivals, CPU))
        verdicts += tell(measure_no_delay(port, 50 // scale, rounds), chosen("TCP_NODELAY", "on", ["off"], WAIT))
    return verdicts


if __name__ == "__main__":
    sys.exit(command(run, __doc__))
