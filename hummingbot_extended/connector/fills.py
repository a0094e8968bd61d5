"""The account's fills by REST: those since the last look, and those of one order."""

from functools import partial

from hummingbot_extended.exchange.models import AccountTrade
from hummingbot_extended.exchange.paging import pages
from hummingbot_extended.exchange.rest import ExtendedRest

PAGE = 200
# Of a look that goes back to an order's creation, perhaps days ago; an account may have 10,000 fills a day.
LONG_PAGE = 1_000
MAX_PAGES = 100
# How much earlier than its order's creation a fill may be dated: two clocks are involved.
CLOCK_MARGIN_MS = 60_000


class FillHistory:
    """Reads `/user/trades` from the newest back to what was read before (API reference §3.7: it knows no other filter).

    The cursor moves only here, never by what the stream told: the stream may have lost a fill in between.
    """

    def __init__(self, rest: ExtendedRest) -> None:
        self._rest = rest
        self._cursor: int | None = None

    def __repr__(self) -> str:
        return f"<{type(self).__name__} after {self._cursor}>"

    async def fetch_new(self, since_ms: int | None) -> list[AccountTrade]:
        """Return the fills since the last call, oldest first; the first call returns those since `since_ms`.

        The first call with None returns nothing: it only notes where the history stands. Raises what REST raises; then
        nothing is skipped by the next call.
        """
        found: list[AccountTrade] = []
        limit = LONG_PAGE if self._cursor is None and since_ms is not None else PAGE
        async for page in pages(self._rest.trades, limit=limit, max_pages=MAX_PAGES):
            found += page
            if not page or self._is_old(page[-1], since_ms):
                break
        wanted = [trade for trade in found if not self._is_old(trade, since_ms)]
        if found or self._cursor is None:
            self._cursor = max(self._cursor or 0, *(trade.id for trade in found), 0)
        return wanted[::-1]

    def _is_old(self, trade: AccountTrade, since_ms: int | None) -> bool:
        if self._cursor is not None:
            return trade.id <= self._cursor
        return since_ms is None or trade.created_time_ms < since_ms - CLOCK_MARGIN_MS

    async def fetch_order(self, market: str, order_id: int, created_ms: int) -> list[AccountTrade]:
        """Return the fills of one order, oldest first, back to its creation."""
        found: list[AccountTrade] = []
        async for page in pages(partial(self._rest.trades, market), limit=LONG_PAGE, max_pages=MAX_PAGES):
            found += [trade for trade in page if trade.order_id == order_id]
            if not page or page[-1].created_time_ms < created_ms - CLOCK_MARGIN_MS:
                break
        return found[::-1]
