"""The account on the hub: what it shows, to whom, and how the page gets in."""

import contextlib
import json
from collections.abc import AsyncIterator, Callable
from decimal import Decimal
from typing import Any

import aiohttp
import pytest

from hummingbot_extended.client import ExtendedClient
from hummingbot_extended.errors import SettingsError
from hummingbot_extended.hub import account_view
from hummingbot_extended.hub.account_view import AccountView
from hummingbot_extended.hub.face_settings import FaceSettings
from hummingbot_extended.hub.server import HubServer
from hummingbot_extended.streams.sse import SSEDecoder
from hummingbot_extended.venue.server import PracticeVenue
from hummingbot_extended.venue.settings import VenueSettings
from test.hub.hand_fed import HandFedHub
from test.until import until

TOKEN = "correct-horse-battery"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
SIZE = Decimal("0.002")
MARKET = "BTC-USD"


@pytest.fixture
async def venue() -> AsyncIterator[PracticeVenue]:
    async with PracticeVenue(VenueSettings(port=0, rate_limit=0, acceptance_delay_ms=0)) as venue:
        yield venue


@pytest.fixture
async def trader(venue: PracticeVenue) -> AsyncIterator[ExtendedClient]:
    keys = {"api_key": venue.api_key, "stark_private_key": venue.stark_private_key}
    async with ExtendedClient(url=venue.origin, **keys) as client:
        yield client


@contextlib.asynccontextmanager
async def showing(hub: HandFedHub, origin: str, api_key: str) -> AsyncIterator[HubServer]:
    async with AccountView(ExtendedClient(url=origin, api_key=api_key)) as view:
        async with HubServer(hub, FaceSettings(port=0, token=TOKEN), account=view) as server:
            yield server


class Reader:
    """A reader of /sse/account: all fills by id, and everything else as last told."""

    def __init__(self, reply: aiohttp.ClientResponse) -> None:
        self.fills: dict[str, Any] = {}
        self.repeated = 0
        self.state: dict[str, Any] = {}
        self._reply = reply
        self._decoder = SSEDecoder()

    async def until(self, condition: Callable[["Reader"], object]) -> "Reader":
        while not condition(self):
            for event in self._decoder.feed(await self._reply.content.readany()):
                self.state = json.loads(event.data)
                for fill in self.state.pop("fills"):
                    self.repeated += fill["id"] in self.fills
                    self.fills[fill["id"]] = fill
        return self


@contextlib.asynccontextmanager
async def reading(server: HubServer) -> AsyncIterator[Reader]:
    async with aiohttp.ClientSession(headers=BEARER) as http, http.get(server.url + "/sse/account") as reply:
        assert reply.status == 200
        yield Reader(reply)


async def test_orders_fills_and_position_are_shown_as_they_come(
    hub: HandFedHub, venue: PracticeVenue, trader: ExtendedClient
) -> None:
    async with showing(hub, venue.origin, venue.api_key) as server, reading(server) as reader:
        await reader.until(lambda each: each.state and each.state["balance"] and not each.state["problem"])
        assert (reader.state["orders"], reader.state["positions"], reader.fills) == ([], [], {})
        low = (await trader.rest.market_stats(MARKET)).bid_price // 2
        resting = await trader.order_execution.place_order(MARKET, "BUY", SIZE, low, post_only=True, wait_s=5)
        await reader.until(lambda each: each.state["orders"])
        (order,) = reader.state["orders"]
        assert order["id"] == str(resting.order_id)
        assert (order["symbol"], order["side"], order["type"]) == (MARKET, "buy", "LIMIT")
        assert (Decimal(order["price"]), Decimal(order["quantity"]), Decimal(order["filled"])) == (low, SIZE, 0)

        await trader.order_execution.place_order(MARKET, "BUY", SIZE, wait_s=5)
        await reader.until(lambda each: each.fills and each.state["positions"])
        told = (await trader.rest.trades())[0]
        fill = reader.fills[str(told.id)]
        assert (Decimal(fill["price"]), Decimal(fill["fee"]), fill["liquidity"]) == (told.price, told.fee, "taker")
        (position,) = reader.state["positions"]
        assert (position["symbol"], Decimal(position["size"])) == (MARKET, SIZE)

        await trader.order_execution.cancel_order(resting.external_id, wait_s=5)
        await trader.order_execution.place_order(MARKET, "SELL", SIZE, reduce_only=True, wait_s=5)
        await reader.until(lambda each: not each.state["orders"] and not each.state["positions"])
        assert reader.repeated == 0


