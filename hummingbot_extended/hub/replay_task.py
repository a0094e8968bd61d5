"""Past rows as if they came now: the messages of a subscription, at a multiple of the speed they came with."""

import asyncio
from typing import TYPE_CHECKING

from hummingbot_extended.errors import ExtendedError
from hummingbot_extended.hub.client_subscription import ClientSubscription

if TYPE_CHECKING:
    from hummingbot_extended.hub.client_session import ClientSession
    from hummingbot_extended.hub.interface import MarketDataHub


async def run_replay(
    hub: "MarketDataHub", subscription: ClientSubscription, markets: list[str], session: "ClientSession"
) -> None:
    """Send what the hub keeps of the time asked for, then say that it ended. Cancelling ends it at once."""
    asked = subscription.asked.params.replay
    assert asked is not None  # noqa: S101 (only replays come here)
    loop = asyncio.get_running_loop()
    began_s, first_ms, error = loop.time(), None, None
    try:
        rows = hub.replay([subscription.asked.stream_type.kind], markets, from_ms=asked.from_ms, to_ms=asked.to_ms)
        async for row in rows:
            first_ms = row.ts_ms if first_ms is None else first_ms
            wait_s = began_s + (row.ts_ms - first_ms) / 1000 / asked.speed - loop.time()
            if wait_s > 0:
                await asyncio.sleep(wait_s)
            if subscription.id not in session.subscriptions:
                return
            await session.send_replay(subscription.message([row], row.ts_ms))
    except ExtendedError:
        error = "nothing is kept of this time"
    session.end_replay(subscription, error=error)
