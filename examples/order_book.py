"""An order book, taken with `async for`; after an outage it begins again with a snapshot."""

import asyncio
import sys

from hummingbot_extended.client import ExtendedClient, Reconnected

DOMAIN = sys.argv[1] if len(sys.argv) > 1 else "extended_perpetual_local"


def on_reconnected(mark: Reconnected) -> None:
    """The connection was lost and is back."""
    print(f"{mark.stream} is back, connection {mark.generation}")


async def main() -> None:
    """Print the best three levels of five books."""
    async with ExtendedClient(DOMAIN) as client:
        books = await client.market_data.stream_order_book("BTC-USD", depth=3, on_reconnected=on_reconnected)
        seen = 0
        async for book in books:
            bids = "  ".join(f"{price}×{qty}" for price, qty in book.bids)
            asks = "  ".join(f"{price}×{qty}" for price, qty in book.asks)
            print(f"{'snapshot' if book.is_snapshot else 'change':<8}  {bids}  |  {asks}")
            seen += 1
            if seen == 5:
                break


asyncio.run(main())
