"""Where candles come from: one protocol, and a chain that asks the next loader when one has none.

The order is that of the founding document (A21): a hub over HTTP, a hub in this process, the exchange. A hub puts
itself in front with `register_in_process_loader`; the chain looks for it at every load, so it may start later.
"""

import logging
from collections import defaultdict
from collections.abc import Sequence
from typing import Protocol

from hummingbot_extended.candles.bars import Bar
from hummingbot_extended.candles.timeframes import Timeframe
from hummingbot_extended.errors import ExtendedError

logger = logging.getLogger(__name__)


class CandleLoader(Protocol):
    """A source of past candles."""

    @property
    def name(self) -> str:
        """What the source is called in logs."""
        ...

    async def load(
        self, market: str, frame: Timeframe, *, limit: int, start_ms: int | None = None, end_ms: int | None = None
    ) -> list[Bar]:
        """The newest `limit` bars of `market` that opened from `start_ms` to `end_ms` (epoch ms, both inclusive).

        Oldest first, at equal distances (times without trades are flat bars), the forming bar included where the
        window reaches it. Fewer than `limit` where the market is younger; empty where the source has none.
        Raises ExtendedError where the source cannot answer. Cancelling leaves nothing behind.
        """
        ...


_in_process: defaultdict[str, list[CandleLoader]] = defaultdict(list)


def register_in_process_loader(loader: CandleLoader, domain: str) -> None:
    """Let `loader` (a hub running in this process) answer before the exchange; the latest registered comes first.

    `domain` is the connector's name that the candles belong to, for example "extended_perpetual_local".
    """
    _in_process[domain].insert(0, loader)


def unregister_in_process_loader(loader: CandleLoader, domain: str) -> None:
    """Take `loader` out again. Nothing happens where it was not registered."""
    if loader in _in_process[domain]:
        _in_process[domain].remove(loader)


def in_process_loaders(domain: str) -> Sequence[CandleLoader]:
    """The loaders of this process for `domain`, the latest registered first."""
    return tuple(_in_process[domain])


class FallbackLoader:
    """Asks the loaders in order, and takes the first answer that has bars.

    `before` come first (a hub over HTTP), then whatever is registered in this process for `domain`, then `last` (the
    exchange), whose errors are raised. Errors of the others are logged at debug level, and the next one is asked (A26).
    """

    name = "fallback"

    def __init__(self, last: CandleLoader, *, domain: str, before: Sequence[CandleLoader] = ()) -> None:
        self._before = tuple(before)
        self._domain = domain
        self._last = last

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {' → '.join(loader.name for loader in self._chain())}>"

    def _chain(self) -> list[CandleLoader]:
        return [*self._before, *in_process_loaders(self._domain), self._last]

    async def load(
        self, market: str, frame: Timeframe, *, limit: int, start_ms: int | None = None, end_ms: int | None = None
    ) -> list[Bar]:
        """See CandleLoader.load. Raises what the last loader raises."""
        *earlier, last = self._chain()
        for loader in earlier:
            try:
                bars = await loader.load(market, frame, limit=limit, start_ms=start_ms, end_ms=end_ms)
            except ExtendedError as error:
                logger.debug("No %s %s candles from %s: %s", market, frame, loader.name, error)
                continue
            if bars:
                return bars
            logger.debug("No %s %s candles from %s", market, frame, loader.name)
        return await last.load(market, frame, limit=limit, start_ms=start_ms, end_ms=end_ms)
