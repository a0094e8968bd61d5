"""Soak: more than 20 subscriptions, 500 messages a second, 10 faults a minute, and nothing may be lost.

    python -m bench.soak [--minutes 30] [--json FILE]      (the short form: --minutes 2)

Every trade and fill must be delivered once; every book must be the venue's at the end; every message of a subscription
must be delivered, or counted as dropped or conflated by its policy; memory, tasks and file descriptors must stay flat.
Exit code 0: all of that holds, 1: something does not.
"""

import argparse
import asyncio
import gc
import json
import random
import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp
import psutil

from hummingbot_extended.client import Book, ExtendedClient, Fill, Trade
from hummingbot_extended.streams.subscription import Subscription

MARKETS = ("BTC-USD", "ETH-USD", "XAU-USD", "SPX500m-USD")
LEAST_MESSAGES_A_SECOND = 500
LEAST_FAULTS_A_MINUTE = 10
FAULT_EVERY_S = 4.0
ORDER_EVERY_S = 2.0
SAMPLE_EVERY_S = 0.5
SETTLE_S = 20.0
# Slopes over the second half of the run. Python's memory comes in steps, so a short run is allowed steeper ones.
MOST_RSS_MB_A_MINUTE = 0.5
MOST_RSS_MB_IN_ALL = 12.0
MOST_TASKS_A_MINUTE = 1.0
MOST_FILES_A_MINUTE = 1.0
POOLED_FILES = 8

FAULTS = ("cut", "gap", "duplicate", "reorder", "garbage", "stall")
PATHS = ("*orderbooks*", "*publicTrades*", "*prices*", "*account*", "*rpc*")
REST_FAULTS = (
    {"kind": "server_error", "path": "GET /api/v1/user/trades*"},
    {"kind": "too_many_requests", "path": "GET /api/v1/info/markets/*/trades"},
    {"kind": "reply_lost", "path": "POST /api/v1/user/order"},
)


@dataclass
class Heard:
    """What the subscribers were given."""

    trades: dict[str, list[int]] = field(default_factory=lambda: {market: [] for market in MARKETS})
    books: dict[str, Book] = field(default_factory=dict)
    fills: list[int] = field(default_factory=list)
    errors: Counter[str] = field(default_factory=Counter)
    reconnects: int = 0

    def take(self, event: Any) -> None:
        """Any event."""
        match event:
            case Trade():
                self.trades[event.market].append(event.id)
            case Book():
                self.books[event.market] = event
            case Fill():
                self.fills.append(event.trade.id)

    def take_from(self, transport: str) -> Callable[[Book], None]:
        """A callback for the books that come another way than over v1's WebSockets."""

        def take(book: Book) -> None:
            self.books[f"{book.market} over {transport}"] = book

        return take

    def hear(self, error: Exception) -> None:
        """Any error."""
        self.errors[type(error).__name__] += 1

    def came_back(self, _mark: object) -> None:
        """A reconnect."""
        self.reconnects += 1


@dataclass
class Samples:
    """Memory, tasks and open files over time."""

    at_s: list[float] = field(default_factory=list)
    rss_mb: list[float] = field(default_factory=list)
    tasks: list[float] = field(default_factory=list)
    files: list[float] = field(default_factory=list)

    async def take(self) -> None:
        """Sample until cancelled."""
        process = psutil.Process()
        while True:
            gc.collect()
            self.at_s.append(time.monotonic())
            self.rss_mb.append(process.memory_info().rss / 2**20)
            self.tasks.append(len(asyncio.all_tasks()))
            self.files.append(process.num_fds())
            await asyncio.sleep(SAMPLE_EVERY_S)

    def slope_a_minute(self, values: list[float]) -> float:
        """The slope of the second half's regression line."""
        half = len(values) // 2
        if len(values) - half < 3:
            return 0.0
        return statistics.linear_regression(self.at_s[half:], values[half:]).slope * 60

    def growth(self, values: list[float]) -> float:
        """The median of the last tenth beyond that of the tenth after the middle."""
        half, tenth = len(values) // 2, max(1, len(values) // 10)
        return statistics.median(values[-tenth:]) - statistics.median(values[half : half + tenth])


