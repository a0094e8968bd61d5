"""Order books: ours beside what Hummingbot's connectors inherit (goals G5–G9 and G23 of performance.md B).

    python -m bench.book [--quick]

Each figure is CPU time or latency of this process, taken in turns; a ratio is the median of the rounds' ratios. The
books come from another process over loopback WebSockets (plain TCP).
"""

import asyncio
import gc
import json
import subprocess
import sys
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import aiohttp
import msgspec

from bench.optimised_order_book import WHICH  # first of all: it replaces a module of Hummingbot's

# isort: split
from hummingbot.core.data_type.order_book import OrderBook
from hummingbot.core.data_type.order_book_message import OrderBookMessageType
from hummingbot.core.web_assistant.connections.connections_factory import ConnectionsFactory

from bench import book_frames
from bench.inherited_books import InheritedDataSource, InheritedTracker, parse_book
from bench.measure import Figures, Goal, Rounds, Verdict, command, limit, longest_stall_s, percentile, tell
from hummingbot_extended.connector.book_feed import BookFeed
from hummingbot_extended.connector.extended_perpetual_web_utils import build_api_factory
from hummingbot_extended.connector.transport import stream_transports
from hummingbot_extended.exchange.channels import decode_book, orderbook_path
from hummingbot_extended.streams.backoff import ConnectBudget, ConnectBudgets
from hummingbot_extended.streams.supervisor import StreamSupervisor
from hummingbot_extended.streams.transport import StreamRequest

INHERITED, OURS, FLOOR = "inherited", "ours", "floor"
MARKETS = [f"M{number}-USD" for number in range(100)]
PAIR = MARKETS[0]

CPU_DELTA, CPU_SNAPSHOT = "CPU µs/delta", "CPU µs/snapshot"
P50, P99, CPU, STALL = "p50 µs", "p99 µs", "CPU µs/msg", "longest stall ms"
GC_TIME, PAUSE = "gc ms/Mmsg", "longest pause ms"


# --- bytes to book, in memory -----------------------------------------------------------------------------------------


class FloorLevel(msgspec.Struct, gc=False):
    """As little of a level as a book needs."""

    price: float = msgspec.field(name="p")
    amount: float = msgspec.field(name="c")
    update_id: int = 0


class FloorSides(msgspec.Struct, gc=False):
    """As little of a delta as a book needs."""

    bids: list[FloorLevel] = msgspec.field(name="b")
    asks: list[FloorLevel] = msgspec.field(name="a")


class FloorFrame(msgspec.Struct, gc=False):
    """As little of a frame as a book needs."""

    data: FloorSides
    seq: int


def our_feed(order_book: OrderBook | None = None) -> BookFeed:
    """A feed as the connector makes it."""
    feed = BookFeed(PAIR, order_book or OrderBook(), on_silent=print, on_mended=lambda: None)
    feed.connected()
    return feed


def ours_deltas(opening: bytes, deltas: list[bytes]) -> float:
    """CPU seconds of our way."""
    feed = our_feed()
    feed.handle(opening)
    began = time.process_time()
    for raw in deltas:
        feed.handle(raw)
    return time.process_time() - began


def floor_deltas(opening: bytes, deltas: list[bytes]) -> float:
    """CPU seconds of decoding and applying, and nothing else."""
    book = OrderBook()
    frame = decode_book(opening)
    book.apply_snapshot(frame.bids, frame.asks, 1)
    decode = msgspec.json.Decoder(FloorFrame, strict=False).decode
    began = time.process_time()
    for raw in deltas:
        delta = decode(raw)
        book.apply_diffs(delta.data.bids, delta.data.asks, delta.seq)
    return time.process_time() - began


