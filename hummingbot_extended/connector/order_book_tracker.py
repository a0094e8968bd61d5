"""Hummingbot's order book tracker without its queues: the books are the data source's own, kept true by it."""

import asyncio
import logging
import math
import time
from collections.abc import Coroutine
from typing import Any

from hummingbot.core.data_type.order_book import OrderBook
from hummingbot.core.data_type.order_book_tracker import OrderBookTracker, OrderBookTrackerMetrics

from hummingbot_extended.connector.extended_perpetual_api_order_book_data_source import (
    ExtendedPerpetualAPIOrderBookDataSource,
)
from hummingbot_extended.errors import ProtocolError

logger = logging.getLogger(__name__)

FIRST_SNAPSHOT_TIMEOUT_S = 30.0
LAST_PRICE_INTERVAL_S = 60.0
QUIET_AFTER_S = 180.0


class ExtendedOrderBookTracker(OrderBookTracker):
    """Drives the data source's streams and shows its OrderBooks.

    A pair is in `order_books` from its first snapshot on, always with the same object, also over a restart. `ready` is
    true while every pair's book is; `broken_reason` says what is wrong with one. `stop` cancels at once, and
    `wait_stopped` returns when everything has ended: whoever stops a connector awaits it.
    """

    def __init__(
        self, data_source: ExtendedPerpetualAPIOrderBookDataSource, trading_pairs: list[str], domain: str | None = None
    ) -> None:
        super().__init__(data_source=data_source, trading_pairs=trading_pairs, domain=domain)
        self._source = data_source
        self._running: set[asyncio.Task[None]] = set()
        self._order_book_stream_listener_task: asyncio.Task[None] | None = None

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {'ready' if self.ready else 'not ready'} {self._source!r}>"

    @property
    def ready(self) -> bool:
        """Whether every pair's book holds the market now."""
        return super().ready and all(self.broken_reason(trading_pair) is None for trading_pair in self._trading_pairs)

    def broken_reason(self, trading_pair: str) -> str | None:
        """Why the pair's book must not be traded on now, or None."""
        return self._source.broken_reason(trading_pair)

    @property
    def metrics(self) -> OrderBookTrackerMetrics:
        """Hummingbot's metrics, with the counts of our feeds; latencies are not measured."""
        metrics = self._metrics
        totals = [0, 0, 0]
        for trading_pair in self._trading_pairs:
            if (streams := self._source.streams(trading_pair)) is None:
                continue
            pair = metrics.get_or_create_pair_metrics(trading_pair)
            counts = streams.book.deltas, streams.book.snapshots, streams.trades.reported
            pair.diffs_processed, pair.snapshots_processed, pair.trades_processed = counts
            totals = [total + count for total, count in zip(totals, counts, strict=True)]
        metrics.total_diffs_processed, metrics.total_snapshots_processed, metrics.total_trades_processed = totals
        return metrics

    # --- running ----------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to keep the books; what ran before is stopped first."""
        self.stop()
        self._metrics.tracker_start_time = time.perf_counter()
        self._order_book_stream_listener_task = self._own(self._source.listen_for_subscriptions(), "market data")
        self._init_order_books_task = self._own(self._init_order_books(), "first order books")
        self._update_last_trade_prices_task = self._own(self._update_last_trade_prices_loop(), "last trade prices")

    def stop(self) -> None:
        """Cancel everything; `wait_stopped` tells when it has ended."""
        super().stop()
        self._order_book_stream_listener_task = None
        self._source.forget_live()

    async def wait_stopped(self) -> None:
        """Wait until what was cancelled has ended, and its connections are closed."""
        while ending := [task for task in self._running if task.cancelling()]:
            await asyncio.wait(ending)

    def _own(self, coroutine: Coroutine[Any, Any, None], name: str) -> "asyncio.Task[None]":
        task = asyncio.get_running_loop().create_task(coroutine, name=name)
        self._running.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._running.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("The task %r failed; the connector is not ready", task.get_name(), exc_info=error)

    async def _init_order_books(self) -> None:
        async with asyncio.TaskGroup() as group:
            for trading_pair in list(self._trading_pairs):
                group.create_task(self._show_book(trading_pair))
        self._order_books_initialized.set()

    async def _show_book(self, trading_pair: str) -> None:
        self._order_books[trading_pair] = await self._source.wait_live(trading_pair)
        logger.info("Initialized order book for %s.", trading_pair)

    # --- pairs that come and go -------------------------------------------------------------------------------------

    async def add_trading_pair(self, trading_pair: str) -> bool:
        """Begin to keep the pair's book while running. False, and nothing changed, where no snapshot comes in 30 s."""
        if trading_pair in self._order_books:
            logger.warning("Trading pair %s is already being tracked", trading_pair)
            return False
        if not await self._source.subscribe_to_trading_pair(trading_pair=trading_pair):
            return False
        try:
            async with asyncio.timeout(FIRST_SNAPSHOT_TIMEOUT_S):
                await self._show_book(trading_pair)
        except TimeoutError:
            logger.warning("No order book of %s came within %.0f s", trading_pair, FIRST_SNAPSHOT_TIMEOUT_S)
            await self._source.unsubscribe_from_trading_pair(trading_pair=trading_pair)
            return False
        if trading_pair not in self._trading_pairs:
            self._trading_pairs.append(trading_pair)
        return True

    async def remove_trading_pair(self, trading_pair: str) -> bool:
        """Stop keeping the pair's book. False where it was not kept."""
        if trading_pair not in self._order_books:
            logger.warning("Trading pair %s is not being tracked", trading_pair)
            return False
        if trading_pair in self._trading_pairs:
            self._trading_pairs.remove(trading_pair)
        await self._source.unsubscribe_from_trading_pair(trading_pair=trading_pair)
        del self._order_books[trading_pair]
        self._metrics.remove_pair_metrics(trading_pair)
        return True

    # --- last prices ------------------------------------------------------------------------------------------------

    async def _update_last_trade_prices_loop(self) -> None:
        """Ask REST for the last price of the pairs that do not trade: once, and again every minute."""
        while True:
            quiet = [pair for pair, book in self._order_books.items() if self._needs_last_price(book)]
            if quiet:
                try:
                    await self._ask_last_prices(quiet)
                except (OSError, ProtocolError) as error:
                    logger.debug("No last prices of %s: %s", ", ".join(quiet), error)
                    await asyncio.sleep(LAST_PRICE_INTERVAL_S)
            await asyncio.sleep(1.0)

    async def _ask_last_prices(self, trading_pairs: list[str]) -> None:
        prices = await self._source.get_last_traded_prices(trading_pairs=trading_pairs)
        for trading_pair, price in prices.items():
            if (book := self._order_books.get(trading_pair)) is not None:
                book.last_trade_price = price
                book.last_trade_price_rest_updated = time.perf_counter()

    def _needs_last_price(self, book: OrderBook) -> bool:
        now = time.perf_counter()
        if book.last_trade_price_rest_updated > now - LAST_PRICE_INTERVAL_S:
            return False
        return math.isnan(book.last_trade_price) or book.last_applied_trade < now - QUIET_AFTER_S