class Soak:
    """One run against a venue in another process."""

    def __init__(self, facts: dict[str, str], seconds: float, seed: int = 1) -> None:
        self._facts = facts
        self._seconds = seconds
        self._random = random.Random(seed)
        self.heard = Heard()
        self.samples = Samples()
        self.subscriptions: list[Subscription] = []
        self.messages = 0
        self.faults_set = 0

    async def run(self, ledger: Any) -> list[str]:
        """Run, settle, and return what does not hold. `ledger()` gives every public trade the venue has seen."""
        keys = {"api_key": self._facts["api_key"], "stark_private_key": self._facts["stark_private_key"]}
        url = self._facts["origin"]
        async with (
            ExtendedClient(url=url, max_streams=40, **keys) as paths,
            ExtendedClient(url=url, transport="rpc") as rpc,
            ExtendedClient(url=url, transport="sse", max_streams=40) as events,
            aiohttp.ClientSession() as session,
        ):
            await self._subscribe(paths, rpc, events)
            before = self._count(paths, rpc, events)
            work = [
                asyncio.create_task(self._make_trouble(session), name="faults"),
                asyncio.create_task(self._trade(paths), name="orders"),
                asyncio.create_task(self.samples.take(), name="samples"),
            ]
            await asyncio.sleep(self._seconds)
            for task in work:
                task.cancel()
            await asyncio.wait(work)
            failed = [f"{task.get_name()} failed: {task.exception()!r}" for task in work if not task.cancelled()]
            self.messages = self._count(paths, rpc, events) - before
            await self._control(session, "DELETE", "faults")
            await self._control(session, "POST", "pause", {"paused": True})
            wrong = await self._settled(paths, ledger)
            return failed + wrong + self._wrong_accounts() + await self._wrong_rates(session) + self._wrong_slopes()

    async def _subscribe(self, paths: ExtendedClient, rpc: ExtendedClient, events: ExtendedClient) -> None:
        common: dict[str, Any] = {"error_callback": self.heard.hear, "on_reconnected": self.heard.came_back}
        for market in MARKETS:
            self.subscriptions += [
                await rpc.market_data.stream_order_book(market, self.heard.take_from("v2"), depth=None, **common),
                await rpc.market_data.stream_mark_price(market, self.heard.take, **common),
                await rpc.market_data.stream_time_and_sales(market, _quickly, **common),
            ]
            self.subscriptions += [
                await events.market_data.stream_order_book(market, self.heard.take_from("SSE"), depth=None, **common),
                await events.market_data.stream_quotes(market, _quickly, **common),
                await events.market_data.stream_time_and_sales(market, _quickly, **common),
            ]
            data = paths.market_data
            self.subscriptions += [
                await data.stream_quotes(market, self.heard.take, **common),
                await data.stream_order_book(market, self.heard.take, depth=None, **common),
                await data.stream_time_and_sales(market, self.heard.take, **common),
                await data.stream_mark_price(market, self.heard.take, **common),
            ]
        self.subscriptions += [
            await paths.order_execution.stream_order_updates(self.heard.take, **common),
            await paths.order_execution.stream_fills(self.heard.take, **common),
            await paths.brokerage.stream_position_changes(self.heard.take, **common),
            await paths.brokerage.stream_balance_changes(self.heard.take, **common),
            await rpc.market_data.stream_quotes(MARKETS, self.heard.take, **common),
            await paths.market_data.stream_time_and_sales("BTC-USD", _slowly, policy="drop_oldest", limit=5, **common),
            await paths.market_data.stream_quotes("ETH-USD", _slowly, policy="conflate", **common),
        ]

    async def _make_trouble(self, session: aiohttp.ClientSession) -> None:
        while True:
            await asyncio.sleep(FAULT_EVERY_S)
            kind = self._random.choice(FAULTS)
            spec = {"kind": kind, "path": self._random.choice(PATHS), "count": 1, "after": self._random.randrange(5)}
            if kind == "stall":
                spec["value"] = 1.0
            if kind == "cut":
                spec["value"] = self._random.choice([0, 1001, 1011, 1013])
            await self._control(session, "POST", "faults", spec)
            self.faults_set += 1
            if self._random.random() < 0.3:
                await self._control(session, "POST", "faults", {**self._random.choice(REST_FAULTS), "count": 1})
                self.faults_set += 1

    async def _trade(self, client: ExtendedClient) -> None:
        """Buy and sell the smallest size, again and again."""
        side = "BUY"
        while True:
            await asyncio.sleep(ORDER_EVERY_S)
            result = await client.order_execution.place_order("BTC-USD", side, Decimal("0.0001"))
            if result.is_accepted:
                side = "SELL" if side == "BUY" else "BUY"

    # --- what must hold ---------------------------------------------------------------------------------------------
    async def _settled(self, client: ExtendedClient, ledger: Any) -> list[str]:
        """Wait until everything has arrived; return what has not."""
        deadline = time.monotonic() + SETTLE_S
        # What is waited for happens in another process: there is no event to wait for.
        while (wrong := await self._missing(client, await ledger())) and time.monotonic() < deadline:  # noqa: ASYNC110
            await asyncio.sleep(0.5)
        return wrong

    async def _missing(self, client: ExtendedClient, ledger: dict[str, list[int]]) -> list[str]:
        wrong = []
        for market, ids in self.heard.trades.items():
            happened = ledger.get(market, [])
            wanted = happened[happened.index(ids[0]) :] if ids and ids[0] in happened else happened
            lost = set(wanted) - set(ids)
            if lost or len(ids) != len(set(ids)):
                wrong.append(f"{market}: {len(lost)} of {len(wanted)} trades lost, {len(ids) - len(set(ids))} repeated")
        fills = {trade.id for trade in await client.rest.trades(limit=1000)}
        if fills != set(self.heard.fills) or len(self.heard.fills) != len(fills):
            wrong.append(f"{len(fills)} fills, {len(self.heard.fills)} heard, {len(set(self.heard.fills))} different")
        for market in MARKETS:
            told = await client.rest.order_book(market)
            sides = [tuple((level.price, level.qty) for level in side) for side in (told.bid, told.ask)]
            for name in (market, f"{market} over v2", f"{market} over SSE"):
                book = self.heard.books.get(name)
                if book is None or [book.bids, book.asks] != sides:
                    wrong.append(f"{name}: the book is not the venue's")
        return wrong

    def _wrong_accounts(self) -> list[str]:
        """Each message must be delivered, or counted."""
        wrong = []
        for subscription in self.subscriptions:
            stats = subscription.stats
            counted = stats.delivered + stats.dropped + stats.conflated
            if not 0 <= stats.received - counted <= 5 or stats.callback_errors:  # 5: what the slow ones have waiting
                wrong.append(f"{subscription!r}: {stats}")
        return wrong

    async def _wrong_rates(self, session: aiohttp.ClientSession) -> list[str]:
        fired = sum(fault["fired"] for fault in await self._control(session, "GET", "faults"))
        self.fired = fired
        checks = (
            (self.messages / self._seconds, LEAST_MESSAGES_A_SECOND, "messages a second"),
            (fired / self._seconds * 60, LEAST_FAULTS_A_MINUTE, "faults a minute"),
            (len(self.subscriptions), 20, "subscriptions"),
        )
        return [f"only {found:.0f} {what}; {least} are asked for" for found, least, what in checks if found < least]

    def _wrong_slopes(self) -> list[str]:
        samples = self.samples
        rss, growth = samples.slope_a_minute(samples.rss_mb), samples.growth(samples.rss_mb)
        tasks, files = samples.slope_a_minute(samples.tasks), samples.slope_a_minute(samples.files)
        wrong = []
        # Both, because a step at the very end makes a slope, and a slow climb makes growth.
        if rss > MOST_RSS_MB_A_MINUTE and growth > min(MOST_RSS_MB_IN_ALL, 2.0 + self._seconds / 300):
            wrong.append(f"memory grows by {rss:.2f} MB a minute, {growth:.1f} MB in the second half")
        if tasks > MOST_TASKS_A_MINUTE and samples.growth(samples.tasks) > 2:
            wrong.append(f"tasks grow by {tasks:.2f} a minute")
        # REST's pool opens and closes a few connections; what leaks goes beyond it.
        if files > MOST_FILES_A_MINUTE and samples.growth(samples.files) > POOLED_FILES:
            wrong.append(f"open files grow by {files:.2f} a minute")
        return wrong

    def summary(self) -> dict[str, Any]:
        """What happened, in figures."""
        samples, stats = self.samples, [subscription.stats for subscription in self.subscriptions]
        return {
            "seconds": self._seconds,
            "subscriptions": len(stats),
            "messages_a_second": round(self.messages / self._seconds),
            "faults_fired": self.fired,
            "reconnects": self.heard.reconnects,
            "delivered": sum(each.delivered for each in stats),
            "dropped_by_policy": sum(each.dropped for each in stats),
            "conflated_by_policy": sum(each.conflated for each in stats),
            "trades": sum(map(len, self.heard.trades.values())),
            "fills": len(self.heard.fills),
            "errors": dict(self.heard.errors),
            "rss_mb": [round(samples.rss_mb[0], 1), round(samples.rss_mb[-1], 1)],
            "rss_mb_a_minute": round(samples.slope_a_minute(samples.rss_mb), 3),
            "tasks": [samples.tasks[0], samples.tasks[-1]],
            "files": [samples.files[0], samples.files[-1]],
        }

    async def _control(self, session: aiohttp.ClientSession, method: str, path: str, body: Any = None) -> Any:
        async with session.request(method, f"{self._facts['origin']}/practice/{path}", json=body) as reply:
            return (await reply.json())["data"]

    def _count(self, paths: ExtendedClient, rpc: ExtendedClient, events: ExtendedClient) -> int:
        """Messages read so far; the topics of a v2 socket share one count."""
        of_paths = sum(row["messages"] for client in (paths, events) for row in client.stats().values())
        return of_paths + max((row["messages"] for row in rpc.stats().values()), default=0)


async def _quickly(_event: object) -> None:
    """Take it."""


async def _slowly(_event: object) -> None:
    await asyncio.sleep(0.2)


async def soak(seconds: float) -> tuple[list[str], dict[str, Any]]:
    """Start a venue, run, and return what does not hold with the figures."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bench.soak_venue",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=2**26,
    )

    async def ledger() -> dict[str, list[int]]:
        process.stdin.write(b"report\n")
        return json.loads(await process.stdout.readline())

    try:
        run = Soak(json.loads(await process.stdout.readline()), seconds)
        return await run.run(ledger), run.summary()
    finally:
        process.stdin.close()
        await process.wait()


def main() -> int:
    """Parse the command line, run, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there, too")
    options = parser.parse_args()
    wrong, figures = asyncio.run(soak(options.minutes * 60))
    text = json.dumps({"holds": not wrong, "wrong": wrong, **figures}, indent=2)
    print(text)
    if options.json:
        options.json.write_text(text)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
