"""TopicStream over real sockets: one server with a v2 socket at /rpc and the same data on v1 paths."""

import asyncio
import json
from contextlib import asynccontextmanager

import pytest

from hummingbot_extended.errors import ProtocolError
from hummingbot_extended.streams.aiohttp_transport import AiohttpWebSocketTransport
from hummingbot_extended.streams.rpc_stream import RpcStream
from hummingbot_extended.streams.supervisor import StreamSupervisor
from hummingbot_extended.streams.topic_stream import MOST_FAILURES, RpcSocket, TopicStream
from hummingbot_extended.streams.transport import StreamRequest
from hummingbot_extended.streams.transport_choice import TransportChoice
from test.streams.rpc_server import A, B, RpcServer, quick
from test.streams.server import serving
from test.until import until


class Exchange(RpcServer):
    """Serves v2 at /rpc unless `v2_status` says otherwise, and v1 at every other path."""

    def __init__(self):
        super().__init__()
        self.v2_status = 101
        self.v1_peers = []
        self.cuts_who_subscribes = False

    async def answer(self, call):
        if self.cuts_who_subscribes:
            self.peer.cut()
        else:
            await super().answer(call)

    async def script(self, peer):
        if peer.path != "/rpc":
            self.v1_peers.append(peer)
            await peer.accept()
            await peer.send({"data": "v1"})
            await peer.until_closed()
        elif self.v2_status != 101:
            await peer.respond(self.v2_status)
        else:
            await super().script(peer)

    @property
    def v2_attempts(self):
        return sum(peer.path == "/rpc" for peer in self.sockets.peers)

    @property
    def v1_open(self):
        return sum(not peer._listening.done() for peer in self.v1_peers)


@pytest.fixture
async def exchange(session):  # whose end looks for tasks: the server must be gone before
    exchange = Exchange()
    async with serving(exchange.script) as sockets:
        exchange.sockets = sockets
        yield exchange


class Reader:
    """What the owner of a TopicStream hears, in order."""

    def __init__(self):
        self.heard = []
        self.refused = None  # the data that is taken for a broken message
        self.fault = None

    def take(self, text):
        data = json.loads(text)["data"]
        if data == self.fault:
            raise ZeroDivisionError
        if data == self.refused:
            raise ProtocolError("a crossed book")
        self.heard.append(data)

    def connected(self):
        self.heard.append("connected")

    def lost(self, error):
        self.heard.append(type(error).__name__)


@asynccontextmanager
async def running(exchange, session, topics=(A,), return_after_s=60.0, retry_after_s=0.0):
    """Readers of `topics` on one socket, each with a v1 stream to fall back to."""
    transports = TransportChoice([AiohttpWebSocketTransport(session)])
    rpc = RpcStream(f"{exchange.sockets.http_url}/rpc", transports=transports, **quick())
    socket = RpcSocket(rpc, retry_after_s=retry_after_s)
    made = []
    for topic in topics:
        reader = Reader()

        async def connected(reader=reader):
            reader.connected()

        url = f"{exchange.sockets.http_url}/v1/{topic.name}"
        fallback = StreamSupervisor(
            StreamRequest(url=url), transports, on_message=reader.take, on_connected=connected, **quick()
        )
        stream = TopicStream(
            socket,
            topic,
            fallback,
            on_message=reader.take,
            on_connected=reader.connected,
            on_disconnected=reader.lost,
            return_after_s=return_after_s,
            **quick(),
        )
        reader.running = asyncio.create_task(stream.run())
        made.append((stream, reader, reader.running))
    try:
        yield [(stream, reader) for stream, reader, _ in made]
    finally:
        for *_, task in made:
            task.cancel()
        await asyncio.gather(*(task for *_, task in made), return_exceptions=True)
        await socket.close()


async def test_topics_share_one_connection(exchange, session):
    async with running(exchange, session, (A, B)) as ((a, heard_a), (b, heard_b)):
        await until(lambda: a.is_connected and b.is_connected)
        await exchange.data(A.name, 1)
        await exchange.data(B.name, 2)
        await until(lambda: heard_a.heard[-1:] == [1] and heard_b.heard[-1:] == [2])
        assert heard_a.heard == ["connected", "snapshot", 1]
        assert exchange.sockets.accepted == exchange.sockets.open_now == 1
        assert (a.transport_name, a.generation, a.stats.messages) == ("rpc", 1, 2)
        assert "over rpc" in repr(a)
    await until(lambda: not exchange.sockets.open_now)


async def test_a_lost_socket_comes_back_with_every_topic(exchange, session):
    async with running(exchange, session, (A, B)) as ((a, heard_a), (b, heard_b)):
        await until(lambda: a.is_connected and b.is_connected)
        exchange.peer.cut()
        for heard in (heard_a, heard_b):
            await until(lambda heard=heard: heard.heard.count("snapshot") == 2)
            assert heard.heard == ["connected", "snapshot", "StreamClosed", "connected", "snapshot"]
        assert a.generation == 2
        assert not exchange.v1_peers