async def test_who_comes_late_gets_the_fills_from_before_the_hub(
    hub: HandFedHub, venue: PracticeVenue, trader: ExtendedClient
) -> None:
    for side in ("BUY", "SELL", "BUY"):
        await trader.order_execution.place_order(MARKET, side, SIZE, wait_s=5)
    expected = {str(fill.id) for fill in await trader.rest.trades()}
    async with showing(hub, venue.origin, venue.api_key) as server:
        async with reading(server) as first:
            await first.until(lambda each: each.fills.keys() >= expected)
        async with reading(server) as second:
            await second.until(lambda each: each.fills)
            assert second.fills == first.fills  # in one message
        await until(lambda: not server.faces.listeners)


async def test_a_venue_that_is_away_is_told_and_taken_up_when_it_is_there(
    hub: HandFedHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(account_view, "RETRY_S", 0.05)
    async with PracticeVenue(VenueSettings(port=0)) as venue:
        origin, key, port = venue.origin, venue.api_key, venue.port
    async with showing(hub, origin, key) as server, reading(server) as reader:
        await reader.until(lambda each: "is down" in (each.state.get("problem") or ""))
        assert key not in json.dumps(reader.state)
        async with PracticeVenue(VenueSettings(port=port)):
            await reader.until(lambda each: each.state["problem"] is None and each.state["balance"])


async def test_nobody_sees_an_account_without_the_token(hub: HandFedHub, venue: PracticeVenue) -> None:
    async with showing(hub, venue.origin, venue.api_key) as server, aiohttp.ClientSession() as http:
        for headers in ({}, {"Authorization": "Bearer wrong-wrong-wrong-wrong"}):
            async with http.get(server.url + "/sse/account", headers=headers) as reply:
                assert reply.status == 401
        async with http.get(f"{server.url}/sse/account?token={TOKEN}") as reply:
            assert reply.status == 401
    view = AccountView(ExtendedClient(url=venue.origin, api_key=venue.api_key))
    with pytest.raises(SettingsError, match="token"):
        HubServer(hub, FaceSettings(port=0), account=view)


async def test_a_hub_without_an_account_has_no_such_stream(server: HubServer, http: aiohttp.ClientSession) -> None:
    async with http.get(server.url + "/sse/account") as reply:
        assert reply.status == 204


# --- the link -------------------------------------------------------------------------------------------------------


async def test_the_link_opens_the_page_once_and_holds_no_token(hub: HandFedHub, http: aiohttp.ClientSession) -> None:
    async with HubServer(hub, FaceSettings(port=0, token=TOKEN)) as server:
        page, _, code = server.page_url.partition("#code=")
        assert (page, TOKEN in code, len(code) >= 16) == (server.url + "/", False, True)
        for given, origin, status in (
            ("", None, 401),
            ("wrong", None, 401),
            (code, "http://evil.example", 403),
            (code, server.url, 200),
            (code, server.url, 401),
        ):
            headers = {"Origin": origin} if origin else {}
            async with http.post(server.url + "/page/token", data=given, headers=headers) as reply:
                assert reply.status == status, given
                if status == 200:
                    assert await reply.json() == {"token": TOKEN}
                    assert reply.headers["Cache-Control"] == "no-store"
        assert code not in repr(server)


async def test_without_a_token_the_link_is_the_page(server: HubServer, http: aiohttp.ClientSession) -> None:
    assert server.page_url == server.url + "/"
    async with http.post(server.url + "/page/token", data="") as reply:
        assert reply.status == 401
