"""Who is let in, what a client may do, and what a client that misbehaves can do to the server: nothing."""

import asyncio
import json
from contextlib import asynccontextmanager
from decimal import Decimal
from ipaddress import ip_network

import aiohttp
import pytest

from hummingbot_extended.bridge.settings import AccessKey
from hummingbot_extended.gateway import EventType, OrderSide, OrderType
from hummingbot_extended.gateway.errors import AuthenticationError, ConnectionLostError, ErrorCode, NotSupportedError
from test.bridge.running import EXCHANGE, KEY, PAIR, bridged
from test.until import until


@asynccontextmanager
async def raw(bridge, **headers):
    """A WebSocket without our client."""
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(f"ws://127.0.0.1:{bridge.port}/ws", headers=headers) as socket,
    ):
        yield socket


async def ask(socket, **request):
    await socket.send_json({"id": "1", **request})
    return (await socket.receive()).json()


async def test_plain_http_gets_json_so_that_the_gateway_ping_stays_quiet(bridge):
    async with aiohttp.ClientSession() as session:
        for path in ("/", "/ws", "/anything"):
            async with session.get(f"http://127.0.0.1:{bridge.port}{path}") as response:
                assert (response.status, response.content_type) == (404, "application/json")


async def test_hummingbots_own_gateway_monitor_sees_no_gateway_and_no_error(bridge):
    from hummingbot.client.config.client_config_map import GatewayConfigMap
    from hummingbot.core.gateway.gateway_http_client import GatewayHttpClient

    client = GatewayHttpClient(GatewayConfigMap(gateway_api_host="127.0.0.1", gateway_api_port=str(bridge.port)))
    try:
        assert await client.ping_gateway() is False
    finally:
        await GatewayHttpClient._shared_client.close()
        GatewayHttpClient._shared_client = None


async def test_browser_is_not_let_in(bridge):
    with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
        async with raw(bridge, Origin="http://evil.example"):
            pass
    assert caught.value.status == 403


async def test_first_request_has_to_be_authenticate(bridge):
    async with raw(bridge) as socket:
        reply = await ask(socket, type="get_balances", exchange=EXCHANGE)
        assert (reply["status"], reply["code"]) == ("error", "auth_failed")
        closed = await socket.receive()
        assert (closed.type, closed.data) == (aiohttp.WSMsgType.CLOSE, 1008)


async def test_silent_socket_is_closed_after_the_deadline(bridge, monkeypatch):
    monkeypatch.setattr("hummingbot_extended.bridge.login.LOGIN_S", 0.1)
    async with raw(bridge) as socket:
        closed = await socket.receive(timeout=5)
        assert (closed.type, closed.data) == (aiohttp.WSMsgType.CLOSE, 1008)


async def test_wrong_key_is_refused_and_never_repeated(bridge):
    with pytest.raises(AuthenticationError, match="Authentication failed") as caught:
        async with bridge.client(api_key="wrong" * 10):
            pass
    assert caught.value.code is ErrorCode.AUTH_FAILED
    assert "wrong" * 10 not in str(caught.value) + repr(caught.value)


async def test_address_with_wrong_keys_has_to_wait(bridge):
    for _ in range(6):
        async with raw(bridge) as socket:
            await ask(socket, type="authenticate", api_key="nope")
        with_wait = bridge.server._door.failed_logins.wait_s("127.0.0.1", asyncio.get_running_loop().time())
        if with_wait:
            break
    with pytest.raises(ConnectionLostError, match=r"429|too many"):
        async with bridge.client(retry_attempts=0):
            pass


async def test_wait_for_wrong_keys_holds_for_sockets_that_are_open_already(bridge):
    async with raw(bridge) as early:
        for _ in range(5):
            bridge.server._door.failed_logins.failed("127.0.0.1", asyncio.get_running_loop().time())
        assert (await ask(early, type="authenticate", api_key=KEY))["code"] == "rate_limit"


