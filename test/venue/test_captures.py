"""The venue's replies and frames against everything that was captured of the exchange: key for key and kind for kind.

The project's own files in test/data/venue have made-up values in the captured shapes. Where the captures themselves lie
beside the checkout, they are compared as well.
"""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from hummingbot_extended.venue.settings import VenueSettings
from hummingbot_extended.venue.variants import Variants
from test.venue.shapes import differences
from test.venue.venue_kit import MARKET, Client, Frames, quiet, trading

OWN = Path(__file__).parents[1] / "data/venue"
CAPTURED = Path(__file__).parents[3] / "shared/data/extended"
FOLDERS = [folder for folder in (OWN, CAPTURED) if folder.is_dir()]

# What the API reference documents beyond one capture or another (§2.1, §3.2, §3.4, §3.6; sdk_* are older shapes).
LATER_FIELDS = frozenset(
    {"cancelledQty", "statusReason", "maxPositionSize", "adl", "exitPrice", "exitType", "closedTime", "type", "isRfq"}
    | {"isOffHours", "tradingHours", "openInterestLimit", "uPnlWithdrawable", "postWithdrawalMarginFactor", "uiName"}
    | {"referenceMarket", "subCategory", "description", "status", "visibleOnUi", "createdAt", "hourlyFundingRateCap"}
    | {
        "isAvailableForUsers",
        "pagination",
        "chain",
        "transactionHash",
        "counterpartyAccountId",
        "apiKeys",
        "c",
        "d",
        "t",
    }
    | {"bridgeStarknetAddress", "accountIndexForKeyGeneration", "accountId", "isSnapshot", "externalOrderId"}
)
CHOSEN_BY_CLIENTS = frozenset({"externalId"})  # a text, digits or not
WITHOUT_A_FRAME = {
    "requests.json": "requests, not replies",
    "sdk_unknown_frame.json": "a frame that the exchange never sends, made up by the SDK's tests",
}


@asynccontextmanager
async def traded() -> AsyncIterator[tuple[Client, Client]]:
    """A venue on which two traders traded: fills, open, cancelled and closed orders, funding, a transfer."""
    async with trading() as (venue, client):
        other = Client(venue, client.session, 1)
        await other.place("SELL", "0.01", "84100")
        await client.place("BUY", "0.01", "84100", "bought")
        await other.place("SELL", "0.01", "84300")
        await client.place("BUY", "0.02", "83000", "open-1")
        await client.place("BUY", "0.02", "83100", "cancelled-1")
        await client.call("DELETE", "/user/order", params={"externalId": "cancelled-1"})
        await client.control("POST", "/funding", market=MARKET, rate="0.0001")
        await client.control("POST", "/funding")
        await client.control("POST", "/deposit", account=client.account, amount="-5")
        await client.control("POST", "/transfer", **{"from": client.account, "to": other.account, "amount": "3"})
        yield client, other


REPLIES = {
    "rest_markets_btc": "/info/markets?market=BTC-USD",
    "rest_fetch_markets": "/info/markets",
    "rest_fetch_tickers": "/info/markets?market=BTC-USD",
    "sdk_markets_btc": "/info/markets?market=BTC-USD",
    "rest_fetch_ticker": "/info/markets/BTC-USD/stats",
    "rest_fetch_order_book": "/info/markets/BTC-USD/orderbook",
    "rest_fetch_trades": "/info/markets/BTC-USD/trades",
    "rest_fetch_ohlcv": "/info/candles/BTC-USD/trades?interval=PT1M&limit=3",
    "rest_fetch_funding_rate_history": "/info/BTC-USD/funding?startTime=0&endTime=9999999999999&limit=3",
    "rest_fetch_open_interest_history": "/info/BTC-USD/open-interests?interval=PT1H&startTime={day_ago}&endTime={now}",
    "rest_fetch_currencies": "/info/assets",
    "rest_balance": "/user/balance",
    "rest_fetch_balance": "/user/spot/balances",
    "rest_fetch_account": "/user/account/info",
    "rest_fetch_trading_fee": "/user/fees?market=BTC-USD",
    "rest_fetch_trading_fees": "/user/fees",
    "rest_fetch_leverage": "/user/leverage?market=BTC-USD",
    "rest_fetch_open_orders": "/user/orders",
    "rest_fetch_order_1": "/user/orders/{order}",
    "rest_fetch_order_2": "/user/orders/external/bought",
    "rest_fetch_orders": "/user/orders/history",
    "rest_fetch_closed_orders": "/user/orders/history",
    "rest_fetch_canceled_orders": "/user/orders/history",
    "rest_fetch_my_trades": "/user/trades",
    "rest_fetch_position": "/user/positions?market=BTC-USD",
    "rest_fetch_positions": "/user/positions",
    "rest_fetch_positions_history": "/user/positions/history",
    "rest_fetch_funding_history": "/user/funding/history?startTime=0",
    "rest_fetch_transactions": "/user/assetOperations?type=TRANSFER",
    "rest_fetch_transfers": "/user/assetOperations?type=TRANSFER",
    "rest_fetch_deposits": "/user/assetOperations?type=DEPOSIT",
    "rest_fetch_withdrawals": "/user/assetOperations?type=WITHDRAWAL",
    "sdk_asset_operations": "/user/assetOperations?type=TRANSFER",
}
# Mark and index candles have no volume (API reference §2.5); ccxt's files are copies of the trades candle.
CANDLES_OF_PRICES = {"rest_fetch_mark_ohlcv": "mark-prices", "rest_fetch_index_ohlcv": "index-prices"}
COMMANDS = {"rest_cancel_order_1", "rest_cancel_order_2", "rest_cancel_orders_1", "rest_cancel_orders_2"} | {
    "rest_cancel_all_orders", "rest_cancel_all_orders_after_1", "rest_cancel_all_orders_after_2", "rest_create_order",
    "rest_set_leverage", "rest_error_1006",
}  # fmt: skip
ACCOUNT_LISTS = {"rest_fetch_accounts", "sdk_accounts"}
FRAMES = {"ws_account_snapshots", "sdk_account_trade_frame", "sdk_orderbook_frame", "sdk_candle_frame"}
RPC = {"rpc_responses_btc", "rpc_orderbook_snapshot_btc_top300", "rpc_orderbook_delta_btc", "rpc_trades_replay_btc"} | {
    "rpc_mark_price_btc", "rpc_index_price_btc", "rpc_funding_rate_btc",
}  # fmt: skip


