"""The TLS rounds of `bench.streams`: one market, paced, socket to book. Prints [[variant, CPU seconds], …] as JSON.

In a process of its own whose environment names the certificate to trust: aiohttp reads it when it is imported.
"""

import asyncio
import json
import sys
import time
from collections.abc import Callable
from typing import Any

from bench.optimised_order_book import WHICH  # noqa: F401  # first of all: it replaces a module of Hummingbot's

# isort: split
from hummingbot.core.data_type.order_book import OrderBook
from hummingbot.core.web_assistant.connections.connections_factory import ConnectionsFactory

from bench.inherited_books import InheritedDataSource, InheritedTracker
from hummingbot_extended.connector.book_feed import BookFeed
from hummingbot_extended.streams.aiohttp_transport import AiohttpSSETransport, AiohttpWebSocketTransport, stream_session
from hummingbot_extended.streams.supervisor import StreamSupervisor
from hummingbot_extended.streams.transport import StreamRequest
from hummingbot_extended.streams.transport_choice import TransportChoice

MARKET = "BTC-USD"


async def inherited(url: str, count: int) -> float:
    """CPU seconds of Hummingbot's pipeline, from the first delta to the last."""
    source = InheritedDataSource([MARKET], url.replace("http", "ws", 1), OrderBook)
    tracker = InheritedTracker(source, [MARKET])
    tracker.start()
    await tracker.wait_ready()
    book = tracker.order_books[MARKET]
    await until(lambda: book.snapshot_uid > 0)
    began = time.process_time()
    await until(lambda: book.last_diff_uid > count)
    spent_s = time.process_time() - began
    listening = tracker._order_book_stream_listener_task
    tracker.stop()
    await asyncio.wait([listening])
    await ConnectionsFactory().close()
    return spent_s


async def ours(url: str, count: int) -> float:
    """CPU seconds of our stream layer and the connector's feed."""
    feed = BookFeed(MARKET, OrderBook(), on_silent=print, on_mended=lambda: None)

    async def connected() -> None:
        feed.connected()

    async with stream_session() as session:
        transports = TransportChoice.of(
            "websocket", websocket=AiohttpWebSocketTransport(session), sse=AiohttpSSETransport(session)
        )
        request = StreamRequest(url=f"{url}/orderbooks/{MARKET}", data_timeout_s=None)  # as the connector opens it
        supervisor = StreamSupervisor(request, transports, on_message=feed.handle, on_connected=connected)
        running = asyncio.create_task(supervisor.run())
        await until(lambda: feed.snapshots)
        began = time.process_time()
        await until(lambda: feed.deltas >= count)
        spent_s = time.process_time() - began
        running.cancel()
        await asyncio.wait([running])
    return spent_s


async def bare(url: str, count: int) -> float:
    """CPU seconds of aiohttp's own loop and the connector's feed: no deadline, no reconnect, no statistics."""
    feed = BookFeed(MARKET, OrderBook(), on_silent=print, on_mended=lambda: None)
    feed.connected()
    async with (
        stream_session() as session,
        session.ws_connect(f"{url}/orderbooks/{MARKET}", compress=0, heartbeat=15, decode_text=False) as socket,
    ):
        feed.handle((await socket.receive()).data)
        began = time.process_time()
        while feed.deltas < count:
            feed.handle((await socket.receive()).data)
        return time.process_time() - began


WAYS = {"inherited": inherited, "ours": ours, "bare aiohttp": bare}


async def until(condition: Callable[[], Any]) -> None:
    """Wait without costing much."""
    while not condition():  # noqa: ASYNC110  # an event would be work that is measured
        await asyncio.sleep(0.2)


def main(url: str, count: int, rounds: int) -> None:
    """Measure in turns; one round before does not count."""
    found = []
    for number in range(rounds + 1):
        for name, measure in WAYS.items():
            spent_s = asyncio.run(measure(url, count))
            if number:
                found.append((name, spent_s))
    print(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