async def test_key_of_another_address_is_refused():
    keys = (AccessKey(name="elsewhere", secret=KEY, addresses=(ip_network("10.0.0.0/8"),)),)
    async with bridged(keys=keys) as bridge:
        with pytest.raises(AuthenticationError):
            async with bridge.client():
                pass


async def test_permissions_of_a_key_are_kept():
    keys = (
        AccessKey(name="reader", secret="r" * 40, read_only=True),
        AccessKey(name="eth", secret="e" * 40, pairs=frozenset({"ETH-USD"})),
        AccessKey(name="small", secret="s" * 40, max_order_notional=Decimal(100)),
        AccessKey(name="other", secret="o" * 40, exchanges=frozenset({"binance"})),
    )
    async with bridged(keys=keys) as bridge:
        order = (EXCHANGE, PAIR, OrderSide.BUY, OrderType.LIMIT, "0.01", await bridge.price() - 500)
        async with bridge.client(api_key="r" * 40) as reader:
            assert (await reader.get_ticker(EXCHANGE, PAIR))["symbol"] == PAIR
            for call in (reader.create_order(*order), reader.cancel_all(), reader.set_leverage(EXCHANGE, PAIR, 5)):
                with pytest.raises(AuthenticationError, match="read-only"):
                    await call
        own = bridge.bot.buy("0.01", await bridge.price() - 300)
        await bridge.bot.until_open(own)
        async with bridge.client(api_key="e" * 40) as eth:
            assert eth.exchanges == {EXCHANGE: ()}
            with pytest.raises(AuthenticationError, match="may not use"):
                await eth.create_order(*order)
            with pytest.raises(Exception, match="has no order"):
                await eth._link.request("cancel_order", {"exchange": EXCHANGE, "order_id": own})
            assert await eth.cancel_all() == {"cancelled": [], "failed": []}
            bridge.bot.cancel(own)
            await bridge.bot.until_done(own)
            assert eth.ears.of(EventType.ORDER_UPDATE) == []
        async with bridge.client(api_key="s" * 40) as small:
            with pytest.raises(AuthenticationError, match="allows orders of up to 100"):
                await small.create_order(*order)
            tiny = await small.create_order(*order[:4], "0.001", order[5])
            assert tiny["acknowledged"] is True
            too_large = pytest.raises(AuthenticationError, match="allows orders of up to 100")
            selling = (EXCHANGE, PAIR, OrderSide.SELL)
            with too_large:  # cheap by its price, which is not the one it would trade at
                await small.create_order(*selling, OrderType.LIMIT, "0.01", 10)
            with too_large:
                await small.create_order(*order[:3], OrderType.STOP, "0.01", stop_price=1)
        async with bridge.client(api_key="o" * 40) as other:
            assert other.exchanges == {}
            async with raw(bridge) as socket:
                reply = await ask(socket, type="authenticate", api_key="o" * 40)
            assert EXCHANGE not in json.dumps(reply)
            with pytest.raises(AuthenticationError, match="may not use"):
                await other.get_balances(EXCHANGE)


async def test_unknown_request_is_answered(client):
    with pytest.raises(NotSupportedError, match="knows no request"):
        await client._link.request("fly", {})


async def test_too_many_requests_are_answered_with_the_time_to_wait():
    async with bridged(max_requests_per_second=2) as bridge, raw(bridge) as socket:
        await ask(socket, type="authenticate", api_key=KEY)
        replies = [await ask(socket, type="ping") for _ in range(5)]
        assert [reply["status"] for reply in replies] == ["success"] * 4 + ["error"]
        assert replies[4]["code"] == "rate_limit"
        assert 0 < replies[4]["retry_after"] <= 0.5


async def test_client_waits_as_told_and_tries_again():
    async with bridged(max_requests_per_second=4) as bridge, bridge.client() as client:
        assert len([await client.ping() for _ in range(12)]) == 12