def read(folder: Path, name: str) -> Any:
    return json.loads((folder / f"{name}.json").read_text())


def same_shape(captured: Any, ours: Any, name: str, *, without: frozenset[str] = frozenset()) -> None:
    found = differences(captured, ours, allowed=LATER_FIELDS, quoted_ids=not name.startswith("rpc"))
    left = [line for line in found if line.rpartition(".")[2].split(" ")[0] not in without]
    assert left == []


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.parent.name)
def test_every_captured_file_is_compared(folder: Path) -> None:
    compared = REPLIES.keys() | CANDLES_OF_PRICES.keys() | COMMANDS | ACCOUNT_LISTS | FRAMES | RPC
    files = {path.name for path in folder.glob("*.json")} - WITHOUT_A_FRAME.keys()
    assert {f"{name}.json" for name in compared} == files


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.parent.name)
async def test_replies_have_the_captured_shapes(folder: Path) -> None:
    async with traded() as (client, _):
        order = (await client.get("/user/orders/external/bought"))[0]["id"]
        now = client.venue.core.now_ms()
        for name, path in REPLIES.items():
            filled_in = path.format(order=order, now=now, day_ago=now - 86_400_000)
            _, ours = await client.call("GET", filled_in)
            if name == "sdk_asset_operations":
                ours = ours | {"data": ours["data"][:1]}
            same_shape(read(folder, name), ours, name, without=CHOSEN_BY_CLIENTS)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.parent.name)
