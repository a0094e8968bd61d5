"""Tick to book on one v2 socket that carries 100 markets: our stream and feeds beside the inherited pipeline."""

import asyncio
import gc
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import aiohttp

from bench.optimised_order_book import WHICH  # first of all: it replaces a module of Hummingbot's

# isort: split
from hummingbot.core.data_type.order_book import OrderBook
from hummingbot.core.web_assistant.connections.connections_factory import ConnectionsFactory
from hummingbot.core.web_assistant.connections.data_types import WSJSONRequest

from bench.inherited_books import InheritedDataSource, InheritedTracker
from bench.measure import Figures, Rounds, percentile
from hummingbot_extended.connector.book_feed import BookFeed
from hummingbot_extended.connector.extended_perpetual_web_utils import build_api_factory
from hummingbot_extended.connector.transport import stream_transports
from hummingbot_extended.exchange.channels import Topic
from hummingbot_extended.streams.rpc_stream import RpcStream
from hummingbot_extended.streams.supervisor import StreamSupervisor
from hummingbot_extended.streams.topic_stream import RpcSocket, TopicStream
from hummingbot_extended.streams.transport import StreamRequest

MARKETS = [f"M{number}-USD" for number in range(100)]
INTERVAL_MS = 100
P50, P99, CPU = "p50 µs", "p99 µs", "CPU µs/msg"


class StampedBook(OrderBook):
    """Notes when it has applied a delta."""

    stamps: list[int]

    def apply_diffs(self, bids: Any, asks: Any, update_id: int) -> None:
        super().apply_diffs(bids, asks, update_id)
        self.stamps.append(time.perf_counter_ns())


def stamped_book(stamps: list[int]) -> StampedBook:
    """A book that notes in a list shared by all: the order of applying is the order of sending."""
    book = StampedBook()
    book.stamps = stamps
    return book


class OneSocketDataSource(InheritedDataSource):
    """The inherited pipeline on a socket for all markets."""

    async def listen_for_subscriptions(self) -> None:
        assistant = await self._factory.get_ws_assistant()
        await assistant.connect(self._base_url, ping_timeout=30)
        for number, market in enumerate(self._trading_pairs):
            topic = Topic.orderbook(market)
            params = {"scope": topic.scope, "selector": dict(topic.selector)}
            call = {"method": "subscribe", "id": str(number), "jsonrpc": "2.0", "params": params}
            await assistant.send(WSJSONRequest(call))
        try:
            await self._process_websocket_messages(websocket_assistant=assistant)
        finally:
            await assistant.disconnect()

    def _channel_originating_message(self, event_message: dict[str, Any]) -> str:
        match event_message.get("type"):
            case "ORDERBOOKS.DELTA":
                return self._diff_messages_queue_key
            case "ORDERBOOKS.SNAPSHOT":
                return self._snapshot_messages_queue_key
        return ""


@asynccontextmanager
async def inherited_books(url: str, stamps: list[int]) -> AsyncIterator[None]:
    """The books of Hummingbot's pipeline, connected."""
    source = OneSocketDataSource(list(MARKETS), url.replace("http", "ws", 1), lambda: stamped_book(stamps))
    tracker = InheritedTracker(source, list(MARKETS))
    tracker.start()
    await tracker.wait_ready()
    books = [tracker.order_books[market] for market in MARKETS]
    while any(not next(iter(book.bid_entries()), None) for book in books):  # noqa: ASYNC110  # no event to wait for
        await asyncio.sleep(0.05)
    listening = tracker._order_book_stream_listener_task
    yield
    tracker.stop()
    await asyncio.wait([listening])
    await ConnectionsFactory().close()


@asynccontextmanager
async def our_books(url: str, stamps: list[int]) -> AsyncIterator[None]:
    """Our v2 stream, and a topic and the connector's feed for each market, as the connector has them."""
    request = StreamRequest(url=url, data_timeout_s=None)
    transports = stream_transports(build_api_factory(), "websocket", url=url)
    live: asyncio.Queue[None] = asyncio.Queue()
    async with RpcStream(url, request=request, transports=transports) as stream:
        socket, tasks = RpcSocket(stream), []
        for market in MARKETS:
            feed = BookFeed(market, stamped_book(stamps), on_silent=print, on_mended=lambda: live.put_nowait(None))
            topic = TopicStream(
                socket,
                Topic.orderbook(market),
                StreamSupervisor(request, transports, on_message=feed.handle),
                on_message=feed.handle,
                on_connected=lambda feed=feed: feed.connected(is_sequenced=False),  # the socket's are checked
                on_disconnected=lambda error, feed=feed: feed.disconnected(str(error)),
            )
            tasks.append(asyncio.create_task(topic.run()))
            await live.get()  # one after the other: books are paired with sends by their order
        yield
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


type Connect = Callable[[str, list[int]], AbstractAsyncContextManager[None]]


async def play(connect: Connect, port: int, ticks: int) -> Figures:
    """Connect, have the server send, and return what it cost."""
    stamps: list[int] = []
    count = ticks * len(MARKETS)
    async with connect(f"http://127.0.0.1:{port}/rpc", stamps), aiohttp.ClientSession() as session:
        await asyncio.sleep(0.5)
        stamps.clear()
        gc.collect()
        began = time.process_time()
        async with session.get(f"http://127.0.0.1:{port}/run/{ticks}/{INTERVAL_MS}") as reply:
            while len(stamps) < count:  # noqa: ASYNC110  # an event would be work that is measured
                await asyncio.sleep(0.2)
            cpu_s = time.process_time() - began
            sent = await reply.json()
    # Each market has a task of its own in the inherited pipeline, so a tick's books may come in another order: sorted
    # stamps still pair with sorted sends, and no latency is invented.
    late_us = [(applied - stamp) / 1e3 for stamp, applied in zip(sent, sorted(stamps), strict=True)]
    return {P50: percentile(late_us, 0.5), P99: percentile(late_us, 0.99), CPU: cpu_s / count * 1e6}


def measure(rounds: int, ticks: int) -> Rounds:
    """100 messages every 100 ms on one socket."""
    print(f"\n{WHICH}")
    found = Rounds("Tick to book, one v2 socket x 100 markets x 10 messages a second", "inherited")
    process = subprocess.Popen([sys.executable, "-m", "bench.rpc_server"], stdout=subprocess.PIPE, text=True)
    try:
        port = int(process.stdout.readline())
        for _ in range(rounds):
            for name, connect in (("inherited", inherited_books), ("ours", our_books)):
                found.add(name, asyncio.run(play(connect, port, ticks)))
    finally:
        process.terminate()
        process.wait()
    return found
