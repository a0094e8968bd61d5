"""The control API: faults, variants, settings, accounts, ledger, prices, modes, statistics."""

from decimal import Decimal

import pytest

from test.until import until
from test.venue.venue_kit import MARKET, Client, trading


async def test_help_lists_every_endpoint_fault_and_variant() -> None:
    async with trading() as (venue, client):
        told = await client.get("/practice")
        assert {"gap", "half_open", "reply_lost", "slow_clock"} <= set(told["faults"])
        assert told["variants"]["unknown_cancel"] == ["404", "error", "ok"]
        assert told["variants"]["retry_after"] == ["no", "yes"]
        routes = {route.resource.canonical for route in venue._runner.app.router.routes()}  # type: ignore[union-attr]
        practice = {path for path in routes if path.startswith("/practice")}
        named = " ".join(told["endpoints"])
        assert all(path.split("{")[0].rstrip("/") in named for path in practice)


async def test_faults_are_set_listed_counted_and_ended() -> None:
    async with trading() as (_, client):
        one = await client.control("POST", "/faults", kind="gap", market=MARKET, count=2)
        two = await client.control("POST", "/faults", kind="cut")
        assert (one["id"], one["fired"], two["live"]) == (1, 0, True)
        assert await client.control("DELETE", f"/faults/{one['id']}") == {"ended": 1}
        assert await client.control("DELETE", "/faults") == {"ended": 1}
        assert [fault["live"] for fault in await client.control("GET", "/faults")] == [False, False]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/faults", {"kind": "flood"}),
        ("POST", "/faults", {"kind": "gap", "colour": 1}),
        ("POST", "/faults", {"kind": "gap", "count": "many"}),
        ("POST", "/faults", {"kind": "gap", "probability": 2}),
        ("PATCH", "/variants", {"unknown_cancel": "maybe"}),
        ("PATCH", "/variants", {"no_such": "x"}),
        ("PATCH", "/variants", {"retry_after": "perhaps"}),
        ("PATCH", "/variants", {"fill_messages": "ORDER"}),
        ("PATCH", "/settings", {"port": 5}),
        ("PATCH", "/settings", {"speed": "fast"}),
        ("PATCH", "/settings", {"speed": 0}),
        ("POST", "/price", {"market": "NO-USD", "price": "1"}),
        ("POST", "/price", {"market": MARKET, "price": "x"}),
        ("POST", "/price", {"market": MARKET, "price": "NaN"}),
        ("POST", "/market", {"market": MARKET, "status": "OPEN"}),
        ("POST", "/mode", {"mode": "party"}),
        ("POST", "/deposit", {"account": 999, "amount": "5"}),
        ("POST", "/transfer", {"from": 100001, "to": 5, "amount": "5"}),
        ("POST", "/fees", {"account": 100001, "maker": "0", "taker": "0.025 %"}),
        ("POST", "/fees", {"account": 100001, "maker": "0", "taker": "1"}),
        ("POST", "/fees", {"account": 999, "maker": "0", "taker": "0.001"}),
        ("POST", "/fees", {"account": 100001, "maker": "0", "taker": "0.001", "market": "NO-USD"}),
        ("POST", "/transfer", {"from": 100001, "to": 100001, "amount": "-5"}),
    ],
)
async def test_a_wrong_call_is_refused_with_one_sentence(method: str, path: str, body: dict) -> None:
    async with trading() as (_, client):
        status, reply = await client.call(method, f"/practice{path}", json=body)
        assert 400 <= status < 500
        assert reply["error"]["message"]


async def test_settings_change_while_running() -> None:
    async with trading() as (venue, client):
        changed = await client.control("PATCH", "/settings", acceptance_delay_ms=25, speed=2)
        assert changed["acceptance_delay_ms"] == venue.core.settings.acceptance_delay_ms == 25
        assert (await client.control("GET", "/settings"))["speed"] == 2.0
        assert (await client.control("GET", "/variants"))["far_limit"] == "rest"


async def test_new_accounts_have_keys_that_trade() -> None:
    async with trading() as (venue, client):
        opened = await client.control("POST", "/accounts", balance="500")
        assert [row["accountId"] for row in await client.control("GET", "/accounts")][1] == opened["accountId"]
        other = Client(venue, client.session, 1)
        assert other.facts == opened
        assert (await other.get("/user/balance"))["balance"] == "500.000000"
        assert (await other.place("BUY", "0.01", "40000"))["status"] == "NEW"


