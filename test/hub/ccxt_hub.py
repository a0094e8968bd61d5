"""A hub whose source is ccxt.pro's `extended`, unchanged but for its base URLs. Runs in `.venv-ccxt`.

VENUE_FACTS in the environment is the venue's first line. A first line of output says that every kind came; then the
source is lost and found again; then one JSON object says what was seen.
"""

import asyncio
import json
import os
from contextlib import AsyncExitStack

import ccxt.pro

from hummingbot_extended.exchange.endpoints import LOCAL_NAME
from hummingbot_extended.hub.assembly import Parts, make_parts
from hummingbot_extended.hub.events import DepthRow, QuoteRow, Row, TradeRow
from hummingbot_extended.hub.kinds import Kind
from hummingbot_extended.hub.service import Hub
from hummingbot_extended.hub.settings import HubSettings

FACTS = json.loads(os.environ["VENUE_FACTS"])
ORIGIN = FACTS["rest_url"].removesuffix("/api/v1")
MARKET = "BTC-USD"
KINDS = (Kind.DEPTH, Kind.QUOTE, Kind.TRADES, Kind.PRICE, Kind.OHLCV, Kind.FUNDING, Kind.MARK)


class LocalExtended(ccxt.pro.extended):
    """ccxt's exchange at the practice venue."""

    def __init__(self) -> None:
        super().__init__()
        self.urls["api"]["rest"] = ORIGIN
        self.urls["api"]["ws"] = FACTS["stream_url"]
        self.enableRateLimit = False


async def wait_for(condition) -> None:
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.02)


def errors(hub: Hub) -> int:
    return sum(source.errors for channel in hub.status().channels for source in channel.sources)


async def main() -> None:
    ccxt.pro.extended = LocalExtended
    settings = HubSettings(domain=LOCAL_NAME, sources=("ccxt:extended",), markets=(MARKET,))
    async with AsyncExitStack() as stack:
        made = await make_parts(settings, stack, environ={"EXTENDED_PERPETUAL_LOCAL_URL": ORIGIN})
        rows: list[Row] = []
        async with Hub(settings, parts=Parts(made.rest, made.sources, made.history)) as hub:
            listening = hub.listen(KINDS, [MARKET], rows.append)
            await wait_for(lambda: {row.kind for row in rows} == set(KINDS))
            print("every kind came", flush=True)
            await wait_for(lambda: errors(hub) > 0)
            lost_at = len(rows)
            await wait_for(
                lambda: {Kind.DEPTH, Kind.TRADES} <= {row.kind for row in rows[lost_at:] if not row.is_stale}
            )
            await wait_for(lambda: len([row for row in rows if isinstance(row, TradeRow)]) >= 5)
            await listening.close()
            candles = await hub.candles(MARKET, "M1", limit=2)
        books = [row for row in rows if isinstance(row, DepthRow)]
        quotes = [row for row in rows if isinstance(row, QuoteRow) and row.bid and row.ask]
        seen = {
            "providers": sorted({row.provider for row in rows if row.kind in (Kind.TRADES, Kind.DEPTH, Kind.QUOTE)}),
            "trades": [
                [row.trade_id, str(row.price), str(row.size), row.side] for row in rows if isinstance(row, TradeRow)
            ],
            "books_are_snapshots": all(book.is_snapshot for book in books),
            "crossed": sum(quote.bid >= quote.ask for quote in quotes),
            "candles": len(candles.candles),
        }
    print(json.dumps(seen), flush=True)


if __name__ == "__main__":
    asyncio.run(asyncio.wait_for(main(), 120))
