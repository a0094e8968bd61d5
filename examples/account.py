"""Positions, balance and orders of an account: three subscriptions, one socket."""

import asyncio
import os
import sys

from hummingbot_extended.client import BalanceUpdate, ExtendedClient, OrderUpdate, PositionUpdate

DOMAIN = sys.argv[1] if len(sys.argv) > 1 else "extended_perpetual_local"


async def main() -> None:
    """Print what the account has now, and then what changes within two seconds."""

    async def on_position(update: PositionUpdate) -> None:
        print(f"position {update.market} {update.size}")

    async def on_balance(update: BalanceUpdate) -> None:
        print(f"balance {update.balance.equity} {update.balance.collateral_name}")

    async def on_order(update: OrderUpdate) -> None:
        print(f"order {update.order.external_id} {update.order.status} {update.order.filled_qty} filled")

    async with ExtendedClient(DOMAIN, api_key=os.environ["EXTENDED_API_KEY"]) as client:
        await client.brokerage.stream_position_changes(on_position)
        await client.brokerage.stream_balance_changes(on_balance)
        await client.order_execution.stream_order_updates(on_order)
        print(f"{len(client.stats())} socket")
        await asyncio.sleep(2)


asyncio.run(main())
