"""A signed order with a known outcome: placed, replaced, cancelled."""

import asyncio
import os
import sys
from decimal import Decimal

from hummingbot_extended.client import ExtendedClient, OrderOutcome

DOMAIN = sys.argv[1] if len(sys.argv) > 1 else "extended_perpetual_local"


async def main() -> None:
    """Rest the smallest post-only order 2 % below the bid, move it by a tick, cancel it."""
    async with ExtendedClient(
        DOMAIN,
        api_key=os.environ["EXTENDED_API_KEY"],
        stark_private_key=os.environ["EXTENDED_STARK_PRIVATE_KEY"],
    ) as client:
        market = (await client.rest.markets("BTC-USD"))[0]
        rules = market.trading_config
        bid = (await client.rest.market_stats("BTC-USD")).bid_price
        price = bid * Decimal("0.98") // rules.min_price_change * rules.min_price_change

        placed = await client.order_execution.place_order(
            "BTC-USD", "BUY", rules.min_order_size, price, post_only=True, wait_s=5
        )
        if placed.outcome is not OrderOutcome.ACCEPTED:
            raise SystemExit(f"{placed.outcome.value}: {placed.reason}")
        print(f"placed at {price}: {placed.order.status if placed.order else 'received'}")

        moved = await client.order_execution.replace_order(
            placed.external_id, price=price - rules.min_price_change, wait_s=5
        )
        print(f"replaced: {moved.outcome.value}")

        gone = await client.order_execution.cancel_order(moved.external_id, wait_s=5)
        print(f"cancelled: {gone.order.status if gone.order else gone.outcome.value}")


asyncio.run(main())