async def test_fee_rates_of_an_account_are_told_charged_and_asked_of_its_orders() -> None:
    async with trading() as (venue, client):
        other = Client(venue, client.session, 1)
        await client.control("POST", "/fees", account=other.account, maker="0.0001", taker="0.0002")
        await client.control("POST", "/fees", account=client.account, market=MARKET, maker="0", taker="0.0004")
        (told,) = await client.get(f"/user/fees?market={MARKET}")
        assert (told["makerFeeRate"], told["takerFeeRate"]) == ("0.00000", "0.00040")
        assert (await client.get("/user/fees?market=ETH-USD"))[0]["takerFeeRate"] == "0.00025"
        await other.place("SELL", "0.01", "84100")
        stingy = client.order("BUY", "0.01", "84100", fee="0.00025")
        assert (await client.call("POST", "/user/order", json=stingy))[1]["error"]["code"] == 1128
        await client.place("BUY", "0.01", "84100", fee="0.0004")
        (paid,), (charged,) = await client.get("/user/trades"), await other.get("/user/trades")
        assert (Decimal(paid["fee"]), Decimal(charged["fee"])) == (Decimal("0.3364"), Decimal("0.0841"))


async def test_the_ledger_is_exact_and_money_is_conserved() -> None:
    async with trading() as (venue, client):
        other = Client(venue, client.session, 1)
        await other.place("SELL", "0.00333", "84101")
        await client.place("BUY", "0.00333", "84101", "mine")
        await client.place("BUY", "0.01", "83000", "open")
        await client.control("POST", "/funding", market=MARKET, rate="0.0001")
        await client.control("POST", "/funding")
        ledger = await client.get("/practice/ledger")
        mine, theirs = ledger["accounts"]
        assert [order["externalId"] for order in mine["orders"]] == ["mine", "open"]
        (trade,) = mine["trades"]
        assert (trade["externalId"], Decimal(trade["fee"])) == ("mine", Decimal("0.00333") * 84101 * Decimal("0.00025"))
        cash = Decimal(10_000) - Decimal(mine["fees"]) + Decimal(mine["funding"])
        assert Decimal(mine["balance"]["balance"]) == cash
        move = (Decimal(ledger["markPrices"][MARKET]) - 84101) * Decimal("0.00333")
        assert Decimal(mine["balance"]["equity"]) == cash + move
        assert Decimal(mine["funding"]) == -Decimal(theirs["funding"])
        assert [row["fundingFee"] for row in mine["fundingPayments"]] == [mine["funding"]]
        assert len(mine["operations"]) == 1
        only = await client.get(f"/practice/ledger?account={other.account}")
        assert [account["accountId"] for account in only["accounts"]] == [other.account]


async def test_market_status_and_mode_refuse_orders_with_their_codes() -> None:
    async with trading() as (venue, client):
        resting = await client.place("BUY", "0.01", "83000")
        await client.control("POST", "/market", market=MARKET, status="DISABLED")
        await until(lambda: not venue.engine.queries.open_orders(client.account))
        assert (await client.get(f"/user/orders/{resting['id']}"))["statusReason"] == "DISABLED_MARKET"
        assert (await client.get(f"/info/markets?market={MARKET}"))[0]["active"] is False
        order = client.order("BUY", "0.01", "83000")
        assert (await client.call("POST", "/user/order", json=order))[1]["error"]["code"] == 1002
        await client.control("POST", "/market", market=MARKET, status="ACTIVE")
        await client.control("POST", "/mode", mode="maintenance")
        assert (await client.call("POST", "/user/order", json=order))[1]["error"]["code"] == 1010
        await client.control("POST", "/mode", mode="normal")
        assert (await client.call("POST", "/user/order", json=order))[0] == 200


async def test_a_price_jump_takes_the_houses_quotes_along() -> None:
    async with trading(makers=True) as (venue, client):
        await client.control("POST", "/price", market=MARKET, price="90000")
        await until(lambda: (venue.engine.queries.market(MARKET).best_bid or 0) > 89_000)
        assert venue.engine.queries.market(MARKET).best_ask < 91_000


async def test_a_fixed_funding_rate_can_be_released() -> None:
    async with trading() as (venue, client):
        await client.control("POST", "/funding", market=MARKET, rate="0.0009")
        assert venue.engine.queries.market(MARKET).funding_rate == Decimal("0.0009")
        status, _ = await client.call("POST", "/practice/funding", json={"market": MARKET, "rate": None})
        assert status == 200
        assert venue.engine.queries.market(MARKET).funding_rate != Decimal("0.0009")


async def test_statistics_are_the_servers_own_counts() -> None:
    async with trading() as (_, client):
        async with client.stream("/account") as frames:
            await frames.next()
            stats = await client.get("/practice/stats")
            assert stats["connections"] == 1
            path = "/stream.extended.exchange/v1/account"
            assert stats["connectionsByPath"] == stats["openedByPath"] == {path: 1}
            assert stats["frames"] >= 1
        await client.get("/user/orders")
        stats = await client.get("/practice/stats")
        assert stats["requests"]["GET /user/orders"] == 1
        await client.control("POST", "/pause", paused=False)
