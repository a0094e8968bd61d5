"""Private REST: account, money, positions, orders, fills, funding, fees, leverage, faucet."""

from decimal import Decimal

import pytest

from hummingbot_extended.venue.variants import Variants
from test.until import until
from test.venue.venue_kit import MARKET, Client, trading


async def test_the_account_is_the_keys_own() -> None:
    async with trading() as (venue, client):
        info = await client.get("/user/account/info")
        assert (info["accountId"], info["l2Vault"], info["l2Key"]) == (
            client.account, venue.vault, venue.stark_public_key,
        )  # fmt: skip
        await client.control("PATCH", "/variants", vault_type="number")
        assert (await client.get("/user/account/info"))["l2Vault"] == int(venue.vault)
        assert len(await client.get("/user/accounts")) == 1
        assert (await client.get("/user/client/info"))["id"] == client.venue.trader.account.client_id
        assert set(await client.get("/user/rebates/stats")) >= {"totalPaid", "rebatesRate"}


async def test_an_empty_balance_is_404_until_the_faucet_runs() -> None:
    async with trading(balance=Decimal(0)) as (_, client):
        assert (await client.call("GET", "/user/balance"))[0] == 404
        assert await client.get("/user/spot/balances") == []
        status, reply = await client.call("POST", "/user/claim", json={})
        assert status == 200
        assert (await client.get("/user/balance"))["balance"] == "1000.000000"
        operation = (await client.get(f"/user/assetOperations?id={reply['data']['id']}"))[0]
        assert (operation["type"], operation["status"], Decimal(operation["amount"])) == ("CLAIM", "COMPLETED", 1000)


async def test_positions_and_balance_follow_a_trade_to_the_last_digit() -> None:
    async with trading() as (venue, client):
        other = Client(venue, client.session, 1)
        await other.place("SELL", "0.01", "84100")
        await client.place("BUY", "0.01", "84100")
        (position,) = await client.get(f"/user/positions?market={MARKET}")
        assert (position["side"], position["size"], position["status"]) == ("LONG", "0.01000", "OPENED")
        assert position["value"] == "840.770000"
        assert position["unrealisedPnl"] == "-0.230000"
        assert await client.get("/user/positions?side=SHORT") == []
        balance = await client.get("/user/balance")
        assert balance["balance"] == "9999.789750"  # 10,000 less 0.025 % of 841
        assert balance["equity"] == "9999.559750"
        (short,) = await other.get("/user/positions")
        assert (short["side"], short["size"]) == ("SHORT", "0.01000")
        history = await client.get("/user/positions/history")
        assert history[0]["realisedPnlBreakdown"]["openFees"] == "-0.2102500000000000"


async def test_fills_page_newest_first_and_carry_the_client_id_by_variant() -> None:
    async with trading() as (venue, client):
        other = Client(venue, client.session, 1)
        for _ in range(3):
            await other.place("SELL", "0.01", "84100")
            await client.place("BUY", "0.01", "84100")
        _, first = await client.call("GET", "/user/trades?limit=2")
        assert first["pagination"]["count"] == 2
        _, second = await client.call("GET", f"/user/trades?limit=2&cursor={first['pagination']['cursor']}")
        ids = [trade["id"] for trade in first["data"] + second["data"]]
        assert len(ids) == 3
        assert ids == sorted(ids, reverse=True)
        assert "externalId" not in first["data"][0]
        await client.control("PATCH", "/variants", trade_client_id="externalOrderId")
        assert (await client.get("/user/trades?type=TRADE&side=BUY"))[0]["externalOrderId"].startswith("kit-")
        assert await client.get("/user/trades?market=ETH-USD") == []