async def test_price_candles_are_captured_candles_without_volume(folder: Path) -> None:
    async with trading() as (_, client):
        for name, which in CANDLES_OF_PRICES.items():
            _, ours = await client.call("GET", f"/info/candles/BTC-USD/{which}?interval=PT1M&limit=3")
            same_shape(read(folder, name), ours, name, without=frozenset({"v"}))


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.parent.name)
async def test_commands_are_answered_as_captured(folder: Path) -> None:
    variants = Variants(deadmanswitch_reply="empty_string")
    async with trading(variants=variants, acceptance_delay_ms=0) as (_, client):
        body = client.order("BUY", "0.01", "83000", "external")
        created = await client.call("POST", "/user/order", json=body)
        same_shape(read(folder, "rest_create_order"), created[1], "rest_create_order", without=CHOSEN_BY_CLIENTS)
        resting = await client.place("BUY", "0.01", "83010")
        calls = {
            "rest_cancel_order_1": ("DELETE", f"/user/order/{resting['id']}", None),
            "rest_cancel_order_2": ("DELETE", "/user/order?externalId=external", None),
            "rest_cancel_orders_1": ("POST", "/user/order/massCancel", {"orderIds": [str(resting["id"])]}),
            "rest_cancel_orders_2": ("POST", "/user/order/massCancel", {"externalOrderIds": ["external"]}),
            "rest_cancel_all_orders": ("POST", "/user/order/massCancel", {"cancelAll": True, "markets": [MARKET]}),
            "rest_cancel_all_orders_after_1": ("POST", "/user/deadmanswitch?countdownTime=5", None),
            "rest_cancel_all_orders_after_2": ("POST", "/user/deadmanswitch?countdownTime=0", None),
            "rest_set_leverage": ("PATCH", "/user/leverage", {"market": MARKET, "leverage": "10"}),
        }
        for name, (method, path, sent) in calls.items():
            status, ours = await client.call(method, path, json=sent)
            assert status == 200, (name, ours)
            if name == "rest_set_leverage":
                assert ours["data"] == {"market": MARKET, "leverage": "10"}  # documents and TypeScript, §3.10
            else:
                assert ours == read(folder, name)
        await client.control("POST", "/faults", kind="server_error", path="*/user/balance")
        status, ours = await client.call("GET", "/user/balance")
        assert (status, ours) == (500, read(folder, "rest_error_1006"))


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.parent.name)
async def test_account_lists_have_the_captured_rows(folder: Path) -> None:
    async with trading() as (_, client):
        rows = await client.get("/user/accounts")
        same_shape(read(folder, "rest_fetch_accounts")["data"], rows[0], "rest_fetch_accounts")
        same_shape(read(folder, "sdk_accounts"), rows, "sdk_accounts", without=frozenset({"id"}))


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.parent.name)
async def test_v1_frames_have_the_captured_shapes(folder: Path) -> None:
    error = frozenset({"error", "type"})  # null members that the SDK's dump adds
    async with trading() as (venue, client):
        async with client.stream("/account") as account:
            opening = [await account.next() for _ in range(3)]
            same_shape(read(folder, "ws_account_snapshots")[1], opening[1], "ws_account_snapshots")
            assert [frame["type"] for frame in opening] == ["ORDER", "BALANCE", "POSITION"]
            assert [frame["seq"] for frame in opening] == [1, 2, 3]
            captured = read(folder, "ws_account_snapshots")
            assert [set(f["data"]) for f in opening] == [set(f["data"]) for f in captured]
            await Client(venue, client.session, 1).place("SELL", "0.01", "84100")
            await client.place("BUY", "0.01", "84100")
            trade = await account.of_type("TRADE")
            captured = read(folder, "sdk_account_trade_frame")
            same_shape(captured, trade, "sdk", without=error)
            assert set(trade["data"]["trades"][0]) == {*captured["data"]["trades"][0], "externalOrderId"}
        await client.place("BUY", "0.01", "83000")
        await Client(venue, client.session, 1).place("SELL", "0.01", "84200")
        async with client.stream("/orderbooks/BTC-USD") as books:
            same_shape(read(folder, "sdk_orderbook_frame"), await books.next(), "sdk", without=error)
        async with client.stream("/candles/BTC-USD/trades?interval=PT1M") as candles:
            same_shape(read(folder, "sdk_candle_frame"), await candles.next(), "sdk", without=error)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.parent.name)
async def test_rpc_frames_have_the_captured_shapes(folder: Path) -> None:
    scopes = [
        ("orderbooks", {"market": MARKET, "depth": "full"}),
        ("trades", {"market": MARKET}),
        ("prices", {"market": MARKET, "type": "mark"}),
        ("prices", {"market": MARKET, "type": "index"}),
        ("funding-rates", {"market": MARKET}),
    ]
    async with traded() as (client, other):
        await other.place("SELL", "0.01", "84200")
        async with client.session.ws_connect(client.venue.rpc_url) as socket:
            frames = Frames(socket)
            seen: list[dict[str, Any]] = []
            answers: list[dict[str, Any]] = []
            for number, (scope, selector) in enumerate(scopes, 1):
                params = {"scope": scope, "selector": selector}
                await socket.send_json({"jsonrpc": "2.0", "id": str(number), "method": "subscribe", "params": params})
                answers.append(await frames.find(lambda frame: "result" in frame))
                seen.append(await frames.next())
            await socket.send_json({"jsonrpc": "2.0", "id": "6", "method": "list-subscriptions"})
            answers.append(await frames.find(lambda frame: "result" in frame))
            assert answers == read(folder, "rpc_responses_btc")
            await client.place("BUY", "0.01", "83001")
            seen.append(await frames.find(lambda frame: frame["type"] == "ORDERBOOKS.DELTA"))
            assert [frame["seq"] for frame in seen] == list(range(6))
        names = ["orderbook_snapshot_btc_top300", "trades_replay_btc", "mark_price_btc", "index_price_btc"]
        for name, ours in zip([*names, "funding_rate_btc", "orderbook_delta_btc"], seen, strict=True):
            captured = read(folder, f"rpc_{name}")
            if name == "orderbook_delta_btc":
                captured["data"]["a"] = []  # an empty side says nothing about rows
            found = list(differences(captured, ours))
            assert found == [], name
            assert list(ours) == list(captured), name


async def test_capture_settings_are_the_defaults() -> None:
    """Nothing above works only because of an unusual setting."""
    async with quiet() as venue:
        assert venue.core.variants == VenueSettings().variants == Variants()