async def inherited_deltas(opening: bytes, deltas: list[bytes]) -> float:
    """CPU seconds of Hummingbot's queues, routers and messages."""
    source = InheritedDataSource([PAIR], "", OrderBook)
    tracker = InheritedTracker(source, [PAIR])
    book = tracker._order_books[PAIR] = OrderBook()
    frame = decode_book(opening)
    book.apply_snapshot(frame.bids, frame.asks, 1)
    tracker._tracking_message_queues[PAIR] = asyncio.Queue()
    tasks = [
        asyncio.create_task(work)
        for work in (
            source.listen_for_order_book_diffs(asyncio.get_running_loop(), tracker._order_book_diff_stream),
            tracker._order_book_diff_router(),
            tracker._track_single_book(PAIR),
        )
    ]
    await asyncio.sleep(0)
    began = time.process_time()
    for raw in deltas:
        source._message_queue["order_book_diff"].put_nowait(raw)
    while book.last_diff_uid <= len(deltas):  # noqa: ASYNC110  # an event would be work that is measured
        await asyncio.sleep(0)
    cpu_s = time.process_time() - began
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    return cpu_s


def measure_deltas(rounds: int, count: int) -> Rounds:
    """G5."""
    found = Rounds(f"Bytes to OrderBook, {count} deltas on a 2x2000 book", INHERITED)
    opening = book_frames.snapshot(PAIR, 1, 2000).encode()
    deltas = [frame.encode() for frame in book_frames.deltas(PAIR, count, 2000)]
    ways: dict[str, Callable[[], float]] = {
        INHERITED: lambda: asyncio.run(inherited_deltas(opening, deltas)),
        OURS: lambda: ours_deltas(opening, deltas),
        FLOOR: lambda: floor_deltas(opening, deltas),
    }
    for _ in range(rounds):
        for variant, way in ways.items():
            gc.collect()
            found.add(variant, {CPU_DELTA: way() / count * 1e6})
    return found


def measure_snapshots(rounds: int, count: int) -> Rounds:
    """G6."""
    found = Rounds(f"Bytes to OrderBook, {count} snapshots of 2x2000 levels", INHERITED)
    snapshots = [book_frames.snapshot(PAIR, seq, 2000).encode() for seq in range(1, count + 1)]
    past = [
        parse_book(json.loads(frame), OrderBookMessageType.DIFF)
        for frame in book_frames.deltas(PAIR, 32, 2000, first_seq=-40)
    ]
    for _ in range(rounds):
        book, feed = OrderBook(), our_feed()
        gc.collect()
        began = time.process_time()
        for raw in snapshots:
            message = parse_book(json.loads(raw), OrderBookMessageType.SNAPSHOT)
            book.restore_from_snapshot_and_diffs(message, list(past))
        found.add(INHERITED, {CPU_SNAPSHOT: (time.process_time() - began) / count * 1e6})
        gc.collect()
        began = time.process_time()
        for raw in snapshots:
            feed.handle(raw)
        found.add(OURS, {CPU_SNAPSHOT: (time.process_time() - began) / count * 1e6})
    return found


# --- tick to book, over sockets ---------------------------------------------------------------------------------------


class StampedBook(OrderBook):
    """An OrderBook that notes when each message had been applied."""

    def __init__(self) -> None:
        super().__init__()
        self.applied_ns: list[int] = []

    def apply_diffs(self, bids, asks, update_id):
        super().apply_diffs(bids, asks, update_id)
        self.applied_ns.append(time.perf_counter_ns())

    def apply_snapshot(self, bids, asks, update_id):
        super().apply_snapshot(bids, asks, update_id)
        self.applied_ns.append(time.perf_counter_ns())

    def restore_from_snapshot_and_diffs(self, snapshot, diffs):
        super().restore_from_snapshot_and_diffs(snapshot, diffs)
        self.applied_ns.append(time.perf_counter_ns())


@asynccontextmanager
async def inherited_books(base_url: str) -> AsyncIterator[list[StampedBook]]:
    """The books of Hummingbot's pipeline, connected."""
    source = InheritedDataSource(list(MARKETS), base_url.replace("http", "ws", 1), StampedBook)
    tracker = InheritedTracker(source, list(MARKETS))
    tracker.start()
    await tracker.wait_ready()
    books = [tracker.order_books[market] for market in MARKETS]
    await until_applied(books, 1)
    listening = tracker._order_book_stream_listener_task
    yield books
    tracker.stop()
    await asyncio.wait([listening])
    await ConnectionsFactory().close()