async def test_a_broken_message_begins_its_topic_anew_and_no_other(exchange, session):
    async with running(exchange, session, (A, B)) as ((a, heard_a), (b, heard_b)):
        await until(lambda: a.is_connected and b.is_connected)
        heard_a.refused = "broken"
        await exchange.data(A.name, "broken")
        await until(lambda: heard_a.heard.count("snapshot") == 2)
        await exchange.data(B.name, "on")
        await until(lambda: "on" in heard_b.heard)
        assert heard_a.heard == ["connected", "snapshot", "ProtocolError", "connected", "snapshot"]
        assert heard_b.heard == ["connected", "snapshot", "on"]
        assert exchange.sockets.accepted == 1
        assert a.stats.errors == 1


async def test_request_reconnect_begins_the_topic_anew(exchange, session):
    async with running(exchange, session) as ((a, heard),):
        await until(lambda: a.is_connected)
        a.request_reconnect("it is silent")
        await until(lambda: heard.heard.count("snapshot") == 2 and a.is_connected)
        assert heard.heard[2] == "StreamClosed"
        assert exchange.sockets.accepted == 1


async def test_without_v2_every_topic_is_read_on_v1_after_one_attempt(exchange, session, caplog):
    exchange.v2_status = 404
    async with running(exchange, session, (A, B), retry_after_s=60.0) as ((a, heard_a), (b, heard_b)):
        await until(lambda: "v1" in heard_a.heard and "v1" in heard_b.heard)
        assert (a.transport_name, b.transport_name) == ("websocket", "websocket")
        assert a.is_connected
        assert exchange.v2_attempts == 1
        a.request_reconnect("it is silent")
        await until(lambda: heard_a.heard.count("v1") == 2)
    assert "v2 does not work" in caplog.text
    await until(lambda: not exchange.sockets.open_now)


async def test_a_refused_topic_is_read_on_v1_beside_the_others_on_v2(exchange, session):
    exchange.refuses = {B.scope + "-x"}
    refused = type(B)("refused", B.scope + "-x")
    async with running(exchange, session, (A, refused)) as ((a, _), (b, heard_b)):
        await until(lambda: a.is_connected and "v1" in heard_b.heard)
        assert (a.transport_name, b.transport_name) == ("rpc", "websocket")


async def test_a_socket_that_stays_away_gives_way_to_v1(exchange, session):
    async with running(exchange, session) as ((a, heard),):
        await until(lambda: a.is_connected)
        exchange.v2_status = 503
        exchange.peer.cut()
        await until(lambda: "v1" in heard.heard)
        assert heard.heard.count("ConnectFailed") == MOST_FAILURES
        assert exchange.v1_open == 1


async def test_v2_is_taken_again_once_it_serves_the_topic_and_v1_lives_until_then(exchange, session):
    exchange.v2_status = 404
    async with running(exchange, session, return_after_s=0.1) as ((a, heard),):
        await until(lambda: "v1" in heard.heard)
        await until(lambda: exchange.v2_attempts >= 3)
        assert heard.heard == ["connected", "v1"]  # the tries disturbed nothing
        exchange.v2_status = 101
        await until(lambda: "snapshot" in heard.heard and a.is_connected)
        assert heard.heard[-2:] == ["connected", "snapshot"]
        assert a.transport_name == "rpc"
        await until(lambda: not exchange.v1_open)


async def test_a_socket_that_is_lost_at_each_subscription_gives_way_to_v1(exchange, session):
    exchange.cuts_who_subscribes = True
    async with running(exchange, session) as ((a, heard),):
        await until(lambda: "v1" in heard.heard)
        assert a.transport_name == "websocket"
        assert heard.heard.count("StreamClosed") + heard.heard.count("NotConnected") >= MOST_FAILURES
        assert "RpcSocket" in repr(a._socket)


async def test_a_socket_that_the_server_ends_for_good_gives_way_to_v1(exchange, session):
    async with running(exchange, session) as ((a, heard),):
        await until(lambda: a.is_connected)
        exchange.v2_status = 204
        exchange.peer.cut()
        await until(lambda: "v1" in heard.heard)
        assert a.transport_name == "websocket"


async def test_what_the_owner_raises_on_v1_ends_run(exchange, session):
    exchange.v2_status = 404
    async with running(exchange, session) as ((_, heard),):
        heard.fault = "v1"
        await until(heard.running.done)
        assert isinstance(heard.running.exception(), ZeroDivisionError)


async def test_what_the_owner_raises_ends_run_and_not_the_socket(exchange, session):
    async with running(exchange, session, (A, B)) as ((a, heard_a), (b, heard_b)):
        await until(lambda: a.is_connected and b.is_connected)
        heard_a.fault = "fault"
        await exchange.data(A.name, "fault")
        await until(heard_a.running.done)
        assert isinstance(heard_a.running.exception(), ZeroDivisionError)
        await exchange.data(B.name, "on")
        await until(lambda: "on" in heard_b.heard)