async def test_malformed_requests_end_the_session_and_not_the_server(bridge, client):
    async with raw(bridge) as socket:
        await ask(socket, type="authenticate", api_key=KEY)
        for _ in range(10):
            await socket.send_str("{")
        messages = [await socket.receive() for _ in range(11)]
        assert [json.loads(message.data)["code"] for message in messages[:10]] == ["invalid_request"] * 10
        assert messages[10].data == 1008
    assert await client.ping() < 5


async def test_binary_frame_ends_the_session(bridge, client):
    async with raw(bridge) as socket:
        await ask(socket, type="authenticate", api_key=KEY)
        await socket.send_bytes(b"\x00")
        assert (await socket.receive()).data == 1003


async def test_client_that_does_not_read_is_sent_away_with_1013(bridge, client):
    async with raw(bridge) as socket:
        await ask(socket, type="authenticate", api_key=KEY)
        (session,) = [each for each in bridge.server._sessions if each.login.session_id is None]
        large = b'{"type":"info","data":{"x":"%b"}}' % (b"x" * 20_000)
        while session._closing is None:  # the machine's own buffers are filled first
            session.offer(large)
        assert len(session._outbox) == 1001
        while (message := await socket.receive(timeout=5)).type is aiohttp.WSMsgType.TEXT:
            pass
        assert message.data == 1013
    assert await client.ping() < 5


async def test_connect_again_after_stop_of_the_bridge_resumes(bridge, client):
    await bridge.stop()
    await until(lambda: client.connection_status.value == "connecting")
    await bridge.start()
    await until(lambda: client.connection_status.value == "connected")
    await until(lambda: client.ears.of(EventType.INFO, kind="reconnected"))
    assert client.ears.of(EventType.INFO, kind="stopping")
    assert len(client.ears.of(EventType.ERROR, kind="connection")) == 1


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"session_id": 5}, "session_id must be"),
        ({"session_id": "x" * 65}, "session_id must be"),
        ({"on_disconnect": "sell"}, "on_disconnect must be one of"),
        ({"on_disconnect": "cancel_mine"}, "needs a session_id"),
        ({"grace": -1}, "grace must be"),
        ({"grace": True}, "grace must be"),
        ({"grace": "soon"}, "grace must be"),
    ],
)
async def test_bad_option_at_login_is_refused_with_the_reason(bridge, options, says):
    async with raw(bridge) as socket:
        reply = await ask(socket, type="authenticate", api_key=KEY, **options)
        assert (reply["code"], says in reply["message"]) == ("invalid_request", True)


@pytest.mark.parametrize("position", [5, "", "x", ":", "j:", "j:-1", "j:9" + "9" * 30])
async def test_position_that_is_none_means_no_resuming(bridge, position):
    async with raw(bridge) as socket:
        assert (await ask(socket, type="authenticate", api_key=KEY, resume_from=position))["status"] == "success"


async def test_socket_that_closes_before_its_key_leaves_nothing(bridge, client):
    async with raw(bridge):
        pass
    assert await client.ping() < 5
    assert len(bridge.server._sessions) == 1


async def test_client_that_is_sent_away_gets_no_more_events_into_its_outbox(bridge, client):
    (session,) = bridge.server._sessions
    session.close(1013, "too slow")
    session.offer(b'{"type":"info","data":{}}')
    assert len(session._outbox) == 0


async def test_client_whose_missed_fills_cannot_be_read_is_told_by_the_end_of_its_connection(bridge):
    journal = bridge.server.journal
    journal._database.execute("DROP TABLE fills")
    async with raw(bridge) as socket:
        await ask(socket, type="authenticate", api_key=KEY, resume_from=f"{journal.journal_id}:0")
        closed = await socket.receive()
        assert (closed.type, closed.data) == (aiohttp.WSMsgType.CLOSE, 1011)
    await until(lambda: not bridge.server._sessions)
