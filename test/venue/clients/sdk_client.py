"""Talk to the venue with the official SDK 2.6.0, unchanged but for base URLs. Runs in `.venv-sdk`.

VENUE_FACTS in the environment is the venue's first line. Prints one JSON object: what was seen, by step.
"""

import asyncio
import dataclasses
import json
import os
import sys
import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from x10.clients.blocking.blocking_trading_client import BlockingTradingClient
from x10.clients.rest.rest_api_client import RestApiClient
from x10.clients.stream import StreamClient
from x10.clients.streamrpc.streamrpc_client import StreamRpcClient
from x10.clients.streamrpc.subscription_params import AccountParams, OrderbooksParams, TradesParams
from x10.config import TESTNET_CONFIG
from x10.core.stark_account import StarkPerpetualAccount
from x10.errors import ApiError, ApiNotAuthorizedError
from x10.models.order import OrderPriceType, OrderSide, OrderTpslType, OrderTriggerPriceType, TimeInForce
from x10.signing.order_object import OrderTpslTriggerParam

MARKET = "BTC-USD"
QTY = Decimal("0.001")
seen: dict[str, object] = {}


async def main() -> None:
    facts = json.loads(os.environ["VENUE_FACTS"])
    rest_url, stream_url = facts["rest_url"], facts["stream_url"]
    endpoints = dataclasses.replace(
        TESTNET_CONFIG.endpoints,
        api_base_url=rest_url,
        api_base_order_management_url=rest_url,
        stream_url=stream_url,
        stream_rpc_url=stream_url.removesuffix("/v1") + "/v2/rpc",
    )
    config = dataclasses.replace(TESTNET_CONFIG, endpoints=endpoints)
    keys = (int(facts["vault"]), facts["stark_private_key"], facts["stark_public_key"], facts["api_key"])
    account = StarkPerpetualAccount(*keys)
    async with RestApiClient(config, account) as client:
        await read_public(client)
        await read_account(client)
        await trade(client, stream_url, facts["api_key"])
        await refused(config, keys)
    await rpc(endpoints.stream_rpc_url, facts["api_key"])
    await blocking(config, account)
    print(json.dumps(seen))


async def read_public(client: RestApiClient) -> None:
    markets = (await client.info.get_markets()).data
    seen["markets"] = [market.name for market in markets]
    stats = (await client.info.get_market_statistics(market_name=MARKET)).data
    book = (await client.info.get_orderbook_snapshot(market_name=MARKET)).data
    seen["spread"] = str(book.ask[0].price - book.bid[0].price)
    seen["stats_bid"] = str(stats.bid_price)
    candles = await client.info.get_candles_history(market_name=MARKET, candle_type="trades", interval="PT1M", limit=5)
    seen["candles"] = len(candles.data)
    now = datetime.now(UTC)
    rates = await client.info.get_funding_rates_history(
        market_name=MARKET, start_time=now - timedelta(hours=5), end_time=now
    )
    seen["funding_rates"] = len(rates.data)
    seen["assets"] = [asset.name for asset in (await client.info.get_assets()).data]
    seen["asset_price"] = str((await client.info.get_asset_price(asset_name="BTC")).data)


async def read_account(client: RestApiClient) -> None:
    info = (await client.account.get_account()).data
    seen["vault"] = info.l2_vault
    seen["accounts"] = len((await client.account.get_accounts()).data)
    seen["client"] = (await client.account.get_client()).data.id
    seen["balance"] = str((await client.account.get_balance()).data.balance)
    seen["spot_balances"] = len((await client.account.get_spot_balances()).data)
    fees = (await client.account.get_fees(market_names=[MARKET])).data
    seen["taker_fee"] = str(fees[0].taker_fee_rate)
    await client.account.update_leverage(MARKET, Decimal(20))
    seen["leverage"] = str((await client.account.get_leverage(market_names=[MARKET])).data[0].leverage)
    claim = await client.testnet.claim_testing_funds()
    seen["claim"] = claim.data.id
    seen["balance_after_claim"] = str((await client.account.get_balance()).data.balance)


