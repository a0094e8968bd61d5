"""Keeps the candles of one market: live from the stream, final by history, stored. The folding is in `candles/`."""

import asyncio
import logging
from collections.abc import Callable
from decimal import Decimal

from hummingbot_extended.candles.aggregate import Change, MarketCandles
from hummingbot_extended.candles.bars import Bar
from hummingbot_extended.candles.candle import Candle
from hummingbot_extended.candles.exchange_loader import bar_of
from hummingbot_extended.candles.loader import CandleLoader
from hummingbot_extended.candles.store import CandleStore
from hummingbot_extended.candles.timeframes import TIMEFRAMES, Timeframe
from hummingbot_extended.errors import ExtendedError, RateLimited
from hummingbot_extended.exchange.channels import CandleFrame
from hummingbot_extended.hub.channel_reader import Clocks
from hummingbot_extended.hub.events import TradeRow

logger = logging.getLogger(__name__)

MINUTE = TIMEFRAMES[0]
RETRY_S = 2.0
MAX_RETRY_S = 30.0
# History that does not answer for so long is gone on without, where the stream has been whole.
TRUST_AFTER_S = 20.0
# Old copies that history may answer with, before its word counts against ours.
OLD_COPIES = 5
LOADS_AT_ONCE = 4


class CandleKeeper:
    """The candles of one market. `run` is its life; `on_changes` gets what has changed, with the source's name.

    `history` answers for the past, `store` has what was kept before. `loads` is shared by the keepers of a hub, because
    a start asks for much at once.
    """

    def __init__(
        self,
        market: str,
        history: CandleLoader | None,
        on_changes: Callable[[str, list[Change]], None],
        *,
        limits: dict[str, int],
        close_delay_s: float = 2.0,
        store: CandleStore | None = None,
        loads: asyncio.Semaphore | None = None,
        clocks: Clocks | None = None,
    ) -> None:
        self.market = market
        self.candles = MarketCandles(market, limits=limits, close_delay_ms=int(close_delay_s * 1000))
        self.readers = 0
        self.unread_since_s: float | None = None
        self.is_loaded = asyncio.Event()
        self._history = history
        self._on_changes = on_changes
        self._store = store
        self._loads = loads or asyncio.Semaphore(LOADS_AT_ONCE)
        self._close_delay_s = close_delay_s
        self._clocks = clocks or Clocks()
        self._wake = asyncio.Event()
        self._unanswered_since_s: float | None = None
        self._old_copies = 0
        self._lost_since_ok = True
        self.errors = 0

    def __repr__(self) -> str:
        return f"<CandleKeeper {self.candles!r}>"

    # --- what comes -------------------------------------------------------------------------------------------------
    def take(self, frame: CandleFrame, provider: str) -> None:
        """Take the running candle of the exchange."""
        for candle in sorted(frame.candles, key=lambda candle: candle.time_ms):
            self._tell(self.candles.take(bar_of(candle), provider))
        self._wake_if_missing()

    def trade(self, row: TradeRow) -> None:
        """Take a trade, where no source has candles."""
        self._tell(self.candles.trade(row.ts_ms, row.price, row.size, is_buy=row.side == "buy", provider=row.provider))

    def quote(self, spread: Decimal | None) -> None:
        """Remember the spread for the bars to come."""
        self.candles.quote(spread)

    def lost(self) -> None:
        """The stream was lost: nothing that comes after it may be taken for whole."""
        self._lost_since_ok = True
        self.candles.lost()
        self._wake.set()

    def resumed(self) -> None:
        """The stream is live (again): history tells what it missed."""
        self.candles.resumed()
        self._wake.set()

    def _tell(self, changes: list[Change]) -> None:
        if changes:
            self._on_changes(self.market, changes)

    def _wake_if_missing(self) -> None:
        if self.candles.unverified(self._clocks.now_ms()) is not None:
            self._wake.set()

    # --- life -------------------------------------------------------------------------------------------------------
    async def run(self) -> None:
        """Load history, then close the minutes on time and have history check them, until cancelled."""
        await self._restore()
        await self._load_all()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._close_on_time())
            group.create_task(self._verify_for_ever())

    async def _restore(self) -> None:
        """Begin with what is stored: it is served until history has answered."""
        if self._store is None:
            return
        for frame, series in self.candles.series.items():
            stored = await self._store.read(self.market, frame, series.limit)
            self.candles.load(frame, stored)
            if stored and frame is MINUTE:
                self.is_loaded.set()

    def _load_piece(self, frame: Timeframe, candles: list[Candle]) -> None:
        self.candles.load(frame, candles)
        if self._store is not None:
            for candle in candles:
                if candle.closed:
                    self._store.put(self.market, frame, candle)

    async def _close_on_time(self) -> None:
        """Close each minute `close_delay_s` after its end, also when nothing comes."""
        while True:
            now_s = self._clocks.wall()
            await self._clocks.sleep(MINUTE.seconds - (now_s - self._close_delay_s) % MINUTE.seconds + 0.001)
            self._tell(self.candles.close_until(self._clocks.now_ms()))
            self._wake_if_missing()

    async def _verify_for_ever(self) -> None:
        wait_s = RETRY_S
        while True:
            self._wake.clear()
            wanted = self.candles.unverified(self._clocks.now_ms())
            if wanted is None or self._history is None:
                await self._wake.wait()
                wait_s = RETRY_S
                continue
            try:
                await self._verify(*wanted)
                wait_s = 0.0 if self._is_done() else min(MAX_RETRY_S, max(RETRY_S, wait_s * 2))
            except ExtendedError as error:
                self.errors += 1
                logger.debug("%s: no history to check candles by (%s)", self.market, error)
                self._go_on_without(wanted[1])
                asked_s = error.retry_after_s if isinstance(error, RateLimited) else None
                wait_s = min(MAX_RETRY_S, max(wait_s * 2, RETRY_S, asked_s or 0.0))
            await self._clocks.sleep(wait_s)

    def _is_done(self) -> bool:
        return self.candles.unverified(self._clocks.now_ms()) is None

    async def _verify(self, first_ms: int, last_ms: int) -> None:
        """Ask history for the minutes from `first_ms` to `last_ms`. Raises what the loader raises."""
        assert self._history is not None  # noqa: S101  # the caller asks before
        length = (last_ms - first_ms) // MINUTE.length_ms + 1
        if length > self.candles.series[MINUTE].limit:
            await self._load_all()
            return
        self._lost_since_ok = False
        async with self._loads:
            bars = await self._history.load(self.market, MINUTE, limit=length, start_ms=first_ms, end_ms=last_ms)
        before_ms = self.candles.verified_until_ms
        self._take_history(bars, last_ms)
        self._unanswered_since_s = None
        is_stuck = self.candles.verified_until_ms == before_ms and self.candles.unverified(last_ms) is not None
        self._old_copies = self._old_copies + 1 if is_stuck else 0

    def _take_history(self, bars: list[Bar], last_ms: int) -> None:
        provider = self._history.name if self._history else ""
        insist = self._old_copies >= OLD_COPIES
        self._tell(self.candles.verify(bars, last_ms, provider=provider, insist=insist))
        if self._lost_since_ok:
            self.candles.lost()  # it was lost again while history answered

    def _go_on_without(self, last_ms: int) -> None:
        """History does not answer: where the stream was whole meanwhile, what it said is all there is."""
        now_s = self._clocks.steady()
        if self._unanswered_since_s is None or self._lost_since_ok:
            self._unanswered_since_s = now_s
            self._lost_since_ok = False
        elif now_s - self._unanswered_since_s >= TRUST_AFTER_S and self.candles.series[MINUTE].newest is not None:
            self._tell(self.candles.trust(last_ms))

    async def _load_all(self) -> None:
        """Load what is kept of every timeframe, the longest first, and the minutes last. Waits for history."""
        wait_s = RETRY_S
        while self._history is not None:
            try:
                for frame in reversed(TIMEFRAMES[1:]):
                    await self._load(frame)
                now_ms = self._clocks.now_ms()
                last_ms = MINUTE.open_time_ms(now_ms - int(self._close_delay_s * 1000)) - MINUTE.length_ms
                limit = self.candles.series[MINUTE].limit
                self._lost_since_ok = False
                async with self._loads:
                    bars = await self._history.load(self.market, MINUTE, limit=limit, end_ms=last_ms)
                await self._take_in_pieces(bars, last_ms)
                break
            except ExtendedError as error:
                self.errors += 1
                logger.warning("%s: no candles from history yet (%s)", self.market, error)
                await self._clocks.sleep(wait_s)
                wait_s = min(MAX_RETRY_S, wait_s * 2)
        self.is_loaded.set()

    async def _take_in_pieces(self, bars: list[Bar], last_ms: int) -> None:
        """Take many bars in without holding the loop for long; only the newest are rolled up and told."""
        older, newest = bars[:-2], bars[-2:]
        provider = self._history.name if self._history else ""
        for start in range(0, len(older), 250):
            piece = [Candle.of(bar, closed=True, provider=provider) for bar in older[start : start + 250]]
            self._load_piece(MINUTE, piece)
            await asyncio.sleep(0)
        self._take_history(newest, last_ms)

    async def _load(self, frame: Timeframe) -> None:
        assert self._history is not None  # noqa: S101  # the caller asks before
        limit = self.candles.series[frame].limit
        async with self._loads:
            bars = await self._history.load(self.market, frame, limit=limit)
        now_ms = self._clocks.now_ms()
        for start in range(0, len(bars), 250):
            self._load_piece(
                frame,
                [
                    Candle.of(bar, closed=bar.open_time_ms + frame.length_ms <= now_ms, provider=self._history.name)
                    for bar in bars[start : start + 250]
                ],
            )
            await asyncio.sleep(0)
