"""Public REST: markets, statistics, books, candles, funding, assets."""

import itertools
from decimal import Decimal

from hummingbot_extended.venue.server import PracticeVenue
from hummingbot_extended.venue.settings import VenueSettings
from test.until import until
from test.venue.venue_kit import MARKET, Client, trading


async def test_markets_can_be_asked_for_by_name_and_unknown_ones_are_1001() -> None:
    async with trading() as (_, client):
        names = [market["name"] for market in await client.get("/info/markets")]
        assert names == ["BTC-USD", "ETH-USD", "XAU-USD", "SPX500m-USD"]
        two = await client.get("/info/markets?market=ETH-USD&market=BTC-USD")
        assert {market["name"] for market in two} == {"ETH-USD", "BTC-USD"}
        ticks = {m["name"]: m["tradingConfig"]["minPriceChange"] for m in await client.get("/info/markets")}
        assert (ticks["XAU-USD"], ticks["SPX500m-USD"]) == ("0.5", "5")
        for path in ("/info/markets?market=NO-USD", "/info/markets/NO-USD/trades", "/info/candles/NO-USD/trades"):
            status, body = await client.call("GET", path)
            assert (status, body["error"]["code"]) == (400, 1001)


async def test_statistics_follow_trades_and_prices() -> None:
    async with trading() as (venue, client):
        before = await client.get(f"/info/markets/{MARKET}/stats")
        await Client(venue, client.session, 1).place("SELL", "0.5", "84100")
        await client.place("BUY", "0.2", "84100")
        await client.control("POST", "/price", market=MARKET, price="84090.5")
        stats = await client.get(f"/info/markets/{MARKET}/stats")
        assert Decimal(stats["dailyVolumeBase"]) - Decimal(before["dailyVolumeBase"]) == Decimal("0.2")
        assert Decimal(stats["dailyVolume"]) - Decimal(before["dailyVolume"]) == Decimal("0.2") * 84100
        assert (stats["lastPrice"], stats["askPrice"], stats["bidPrice"]) == ("84100", "84100", "0")
        assert (stats["markPrice"], stats["openInterestBase"]) == ("84090.5", "0.20000")
        assert stats["nextFundingRate"] > venue.core.now_ms()
        assert set(await client.get("/info/markets/stats")) == {"BTC-USD", "ETH-USD", "XAU-USD", "SPX500m-USD"}


async def test_book_and_trades_are_what_happened() -> None:
    async with trading() as (venue, client):
        other = Client(venue, client.session, 1)
        for price in ("84100", "84105"):
            await other.place("SELL", "0.5", price)
        await client.place("BUY", "0.7", "84105")
        await client.place("BUY", "0.1", "84000")
        book = await client.get(f"/info/markets/{MARKET}/orderbook")
        assert book == {
            "market": MARKET,
            "bid": [{"qty": "0.10000", "price": "84000"}],
            "ask": [{"qty": "0.30000", "price": "84105"}],
        }
        trades = await client.get(f"/info/markets/{MARKET}/trades")
        assert [(t["S"], t["p"], t["q"]) for t in trades] == [("BUY", "84105", "0.20000"), ("BUY", "84100", "0.50000")]
        assert trades[0]["i"] > 2**53


async def test_candles_refuse_what_the_exchange_refuses() -> None:
    async with trading() as (_, client):
        path = f"/info/candles/{MARKET}/trades"
        for query, status, code in (
            ("?interval=PT7M&limit=5", 400, 1005),
            ("?interval=PT1M", 400, 400),
            ("?interval=PT1M&limit=0", 400, 400),
            ("?interval=PT1M&limit=10001", 400, 400),
        ):
            got, body = await client.call("GET", path + query)
            assert (got, body["error"]["code"]) == (status, code)
        assert (await client.call("GET", f"/info/candles/{MARKET}/last?interval=PT1M&limit=1"))[0] == 404


async def test_candles_page_backwards_without_holes() -> None:
    async with trading() as (_, client):
        path = f"/info/candles/{MARKET}/trades?interval=PT5M&limit=40"
        first = await client.get(path)
        second = await client.get(f"{path}&endTime={first[-1]['T'] - 1}")
        times = [candle["T"] for candle in first + second]
        assert times == list(range(times[0], times[0] - 80 * 300_000, -300_000))
        rows = first + second
        assert all(newer["o"] == older["c"] for newer, older in itertools.pairwise(rows))


async def test_funding_history_pages_from_the_present_into_the_made_up_past() -> None:
    async with trading() as (_, client):
        await client.control("POST", "/funding", market=MARKET, rate="0.000321")
        await client.control("POST", "/funding", market=MARKET)
        path = f"/info/{MARKET}/funding?startTime=0&endTime=9999999999999&limit=5"
        _, page = await client.call("GET", path)
        assert page["data"][0]["f"] == "0.000321"
        assert page["pagination"]["count"] == 5
        _, older = await client.call("GET", f"{path}&cursor={page['pagination']['cursor']}")
        times = [row["T"] for row in page["data"] + older["data"]]
        assert times == sorted(times, reverse=True)
        assert len(set(times)) == 10
        assert (await client.call("GET", f"/info/{MARKET}/funding"))[0] == 400
        assert await client.get(f"/info/{MARKET}/funding?startTime=5&endTime=6") == []


async def test_open_interest_needs_a_known_interval() -> None:
    async with trading() as (_, client):
        status, body = await client.call("GET", f"/info/{MARKET}/open-interests?interval=PT1M&startTime=0&endTime=1")
        assert (status, body["error"]["code"]) == (400, 1005)
        rows = await client.get(f"/info/{MARKET}/open-interests?interval=P1D&startTime=0&endTime=9999999999999")
        assert len(rows) == 300


async def test_assets_prices_and_the_signing_domain() -> None:
    async with trading() as (_, client):
        assert [asset["name"] for asset in await client.get("/info/assets?type=SPOT")] == ["USD"]
        assert await client.get("/info/assets/USD/price") == "1"
        assert await client.get("/info/assets/BTC/price") == "84077"
        status, body = await client.call("GET", "/info/assets/DOGE/price")
        assert (status, body["error"]["code"]) == (404, 1000)
        domain = await client.get("/info/starknet")
        assert domain == {"name": "Perpetuals", "version": "v0", "chainId": "SN_SEPOLIA", "revision": 1}
        assert await client.get("/info/status") == {"status": "OPERATIONAL"}
        assert "starkExContractAddress" in await client.get("/info/settings")


async def test_makers_and_takers_keep_a_market_alive() -> None:
    async with PracticeVenue(VenueSettings(port=0, speed=20)) as venue:
        before = venue.engine.queries.market(MARKET)
        await until(lambda: len(venue.engine.queries.public_trades(MARKET)) > 20)
        view = venue.engine.queries.market(MARKET)
        assert view.best_bid is not None
        assert view.best_ask is not None
        assert view.best_bid < view.best_ask
        assert view.mark_price != before.mark_price