async def wait_order(client: RestApiClient, external_id: str, *statuses: str) -> str:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            orders = (await client.account.get_order_by_external_id(external_id)).data
        except ApiError:
            orders = []
        if orders and orders[0].status in statuses:
            return orders[0].status
        await asyncio.sleep(0.05)
    raise TimeoutError(f"{external_id} never became {statuses}")


async def trade(client: RestApiClient, stream_url: str, api_key: str) -> None:
    streams = StreamClient(api_url=stream_url)
    async with (
        streams.subscribe_to_account_updates(api_key) as account_stream,
        streams.subscribe_to_orderbooks(MARKET) as books,
        streams.subscribe_to_public_trades(MARKET) as trades,
        streams.subscribe_to_funding_rates(MARKET) as funding,
        streams.subscribe_to_candles(MARKET, "trades", "PT1M") as candles,
        streams.subscribe_to_orderbooks(MARKET, depth=1) as top,
    ):
        first = [(await account_stream.recv()) for _ in range(3)]
        seen["account_opening"] = [message.type for message in first]
        seen["book_types"] = [(await books.recv()).type for _ in range(3)]
        seen["public_trades"] = len((await trades.recv()).data)
        seen["funding_market"] = (await funding.recv()).data.market
        seen["candle_count"] = len((await candles.recv()).data)
        seen["top_levels"] = len((await top.recv()).data.bid)
        await rest_orders(client)
        kinds: set[str] = set()
        while not {"ORDER", "TRADE", "POSITION", "BALANCE"} <= kinds:
            kinds.add((await asyncio.wait_for(account_stream.recv(), 30)).type)
        seen["account_updates"] = sorted(kinds)


async def place(client: RestApiClient, qty: Decimal, price: Decimal, side: OrderSide, **options: object):
    return await client.place_order(MARKET, qty, price, side, taker_fee=Decimal("0.0005"), **options)


async def rest_orders(client: RestApiClient) -> None:
    book = (await client.info.get_orderbook_snapshot(market_name=MARKET)).data
    far = (book.bid[0].price * Decimal("0.98")).to_integral_value()
    placed = await place(client, QTY, far, OrderSide.BUY, post_only=True, external_id="sdk-1")
    seen["resting"] = await wait_order(client, "sdk-1", "NEW")
    seen["by_id"] = (await client.account.get_order_by_id(placed.data.id)).data.external_id
    seen["open_orders"] = len((await client.account.get_open_orders(market_names=[MARKET])).data)
    replaced = await place(
        client, QTY, far - 10, OrderSide.BUY, post_only=True, external_id="sdk-2", previous_order_id="sdk-1"
    )
    seen["edited"] = [await wait_order(client, "sdk-1", "CANCELLED"), await wait_order(client, "sdk-2", "NEW")]
    await client.orders.cancel_order(replaced.data.id)
    seen["cancelled"] = await wait_order(client, "sdk-2", "CANCELLED")
    await place(client, QTY, far, OrderSide.BUY, external_id="sdk-3")
    await wait_order(client, "sdk-3", "NEW")
    await client.orders.cancel_order_by_external_id("sdk-3")
    await wait_order(client, "sdk-3", "CANCELLED")
    await place(client, QTY, far, OrderSide.BUY, external_id="sdk-4")
    await wait_order(client, "sdk-4", "NEW")
    await client.orders.mass_cancel(markets=[MARKET])
    seen["mass_cancelled"] = await wait_order(client, "sdk-4", "CANCELLED")
    await take(client, book.ask[0].price)


