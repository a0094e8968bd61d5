"""One-minute bars: history first, then live, without a gap or a duplicate between."""

import asyncio
import sys

from hummingbot_extended.client import ExtendedClient

DOMAIN = sys.argv[1] if len(sys.argv) > 1 else "extended_perpetual_local"


async def main() -> None:
    """Print ten bars of history and the bar that is forming."""
    async with ExtendedClient(DOMAIN) as client:
        subscription = await client.market_data.stream_bars("BTC-USD", "1m", history=10)
        async with subscription:
            async for bar in subscription:
                kind = "history" if bar.is_history else "closed" if bar.is_closed else "forming"
                print(f"{kind:<8} {bar.open_time_ms}  {bar.open} {bar.high} {bar.low} {bar.close}  {bar.volume}")
                if bar.is_end_of_history:
                    print("-- end of history --")
                if not bar.is_closed:
                    break


asyncio.run(main())
