"""The page in a real headless Chromium: it fills, follows choices, shows the account, survives, asks no other host."""

import contextlib
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path

import aiohttp
import pytest

from hummingbot_extended.client import ExtendedClient
from hummingbot_extended.hub.account_view import AccountView
from hummingbot_extended.hub.face_settings import FaceSettings
from hummingbot_extended.hub.page import charts_script
from hummingbot_extended.hub.server import HubServer
from hummingbot_extended.hub.service import Hub
from hummingbot_extended.hub.settings import HubSettings
from hummingbot_extended.venue.server import PracticeVenue
from hummingbot_extended.venue.settings import VenueSettings
from tools.browser import Page, browse
from tools.hub_screenshots import IS_FILLED

TOKEN = "correct-horse-battery"


@pytest.fixture
async def venue() -> AsyncIterator[PracticeVenue]:
    async with PracticeVenue(VenueSettings(port=0)) as venue:
        yield venue


@pytest.fixture
async def hub(venue: PracticeVenue, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Hub]:
    monkeypatch.setenv("EXTENDED_PERPETUAL_LOCAL_URL", venue.origin)
    async with Hub(HubSettings(markets=("BTC-USD", "ETH-USD"))) as hub:
        yield hub


@contextlib.asynccontextmanager
async def shown(hub: Hub, place: str = "", **settings: object) -> AsyncIterator[tuple[HubServer, Page]]:
    async with HubServer(hub, FaceSettings(port=0, **settings)) as server, browse() as page:  # type: ignore[arg-type]
        await page.open(f"{server.url}/{place}")
        yield server, page


@pytest.mark.services
async def test_everything_fills_without_an_error_or_another_host(hub: Hub, tmp_path: Path) -> None:
    assert charts_script() is not None, "the package lightweight-charts is not installed"
    async with shown(hub) as (server, page):
        await page.until(f"Boolean({IS_FILLED})")
        for figure in ("mark", "index", "funding", "volume", "spread"):
            await page.until(f"document.getElementById('{figure}').textContent !== '–'")
        await page.until("document.getElementById('domain').textContent === 'practice venue'")
        await page.until("document.querySelectorAll('#chart canvas').length > 0")
        await page.until("document.getElementById('verdict').textContent.startsWith('healthy')")
        await page.shoot(tmp_path / "page.png")
        assert (tmp_path / "page.png").stat().st_size > 50_000
        assert page.errors == []
        assert {url for url in page.requests if not url.startswith((server.url, server.ws_url, "data:"))} == set()


@pytest.mark.services
async def test_market_timeframe_and_theme_can_be_chosen(hub: Hub) -> None:
    async with shown(hub, "?theme=light") as (_, page):
        await page.until(f"Boolean({IS_FILLED})")
        await page.ask("market.value = 'ETH-USD'; market.dispatchEvent(new Event('change'))")
        buttons = "[...document.getElementById('frames').children]"
        await page.ask(f"{buttons}.find((each) => each.textContent === '15m').click()")
        await page.until("document.getElementById('title').textContent === 'ETH-USD · 15m'")
        await page.until(f"Boolean({IS_FILLED}) && Number(last.textContent.replace(',', '')) < 10000")
        before = await page.ask("getComputedStyle(document.body.parentNode).backgroundColor")
        await page.ask("document.getElementById('theme').click()")
        assert await page.ask("getComputedStyle(document.body.parentNode).backgroundColor") != before
        assert page.errors == []


@pytest.mark.services
async def test_a_phone_shows_it_without_scrolling_sideways(hub: Hub) -> None:
    async with HubServer(hub, FaceSettings(port=0)) as server, browse() as page:
        await page.open(server.url, width=390, height=844, phone=True)
        await page.until(f"Boolean({IS_FILLED})")
        assert await page.ask("document.documentElement.scrollWidth") <= 390


@pytest.mark.services
async def test_the_page_comes_back_after_the_server_did(hub: Hub) -> None:
    async with browse() as page:
        async with HubServer(hub, FaceSettings(port=0)) as server:
            port = server.port
            await page.open(server.url)
            await page.until(f"Boolean({IS_FILLED})")
        await page.until("document.getElementById('dot').className === 'dot'")
        async with HubServer(hub, FaceSettings(port=port)):
            await page.until("document.getElementById('dot').className === 'dot live'")