@asynccontextmanager
async def our_books(base_url: str) -> AsyncIterator[list[StampedBook]]:
    """The connector's books, connected: its transport, supervisors and feeds."""
    books = [StampedBook() for _ in MARKETS]
    transports = stream_transports(build_api_factory(), "websocket", url=base_url)
    budgets = ConnectBudgets(lambda: ConnectBudget(burst=1_000))

    def supervisor(market: str, book: StampedBook) -> StreamSupervisor:
        feed = our_feed(book)

        async def connected() -> None:
            feed.connected()

        request = StreamRequest(url=base_url + orderbook_path(market), data_timeout_s=None)
        return StreamSupervisor(request, transports, on_message=feed.handle, on_connected=connected, budgets=budgets)

    tasks = [asyncio.create_task(supervisor(market, book).run()) for market, book in zip(MARKETS, books, strict=True)]
    await until_applied(books, 1)
    yield books
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


async def until_applied(books: Sequence[StampedBook], count: int) -> None:
    """Wait until each book has applied `count` messages."""
    while any(len(book.applied_ns) < count for book in books):  # noqa: ASYNC110  # as above
        await asyncio.sleep(0.05)


type Connect = Callable[[str], "asynccontextmanager[list[StampedBook]]"]


async def play(connect: Connect, port: int, script: dict[str, float], *, watch_stall: bool) -> Figures:
    """Connect, have the server play `script`, and return what it cost."""
    base_url = f"http://127.0.0.1:{port}/stream.extended.exchange/v1"
    count = int(script["ticks"] * script["burst"])
    async with connect(base_url) as books, aiohttp.ClientSession() as session:
        await asyncio.sleep(0.5)
        for book in books:
            book.applied_ns.clear()
        gc.collect()
        stall = asyncio.create_task(longest_stall_s()) if watch_stall else None
        began = time.process_time()
        async with session.post(f"http://127.0.0.1:{port}/run", json=script) as reply:
            await until_applied(books, count)
            cpu_s = time.process_time() - began
            sent = await reply.json()  # afterwards, because thousands of times are work, too
        if stall is not None:
            stall.cancel()
            return {STALL: await stall * 1e3}
        late_us = [
            (applied - stamp) / 1e3
            for market, book in zip(MARKETS, books, strict=True)
            for stamp, applied in zip(sent[market], book.applied_ns, strict=True)
        ]
    return {P50: percentile(late_us, 0.5), P99: percentile(late_us, 0.99), CPU: cpu_s / len(late_us) * 1e6}


def measure_sockets(
    title: str, rounds: int, port: int, script: dict[str, float], *, watch_stall: bool = False
) -> Rounds:
    """G7, G8, G9."""
    found = Rounds(title, INHERITED)
    for _ in range(rounds):
        for variant, connect in ((INHERITED, inherited_books), (OURS, our_books)):
            found.add(variant, asyncio.run(play(connect, port, script, watch_stall=watch_stall)))
    return found


# --- garbage collection -----------------------------------------------------------------------------------------------


def measure_gc(rounds: int, count: int) -> Rounds:
    """G23: with Hummingbot's objects in memory and 20,000 messages kept, as under a backlog."""
    import hummingbot.client.hummingbot_application  # noqa: F401  # for its heap

    frames = [frame.encode() for frame in book_frames.deltas(PAIR, 2_000, 2000)]
    found = Rounds(f"Garbage collection, {count:,} messages, {len(gc.get_objects()):,} objects in memory", INHERITED)
    ways: dict[str, Callable[[bytes], object]] = {
        INHERITED: lambda raw: parse_book(json.loads(raw), OrderBookMessageType.DIFF),
        OURS: decode_book,
    }
    for _ in range(rounds):
        for variant, decode in ways.items():
            found.add(variant, gc_cost(decode, frames, count))
    return found