async def test_orders_are_404_while_young_and_listed_by_state() -> None:
    async with trading(visibility_delay_ms=150) as (venue, client):
        body = client.order("BUY", "0.01", "80000", "young")
        _, reply = await client.call("POST", "/user/order", json=body)
        order_id = reply["data"]["id"]
        await until(lambda: venue.engine.queries.order(client.account, order_id))
        assert (await client.call("GET", f"/user/orders/{order_id}"))[0] == 404
        assert await client.get("/user/orders") == []
        assert (await client.call("GET", "/user/orders/external/young"))[0] == 404
        await until(lambda: venue.core.now_ms() - venue.engine.queries.order(client.account, order_id).created_ms > 150)
        assert (await client.get(f"/user/orders/{order_id}"))["status"] == "NEW"
        assert [order["id"] for order in await client.get("/user/orders?type=LIMIT&side=BUY")] == [order_id]
        await client.call("DELETE", f"/user/order/{order_id}")
        await until(lambda: not venue.engine.queries.open_orders(client.account))
        query = f"id={order_id}&externalId=young&sort=UPDATED_AT"
        (closed,) = await client.get(f"/user/orders/history?{query}")
        assert (closed["status"], closed["statusReason"]) == ("CANCELLED", "NONE")
        for path in ("/user/orders/x", "/user/orders/history?id=x"):
            assert (await client.call("GET", path))[0] == 400


async def test_funding_is_paid_received_and_signed_by_variant() -> None:
    async with trading() as (venue, client):
        other = Client(venue, client.session, 1)
        await other.place("SELL", "0.01", "84100")
        await client.place("BUY", "0.01", "84100")
        assert await client.get("/user/funding/history?startTime=0") == []
        await client.control("PATCH", "/variants", no_funding_history="404")
        assert (await client.call("GET", "/user/funding/history?startTime=0"))[0] == 404
        await client.control("POST", "/funding", market=MARKET, rate="0.0001")
        await client.control("POST", "/funding")
        (paid,) = await client.get("/user/funding/history?startTime=0")
        (received,) = await other.get("/user/funding/history?startTime=0")
        assert (paid["side"], paid["fundingFee"], received["fundingFee"]) == ("LONG", "-0.084077", "0.084077")
        assert (await client.call("GET", "/user/funding/history"))[0] == 400
        await client.control("PATCH", "/variants", funding_fee_sign="paid_positive")
        assert (await client.get("/user/funding/history?startTime=0"))[0]["fundingFee"] == "0.084077"


async def test_leverage_is_set_read_back_and_refused_with_the_exchanges_codes() -> None:
    async with trading() as (_, client):
        change = {"market": MARKET, "leverage": "20"}
        assert (await client.call("PATCH", "/user/leverage", json=change))[1]["data"] == change
        assert await client.get(f"/user/leverage?market={MARKET}") == [change]
        assert len(await client.get("/user/leverage")) == 4
        for leverage, code in (("51", 1050), ("0", 1049), ("x", 1053)):
            status, body = await client.call("PATCH", "/user/leverage", json={"market": MARKET, "leverage": leverage})
            assert (status, body["error"]["code"]) == (400, code)
        assert (await client.call("PATCH", "/user/leverage", json={"leverage": "5"}))[0] == 400
        await client.control("PATCH", "/variants", leverage_reply="empty")
        assert await client.call("PATCH", "/user/leverage", json=change) == (200, None)
        half = {"market": MARKET, "leverage": "2.5"}
        assert (await client.call("PATCH", "/user/leverage", json=half))[0] == 200
        await client.control("PATCH", "/variants", fractional_leverage="no", fresh_leverage="50")
        assert (await client.call("PATCH", "/user/leverage", json=half))[1]["error"]["code"] == 1053
        fresh = {row["market"]: row["leverage"] for row in await client.get("/user/leverage")}
        assert (fresh["ETH-USD"], fresh["XAU-USD"]) == ("50", "20")


async def test_fees_are_the_accounts_and_unknown_markets_refused() -> None:
    async with trading() as (_, client):
        (row,) = await client.get(f"/user/fees?market={MARKET}")
        assert (row["makerFeeRate"], row["takerFeeRate"], row["builderFeeRate"]) == ("0.00000", "0.00025", "0")
        assert (await client.call("GET", "/user/fees?market=NO-USD"))[1]["error"]["code"] == 1001


@pytest.mark.parametrize(
    ("variant", "names"), [("At", {"createdAt", "updatedAt"}), ("Time", {"createdTime", "updatedTime"})]
)
async def test_position_times_have_the_names_of_their_variant(variant: str, names: set[str]) -> None:
    async with trading(variants=Variants(position_time_names=variant, adl_type="string")) as (venue, client):
        await Client(venue, client.session, 1).place("SELL", "0.01", "84100")
        await client.place("BUY", "0.01", "84100")
        (position,) = await client.get("/user/positions")
        assert names <= set(position)
        assert isinstance(position["adl"], str)
