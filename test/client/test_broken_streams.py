"""What comes behind a message that broke something is not handed out: its connection is replaced first."""

import json
from contextlib import asynccontextmanager

from aiohttp import web

from hummingbot_extended.client import ExtendedClient, Reconnected
from hummingbot_extended.client.channel import order_book
from hummingbot_extended.client.inlet import Received
from hummingbot_extended.client.rpc_inlet import RpcSource
from hummingbot_extended.errors import MalformedMessage, ProtocolError
from hummingbot_extended.streams import StreamManager
from hummingbot_extended.streams.aiohttp_transport import AiohttpWebSocketTransport, stream_session
from hummingbot_extended.streams.transport_choice import TransportChoice
from test.client.conftest import Heard
from test.streams.rpc_server import RpcServer
from test.streams.server import serving
from test.until import until


def book_frame(kind: str, seq: int, bids: list[tuple[str, str]], asks: list[tuple[str, str]]) -> str:
    sides = {side: [{"p": p, "q": q, "c": q} for p, q in rows] for side, rows in (("b", bids), ("a", asks))}
    data = {"t": kind, "m": "BTC-USD", "d": "f", **sides}
    return json.dumps({"type": kind, "data": data, "ts": 1_795_219_200_000 + seq, "seq": seq})


CROSSED_FOR_A_MOMENT = [
    book_frame("SNAPSHOT", 1, [("100", "1")], [("102", "1")]),
    book_frame("DELTA", 2, [("103", "1")], []),
    book_frame("DELTA", 3, [("103", "0")], []),
    book_frame("DELTA", 4, [("101", "1")], []),
]


@asynccontextmanager
async def event_server(*frames: str):
    """Sends all `frames` in one piece to whoever connects, and holds the connection."""

    async def answer(request: web.Request) -> web.StreamResponse:
        connections.append(request)
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await response.write("".join(f"data: {frame}\n\n" for frame in frames).encode())
        await until(lambda: request.transport is None or request.transport.is_closing())
        return response

    connections: list[web.Request] = []
    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}", connections
    finally:
        await runner.cleanup()


async def test_a_book_that_was_crossed_is_not_handed_out_again_before_its_next_snapshot():
    async with event_server(*CROSSED_FOR_A_MOMENT) as (origin, connections):
        async with ExtendedClient(url=origin, transport="sse") as client:
            books, errors = Heard(), Heard()
            await client.market_data.stream_order_book("BTC-USD", books, errors, depth=None, policy="drop_oldest")
            await until(lambda: len(connections) >= 2 and len(books) >= 2)
            assert all(book.is_snapshot for book in books.events)
            assert any(isinstance(error, ProtocolError) for error in errors.events)


async def test_frames_of_a_topic_behind_one_that_cannot_be_read_are_passed_over():
    class Server(RpcServer):
        def __init__(self):
            super().__init__()
            self.connections = 0

        async def script(self, peer):
            self.connections += 1
            await super().script(peer)

    def frame(seq, kind, data):
        return {"type": kind, "data": data, "ts": seq, "seq": seq, "subscription": "orderbooks.BTC-USD"}

    items, errors = [], []

    async def handle(item):
        items.append(item)

    rpc = Server()
    async with serving(rpc.script) as server, stream_session() as session, StreamManager() as manager:
        transports = TransportChoice([AiohttpWebSocketTransport(session)])
        source = RpcSource(manager, server.http_url, transports, None)
        inlet = await source.open(order_book("BTC-USD"), handle, errors.append)
        await until(lambda: items)
        await rpc.peer.send(frame(1, "ORDERBOOKS.DELTA", {"b": 7}), frame(2, "Y", {}), frame(3, "Y", {}))
        await until(lambda: rpc.connections == 2 and isinstance(items[-1], Received) and len(items) >= 3)
        assert [item.frame.kind if isinstance(item, Received) else type(item) for item in items] == [
            "X",
            Reconnected,
            "X",
        ]
        assert any(isinstance(error, MalformedMessage) for error in errors)
        await inlet.close()
