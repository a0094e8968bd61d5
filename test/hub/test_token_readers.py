"""Readers of a hub that wants TLS and a token: connector, client, candle loader, another hub."""

import logging
import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from hummingbot_extended.candles.hub_loader import hub_loader_from_env
from hummingbot_extended.candles.timeframes import timeframe
from hummingbot_extended.client import ExtendedClient
from hummingbot_extended.errors import ServerUnavailable, SettingsError
from hummingbot_extended.exchange.endpoints import STREAM_URL_ENV
from hummingbot_extended.exchange.relay import STREAM_TOKEN_ENV
from hummingbot_extended.hub.events import Row
from hummingbot_extended.hub.face_settings import FaceSettings
from hummingbot_extended.hub.kinds import Kind
from hummingbot_extended.hub.server import HubServer
from test.bridge.test_tls_and_ports import write_certificate
from test.connector.conftest import data_directory  # noqa: F401  # journals belong to the run
from test.connector.running import stage
from test.hub.core_kit import MARKET, hub_on, serving, upstreams
from test.until import until

TOKEN = "correct-horse-battery"
WRONG = "wrong-horse-battery-staple"
PUBLIC_STREAMS = 5  # of a connector for one market


@pytest.fixture
def certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """A certificate that this machine trusts: its verification stays on."""
    certificate, key = write_certificate(tmp_path)
    trusting = ssl.create_default_context(cafile=certificate)
    monkeypatch.setattr(aiohttp.connector, "_SSL_CONTEXT_VERIFIED", trusting)
    return certificate, key


@asynccontextmanager
async def guarded(venue: object, certificate: tuple[Path, Path]) -> AsyncIterator[HubServer]:
    """A hub that speaks TLS and wants a token."""
    faces = FaceSettings(port=0, certificate=certificate[0], key=certificate[1], token=TOKEN)
    async with hub_on(venue, sources=("extended_ws",), markets=(MARKET,)) as hub:  # type: ignore[arg-type]
        async with HubServer(hub, faces) as server:
            assert server.stream_url.startswith("wss://")
            yield server


def relays(server: HubServer) -> int:
    return len([each for each in server.faces.listeners if "Relay" in repr(each)])


async def test_a_connector_reads_through_a_hub_that_wants_its_token(
    certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with stage(makers=True) as venue_stage, guarded(venue_stage.venue, certificate) as server:
        monkeypatch.setenv(STREAM_URL_ENV, server.stream_url)
        monkeypatch.setenv(STREAM_TOKEN_ENV, TOKEN)
        async with venue_stage.bot() as bot:
            await until(lambda: relays(server) == PUBLIC_STREAMS)
            assert TOKEN not in repr(bot.connector._orderbook_ds._transports)  # type: ignore[attr-defined]
            await bot.connector.stop_network()
    assert TOKEN not in caplog.text


async def test_a_connector_with_a_wrong_token_says_so_and_reads_at_the_exchange(
    certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with stage(makers=True) as venue_stage, guarded(venue_stage.venue, certificate) as server:
        monkeypatch.setenv(STREAM_URL_ENV, server.stream_url)
        monkeypatch.setenv(STREAM_TOKEN_ENV, WRONG)
        async with venue_stage.bot() as bot:
            assert relays(server) == 0
            assert bot.connector.ready
            assert STREAM_TOKEN_ENV in caplog.text
            assert WRONG not in caplog.text
            await bot.connector.stop_network()


async def test_the_client_reads_through_it(certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving() as venue, guarded(venue, certificate) as server:
        monkeypatch.setenv(STREAM_URL_ENV, server.stream_url)
        monkeypatch.setenv(STREAM_TOKEN_ENV, TOKEN)
        async with ExtendedClient(url=venue.origin, transport="websocket") as client:
            heard: list[object] = []
            await client.market_data.stream_quotes([MARKET], heard.append)
            await until(lambda: heard)
            await until(lambda: relays(server) == 1)


async def test_candles_come_with_the_token_and_not_without(certificate: tuple[Path, Path]) -> None:
    async with serving() as venue, guarded(venue, certificate) as server:
        environ = {"STREAMER_API_URL": server.url, "STREAMER_API_TIMEOUT": "5"}
        async with AsyncExitStack() as stack:
            loader = hub_loader_from_env(environ | {"STREAMER_API_TOKEN": TOKEN})
            bare = hub_loader_from_env(environ)
            assert loader is not None
            assert bare is not None
            stack.push_async_callback(loader.close)
            stack.push_async_callback(bare.close)
            assert len(await loader._get_candles_from_api(MARKET, timeframe("M1"), 3)) == 3
            assert TOKEN not in repr(loader)
            with pytest.raises(ServerUnavailable) as refused:
                await bare._get_candles_from_api(MARKET, timeframe("M1"), 3)
            assert refused.value.status == 401
    with pytest.raises(SettingsError, match="in the clear"):
        hub_loader_from_env({"STREAMER_API_URL": "http://10.0.0.7:8000", "STREAMER_API_TOKEN": TOKEN})


@pytest.mark.parametrize("source", ["hub", "extended_sse"])
async def test_another_hub_reads_it(
    source: str, certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving() as venue, guarded(venue, certificate) as server:
        where = {"hub_url": server.url, "relay_url": server.stream_url.replace("wss", "https")}
        async with hub_on(venue, environ={STREAM_TOKEN_ENV: TOKEN}, sources=(source,), **where) as second:
            rows: list[Row] = []
            second.listen([Kind.QUOTE, Kind.DEPTH], [MARKET], rows.append)
            await until(lambda: {row.kind for row in rows} == {Kind.QUOTE, Kind.DEPTH})
            assert {row.provider for row in rows} == {source}
            assert relays(server) == 2
            assert upstreams(venue) >= 2