def gc_cost(decode: Callable[[bytes], object], frames: list[bytes], count: int) -> Figures:
    """Milliseconds of collections per million messages, and the longest one."""
    pauses: list[float] = []
    began = 0.0

    def hear(phase: str, _info: dict[str, int]) -> None:
        nonlocal began
        if phase == "start":
            began = time.perf_counter()
        else:
            pauses.append(time.perf_counter() - began)

    gc.collect()
    kept: deque[object] = deque(maxlen=20_000)
    gc.callbacks.append(hear)
    for number in range(count):
        kept.append(decode(frames[number % len(frames)]))
    gc.callbacks.remove(hear)
    # A run without any collection counts as the clock's own step, so that there is a ratio.
    return {GC_TIME: max(sum(pauses), 1e-6) * 1e3 / count * 1e6, PAUSE: max(pauses, default=1e-6) * 1e3}


# --- all --------------------------------------------------------------------------------------------------------------

DELTA_GOALS = [
    Goal(id="G5", measure=CPU_DELTA, variant=OURS, baseline=INHERITED, at_least=4.0),
    Goal(id="G5", measure=CPU_DELTA, variant=OURS, baseline=FLOOR, at_least=0.6),
]
SNAPSHOT_GOALS = [Goal(id="G6", measure=CPU_SNAPSHOT, variant=OURS, baseline=INHERITED, at_least=3.5)]
TICK_GOALS = [
    Goal(id="G7", measure=P50, variant=OURS, baseline=INHERITED, at_least=1.9),
    Goal(id="G7", measure=P99, variant=OURS, baseline=INHERITED, at_least=1.5),
    Goal(id="G7", measure=CPU, variant=OURS, baseline=INHERITED, at_least=1.9),
]
BACKLOG_GOALS = [
    Goal(id="G8", measure=P99, variant=OURS, baseline=INHERITED, at_least=6.0),
    Goal(id="G8", measure=CPU, variant=OURS, baseline=INHERITED, at_least=4.0),
]
STORM_GOALS = [Goal(id="G9", measure=STALL, variant=OURS, baseline=INHERITED, at_least=6.0)]
GC_GOALS = [Goal(id="G23", measure=GC_TIME, variant=OURS, baseline=INHERITED, at_least=50.0)]
LONGEST_PAUSE_MS = 20.0


def run(quick: bool) -> list[Verdict]:
    """Measure G5 to G9 and G23."""
    rounds, socket_rounds, scale = (3, 3, 4) if quick else (7, 5, 1)
    print(WHICH)
    verdicts = tell(measure_deltas(rounds, 20_000 // scale), DELTA_GOALS)
    verdicts += tell(measure_snapshots(rounds, 20 // scale), SNAPSHOT_GOALS)
    server = subprocess.Popen([sys.executable, "-m", "bench.book_server"], stdout=subprocess.PIPE, text=True)
    try:
        port = int(server.stdout.readline())
        ticks = {"ticks": 40 // scale, "burst": 1, "interval_s": 0.1, "levels": 0}
        title = "Tick to book, 100 sockets x 10 messages a second, all at the same tick"
        verdicts += tell(measure_sockets(title, socket_rounds, port, ticks), TICK_GOALS)
        backlog = {"ticks": 1 if quick else 3, "burst": 50, "interval_s": 1.5, "levels": 0}
        title = "Backlog, 100 sockets x 50 messages at once"
        verdicts += tell(measure_sockets(title, socket_rounds, port, backlog), BACKLOG_GOALS)
        storm = {"ticks": 1 if quick else 3, "burst": 1, "interval_s": 1.5, "levels": 500}
        title = "Snapshot storm, 100 markets x 2x500 levels at once"
        verdicts += tell(measure_sockets(title, socket_rounds, port, storm, watch_stall=True), STORM_GOALS)
    finally:
        server.terminate()
        server.wait()
    collections = measure_gc(2 if quick else 3, 200_000 if quick else 1_000_000)
    pause = limit("G23", "ours, longest pause", collections.median(OURS, PAUSE), LONGEST_PAUSE_MS, " ms")
    return verdicts + tell(collections, GC_GOALS, [pause])


if __name__ == "__main__":
    sys.exit(command(run, __doc__))