@pytest.mark.services
async def test_a_page_without_the_token_asks_for_it_and_shows_the_metrics_by_it(hub: Hub) -> None:
    async with shown(hub, token=TOKEN) as (_, page):
        await page.until("!document.getElementById('door').hidden")
        await page.ask(f"document.getElementById('token').value = '{TOKEN}'; door.requestSubmit()")
        await page.until(f"Boolean({IS_FILLED})")
        await page.ask("document.getElementById('metrics').click()")
        await page.until("document.body.innerText.includes('# TYPE hub_')")


@pytest.mark.services
async def test_the_link_opens_the_page_and_the_account_is_on_it(venue: PracticeVenue, hub: Hub) -> None:
    keys = {"api_key": venue.api_key, "stark_private_key": venue.stark_private_key}
    async with (
        ExtendedClient(url=venue.origin, **keys) as trader,
        AccountView(ExtendedClient(url=venue.origin, **keys)) as view,
    ):
        low = (await trader.rest.market_stats("BTC-USD")).bid_price // 1000 * 990
        for side, price in (("BUY", low), ("BUY", None), ("SELL", None), ("BUY", None)):
            await trader.order_execution.place_order("BTC-USD", side, Decimal("0.002"), price, wait_s=5)
        async with HubServer(hub, FaceSettings(port=0, token=TOKEN), account=view) as server, browse() as page:
            await page.open(server.page_url)
            await page.until(f"Boolean({IS_FILLED})")
            await page.until("document.querySelectorAll('#fills tbody tr').length === 3")
            assert await page.ask("location.hash") == ""
            await page.until("document.querySelector('#orders tbody').textContent.includes('buy')")
            chart = "import('/static/hub.js').then(({ chart }) => chart"
            lines = f"{chart}.lines.map((line) => line.options().title).join())"
            await page.until(f"{lines}.then((titles) => titles === 'buy 0.002,long 0.002')")
            labels = f"{chart}.candles.markers().map((each) => each.text).filter(Boolean).sort().join())"
            await page.until(f"{labels}.then((texts) => /bought 0.00[24],sold 0.002/.test(texts))")
            await page.open(f"{server.url}/?again=1")  # the tab keeps the token
            await page.until("document.querySelectorAll('#fills tbody tr').length === 3")
            assert page.errors == []


@pytest.mark.services
async def test_a_venue_that_is_gone_is_told_until_it_is_back(monkeypatch: pytest.MonkeyPatch) -> None:
    notice = "document.getElementById('notice')"
    async with contextlib.AsyncExitStack() as stack:
        async with PracticeVenue(VenueSettings(port=0)) as venue:
            monkeypatch.setenv("EXTENDED_PERPETUAL_LOCAL_URL", venue.origin)
            hub = await stack.enter_async_context(Hub(HubSettings(markets=("BTC-USD",))))
            _, page = await stack.enter_async_context(shown(hub))
            await page.until(f"Boolean({IS_FILLED}) && {notice}.hidden")
            port = venue.port
        await page.until(f"!{notice}.hidden && {notice}.textContent.includes('No live data of BTC-USD')")
        assert await page.ask("document.getElementById('last').textContent") != "–"
        async with PracticeVenue(VenueSettings(port=port)):
            await page.until(f"{notice}.hidden", deadline_s=60)


async def test_the_page_s_files_are_a_closed_list(server: HubServer, http: aiohttp.ClientSession) -> None:
    for name in ("hub.js", "hub.css", "account.js", "candles.js", "format.js", "market.js", "health.js", "icon.svg"):
        async with http.get(f"{server.url}/static/{name}") as reply:
            assert reply.status == 200, name
            assert reply.headers["X-Content-Type-Options"] == "nosniff"
            assert "default-src 'self'" in reply.headers["Content-Security-Policy"]
    for name in ("../app.py", "%2e%2e/app.py", "nothing.js", ".env"):
        async with http.get(f"{server.url}/static/{name}") as reply:
            assert reply.status == 404, name
