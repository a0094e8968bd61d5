"""The candle keepers of a hub: one a market, started by need, fed by the hub's channels."""

import asyncio
from collections.abc import Callable

from hummingbot_extended.candles.aggregate import Change
from hummingbot_extended.candles.loader import CandleLoader
from hummingbot_extended.candles.series import CandleSeries
from hummingbot_extended.candles.store import CandleStore
from hummingbot_extended.candles.timeframes import TIMEFRAMES, Timeframe
from hummingbot_extended.hub.candle_keeper import LOADS_AT_ONCE, CandleKeeper
from hummingbot_extended.hub.channel_reader import Clocks
from hummingbot_extended.hub.interface import CandlesAnswer, WarmingUp
from hummingbot_extended.hub.kinds import Channel, Feed
from hummingbot_extended.hub.readers import Readers
from hummingbot_extended.hub.settings import BUFFER_BARS, HubSettings

WARM_UP_S = 5.0


class Keepers:
    """One `CandleKeeper` a market, as long as somebody reads its candles; those of the settings for ever."""

    def __init__(
        self,
        settings: HubSettings,
        readers: Readers,
        history: CandleLoader | None,
        on_changes: Callable[[str, list[Change]], None],
        clocks: Clocks,
        store: CandleStore | None = None,
    ) -> None:
        self._settings = settings
        self._readers = readers
        self._history = history
        self._on_changes = on_changes
        self._clocks = clocks
        self._store = store
        self._loads = asyncio.Semaphore(LOADS_AT_ONCE)
        self._keepers: dict[str, CandleKeeper] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def __repr__(self) -> str:
        return f"<Keepers of {', '.join(self._keepers) or 'nothing'}>"

    def find(self, market: str) -> CandleKeeper | None:
        """Return the keeper of a market."""
        return self._keepers.get(market)

    def all(self) -> dict[str, CandleKeeper]:
        """Return the keepers by market."""
        return dict(self._keepers)

    def series(self, market: str, frame: Timeframe) -> CandleSeries | None:
        """Return the candles of a market and timeframe, None where they are not kept."""
        keeper = self._keepers.get(market)
        return keeper.candles.series[frame] if keeper else None

    def feed_of(self, market: str) -> Channel:
        """Return the channel that a market's candles are made of: candles where a source has them, else trades."""
        candles = Channel(Feed.CANDLES, market, TIMEFRAMES[0])
        return candles if self._readers.offers(candles) else Channel(Feed.TRADES, market)

    def acquire(self, market: str) -> CandleKeeper:
        """Count one more reader, starting the keeper for the first. Raises as `Readers.acquire`."""
        keeper = self._keepers.get(market)
        if keeper is None:
            self._readers.acquire(self.feed_of(market))
            keeper = CandleKeeper(
                market,
                self._history,
                self._on_changes,
                limits=BUFFER_BARS,
                close_delay_s=self._settings.verify_after_s,
                store=self._store,
                loads=self._loads,
                clocks=self._clocks,
            )
            self._keepers[market] = keeper
            self._tasks[market] = asyncio.create_task(keeper.run(), name=f"candles of {market}")
        keeper.readers += 1
        keeper.unread_since_s = None
        return keeper

    def release(self, market: str) -> None:
        """Undo one `acquire`; the keeper lingers without readers."""
        keeper = self._keepers[market]
        keeper.readers -= 1
        if keeper.readers <= 0:
            keeper.unread_since_s = self._clocks.steady()

    async def load(self, market: str) -> None:
        """Wait until the candles of a market are here; they are kept while they are asked for. Raises WarmingUp."""
        keeper = self.acquire(market)
        try:
            async with asyncio.timeout(WARM_UP_S):
                await keeper.is_loaded.wait()
        except TimeoutError:
            raise WarmingUp(f"the candles of {market} are not here yet") from None
        finally:
            self.release(market)

    def newest(self, market: str, frame: Timeframe, limit: int, since_ms: int | None) -> CandlesAnswer:
        """Return the newest candles, at least one, newest first. Raises WarmingUp where there are none."""
        series = self.series(market, frame)
        if series is None or not len(series):
            raise WarmingUp(f"the candles of {market} are not here yet")
        candles = series.newest_first(max(1, limit), since_ms)
        return CandlesAnswer(market, frame, candles, series.version)

    async def tick(self) -> None:
        """End the keepers that nobody has read for a while. Raises what one died of."""
        for market, task in list(self._tasks.items()):
            keeper = self._keepers[market]
            if task.done():
                task.result()
            since_s = keeper.unread_since_s
            if since_s is not None and self._clocks.steady() - since_s >= self._settings.linger_s:
                await self._end(market)

    async def close(self) -> None:
        """End all of them."""
        for market in list(self._keepers):
            await self._end(market)

    async def _end(self, market: str) -> None:
        del self._keepers[market]
        task = self._tasks.pop(market)
        task.cancel()
        await asyncio.wait([task])
        self._readers.release(self.feed_of(market))
