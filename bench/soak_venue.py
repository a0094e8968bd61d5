"""The venue of the soak, in a process of its own: ten times as busy as usual, and it remembers every public trade.

Started by `bench.soak`. Prints what `venue --json` prints; for each line on stdin it prints all trade ids by market.
"""

import asyncio
import json
import sys

from hummingbot_extended.venue import venue_core
from hummingbot_extended.venue.events import Event, PublicTradeEvent
from hummingbot_extended.venue.server import PracticeVenue
from hummingbot_extended.venue.settings import VenueSettings

STEP_MS = 10  # of the market's life; 100 otherwise
# More than a reconnect can miss, so that the replay covers it (the exchange's 50 would not, at this rate).
RECENT_TRADES = 500


async def serve() -> None:
    """Serve until stdin ends."""
    venue_core.STEP_MS = STEP_MS
    settings = VenueSettings(port=0, rate_limit=0, book_push_ms=STEP_MS, recent_trades=RECENT_TRADES)
    trades: dict[str, list[int]] = {}
    async with PracticeVenue(settings) as venue:
        feed = venue.core.hub.feed

        def remember(events: list[Event]) -> None:
            for event in events:
                if isinstance(event, PublicTradeEvent):
                    trades.setdefault(event.trade.market, []).append(event.trade.id)
            feed(events)

        venue.core.hub.feed = remember
        print(json.dumps(venue.facts() | {"origin": venue.origin}), flush=True)
        while await asyncio.to_thread(sys.stdin.readline):
            print(json.dumps(trades), flush=True)


if __name__ == "__main__":
    asyncio.run(serve())