async def take(client: RestApiClient, ask: Decimal) -> None:
    high = (ask * Decimal("1.01")).to_integral_value()
    await place(client, QTY, high, OrderSide.BUY, external_id="sdk-5", time_in_force=TimeInForce.IOC)
    seen["taken"] = await wait_order(client, "sdk-5", "FILLED")
    trades = (await client.account.get_trades([MARKET])).data
    seen["fee_is_exact"] = trades[0].fee == trades[0].value * Decimal("0.00025")
    position = (await client.account.get_positions(market_names=[MARKET])).data[0]
    seen["position"] = [position.side, str(position.size)]
    low = (ask * Decimal("0.98")).to_integral_value()

    def leg(factor: str) -> OrderTpslTriggerParam:
        price = (ask * Decimal(factor)).to_integral_value()
        return OrderTpslTriggerParam(
            trigger_price=price,
            trigger_price_type=OrderTriggerPriceType.MARK,
            price=price,
            price_type=OrderPriceType.LIMIT,
        )

    await place(
        client,
        QTY,
        low,
        OrderSide.BUY,
        external_id="sdk-6",
        tp_sl_type=OrderTpslType.ORDER,
        take_profit=leg("1.03"),
        stop_loss=leg("0.96"),
    )
    seen["bracket"] = await wait_order(client, "sdk-6", "NEW")
    await client.orders.mass_cancel(cancel_all=True)
    await wait_order(client, "sdk-6", "CANCELLED")
    await place(client, QTY, low, OrderSide.SELL, external_id="sdk-7", time_in_force=TimeInForce.IOC, reduce_only=True)
    seen["closed"] = await wait_order(client, "sdk-7", "FILLED")
    seen["positions_after"] = len((await client.account.get_positions()).data)
    seen["position_history"] = len((await client.account.get_positions_history()).data)
    seen["order_history"] = len((await client.account.get_orders_history(market_names=[MARKET])).data)
    seen["asset_operations"] = [op.type for op in (await client.account.asset_operations()).data]


async def refused(config: object, keys: tuple[int, str, str, str]) -> None:
    """A wrong Stark key is refused because of its signature, a wrong API key with 401, no key of the venue's making."""
    vault, private, public, api_key = keys
    wrong = StarkPerpetualAccount(vault, hex(int(private, 16) ^ 1), public, api_key)
    async with RestApiClient(config, wrong) as client:
        try:
            await place(client, QTY, Decimal(80000), OrderSide.BUY)
        except ApiError as error:
            seen["wrong_signature"] = "1101" in str(error)
    async with RestApiClient(config, StarkPerpetualAccount(vault, private, public, "0" * 32)) as client:
        try:
            await client.account.get_balance()
        except ApiNotAuthorizedError:
            seen["wrong_api_key"] = True


async def rpc(url: str, api_key: str) -> None:
    queue: asyncio.Queue[object] = asyncio.Queue()
    breaks: list[object] = []
    client = StreamRpcClient(api_url=url, on_sequence_break=lambda *args: breaks.append(args))
    async with client:
        await client.ping()
        await client.subscribe(params=OrderbooksParams(market=MARKET), handler=queue.put)
        await client.subscribe(params=TradesParams(market=MARKET), handler=queue.put)
        account = AccountParams(account=str(json.loads(os.environ["VENUE_FACTS"])["vault"]), api_key=api_key)
        await client.subscribe(params=account, handler=queue.put)
        kinds: set[str] = set()
        while not {"ORDERBOOKS.SNAPSHOT", "ORDERBOOKS.DELTA", "TRADES", "ACCOUNT.BALANCE"} <= kinds:
            kinds.add((await asyncio.wait_for(queue.get(), 30)).type)
        seen["rpc_kinds"] = sorted(kinds)
        seen["rpc_subscriptions"] = len(await client.list_subscriptions())
        seen["rpc_breaks"] = len(breaks)


async def blocking(config: object, account: StarkPerpetualAccount) -> None:
    """The SDK's blocking client sees on the account stream what its own orders become."""
    client = await BlockingTradingClient.create(config, account)
    order = await client.create_and_place_order(
        market_name=MARKET,
        amount_of_synthetic=QTY,
        price=Decimal(82000),
        side=OrderSide.BUY,
        post_only=True,
        taker_fee=Decimal("0.0005"),
    )
    seen["blocking_placed"] = order.status
    await client.cancel_order(order.external_id)
    seen["blocking_cancelled"] = True
    await client.close()


if __name__ == "__main__":
    asyncio.run(asyncio.wait_for(main(), 150))
    sys.exit(0)
