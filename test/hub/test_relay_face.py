"""The relay over real sockets: the exchange's paths, as WebSocket and as event stream."""

import contextlib

import pytest

from hummingbot_extended.errors import ConnectFailed, SettingsError, StreamClosed
from hummingbot_extended.hub.face_limits import FaceLimits
from hummingbot_extended.hub.face_settings import FaceSettings
from hummingbot_extended.hub.server import HubServer
from hummingbot_extended.hub.service import Hub
from hummingbot_extended.hub.settings import HubSettings
from hummingbot_extended.streams.aiohttp_transport import (
    AiohttpSSETransport,
    AiohttpWebSocketTransport,
    stream_session,
)
from hummingbot_extended.streams.transport import StreamConnection, StreamRequest
from hummingbot_extended.venue.server import PracticeVenue
from hummingbot_extended.venue.settings import VenueSettings
from test.hub.hand_fed import HandFedHub
from test.hub.test_slow_readers import Stalled
from test.streams.one_message import one_message
from test.until import until

TRANSPORTS = [AiohttpWebSocketTransport, AiohttpSSETransport]
TOKEN = "correct-horse-battery"


@contextlib.asynccontextmanager
async def opened(transport: type, url: str, **headers: str):
    async def provide() -> dict[str, str]:
        return headers

    async with stream_session() as session:
        connection: StreamConnection = await transport(session).open(StreamRequest(url=url, headers=provide))
        try:
            yield connection
        finally:
            await connection.close()


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_frames_pass_as_they_are(server: HubServer, hub: HandFedHub, transport: type) -> None:
    async with opened(transport, server.stream_url + "/orderbooks/BTC-USD") as stream:
        (feed,) = hub.relays
        for number in range(200):
            feed.queue.put_nowait(b'{"seq":%d}' % number)
        heard = [await one_message(stream) for _ in range(200)]
        assert [str(each) for each in heard if isinstance(each, str)] or heard[199] == b'{"seq":199}'
        assert "199" in str(heard[199])
    await until(lambda: feed.is_closed)
    await until(lambda: not server.faces.listeners)


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_a_path_that_is_none_is_refused_with_404(server: HubServer, transport: type) -> None:
    for path in ("/nothing", "/account"):
        with pytest.raises(ConnectFailed) as refused:
            async with opened(transport, server.stream_url + path):
                pass
        assert refused.value.status == 404


async def test_the_feed_s_end_is_the_connection_s(server: HubServer, hub: HandFedHub) -> None:
    async with opened(AiohttpWebSocketTransport, server.stream_url + "/publicTrades") as stream:
        hub.relays[0].end(1001)
        with pytest.raises(StreamClosed) as closed:
            await one_message(stream)
        assert closed.value.code == 1001


async def test_a_reader_that_reads_nothing_is_closed(hub: HandFedHub) -> None:
    async with HubServer(hub, FaceSettings(port=0, limits=FaceLimits(write_deadline_s=0.3))) as server:
        stalled = Stalled(server, "/stream.extended.exchange/v1/orderbooks/BTC-USD")
        await stalled.connect()
        await until(lambda: hub.relays)
        for _ in range(200):
            hub.relays[0].queue.put_nowait(b"x" * 50_000)
        await until(lambda: hub.relays[0].is_closed)
        assert server.faces.counters["closed_slow"] == 1
        stalled.socket.close()


# --- with a venue ---------------------------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def real_hub(monkeypatch: pytest.MonkeyPatch, **settings: object):
    async with PracticeVenue(VenueSettings(port=0)) as venue:
        monkeypatch.setenv("EXTENDED_PERPETUAL_LOCAL_URL", venue.origin)
        async with Hub(HubSettings(sources=("extended_ws",), linger_s=0.1)) as hub:
            faces = FaceSettings(port=0, **settings)  # type: ignore[arg-type]
            async with HubServer(hub, faces, account_stream_url=venue.stream_url) as server:
                yield venue, hub, server


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_a_latecomer_gets_a_snapshot_and_a_sequence_of_its_own(
    monkeypatch: pytest.MonkeyPatch, transport: type
) -> None:
    from hummingbot_extended.exchange.channels import decode_exact_book
    from hummingbot_extended.exchange.orderbook import OrderBook

    async with real_hub(monkeypatch) as (venue, _, server):
        url = server.stream_url + "/orderbooks/BTC-USD"
        async with opened(transport, url) as first:
            early = OrderBook("BTC-USD")
            for _ in range(3):
                early.apply(decode_exact_book(await one_message(first)))
            async with opened(transport, url) as second:
                late = OrderBook("BTC-USD")
                frame = decode_exact_book(await one_message(second))
                assert (frame.is_snapshot, frame.seq) == (True, 1)
                late.apply(frame)
                for _ in range(5):
                    late.apply(decode_exact_book(await one_message(second)))
                while early.ts_ms < late.ts_ms:
                    early.apply(decode_exact_book(await one_message(first)))
                while late.ts_ms < early.ts_ms:
                    late.apply(decode_exact_book(await one_message(second)))
                assert early.bids.levels() == late.bids.levels()
                assert early.asks.levels() == late.asks.levels()
                counts = venue.core.hub.count_by_path()
                assert sum(count for path, count in counts.items() if "/orderbooks/BTC-USD" in path) == 1


async def test_account_streams_pass_only_where_they_may(monkeypatch: pytest.MonkeyPatch) -> None:
    async with real_hub(monkeypatch, relay_account=True, token=TOKEN) as (venue, _, server):
        url = server.stream_url + "/account"
        right = {"Authorization": f"Bearer {TOKEN}", "X-Api-Key": venue.api_key}
        async with opened(AiohttpWebSocketTransport, url, **right) as stream:
            assert "isSnapshot" in str(await one_message(stream))
        for wrong in ({"X-Api-Key": venue.api_key}, {**right, "X-Api-Key": "wrong"}):
            with pytest.raises(Exception) as refused:
                async with opened(AiohttpWebSocketTransport, url, **wrong):
                    pass
            assert "401" in str(refused.value)


def test_relaying_accounts_needs_a_token() -> None:
    with pytest.raises(SettingsError):
        FaceSettings(relay_account=True)
