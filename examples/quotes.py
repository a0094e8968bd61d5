"""Best bid and ask of two markets, over one subscription."""

import asyncio
import sys

from hummingbot_extended.client import ExtendedClient, Quote

DOMAIN = sys.argv[1] if len(sys.argv) > 1 else "extended_perpetual_local"


async def main() -> None:
    """Print ten quotes."""
    enough = asyncio.Event()
    seen = 0

    async def on_quote(quote: Quote) -> None:
        nonlocal seen
        print(f"{quote.market}  {quote.bid} × {quote.bid_qty}  |  {quote.ask} × {quote.ask_qty}")
        seen += 1
        if seen == 10:
            enough.set()

    def on_error(error: Exception) -> None:
        print(f"the stream goes on after: {error}")

    async with ExtendedClient(DOMAIN) as client:
        await client.market_data.stream_quotes(["BTC-USD", "ETH-USD"], on_quote, on_error)
        await enough.wait()


asyncio.run(main())
