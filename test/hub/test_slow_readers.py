"""Readers that do not read: bounded, closed with 1008, and unnoticed by the others."""

import asyncio
import socket
import tracemalloc

import aiohttp

from hummingbot_extended.hub.face_limits import FaceLimits
from hummingbot_extended.hub.face_settings import FaceSettings
from hummingbot_extended.hub.listener import Pacer
from hummingbot_extended.hub.server import HubServer
from hummingbot_extended.hub.wires import text_frame
from test.hub.clients import Client
from test.hub.hand_fed import HandFedHub, depth, level, price, trade
from test.until import until

HANDSHAKE = (
    "GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)


class Stalled:
    """A WebSocket client with a small receive buffer that reads its handshake, speaks, and never reads again."""

    def __init__(self, server: HubServer, path: str) -> None:
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.socket.setblocking(False)
        self.server, self.path = server, path

    async def connect(self, *messages: bytes) -> None:
        loop = asyncio.get_running_loop()
        await loop.sock_connect(self.socket, ("127.0.0.1", self.server.port))
        await loop.sock_sendall(self.socket, HANDSHAKE.format(path=self.path).encode())
        await loop.sock_recv(self.socket, 512)
        for message in messages:
            frame = text_frame(message)
            masked = bytes((frame[0], frame[1] | 0x80)) + frame[2 : len(frame) - len(message)] + bytes(4) + message
            await loop.sock_sendall(self.socket, masked)

    async def read_rest(self) -> bytes:
        loop = asyncio.get_running_loop()
        data = b""
        while chunk := await loop.sock_recv(self.socket, 65_536):
            data += chunk
        return data


SUBSCRIBE = b'{"type":"subscribe","stream_type":"trades","symbols":["BTC-USD"],"params":{"mode":"tick"}}'


async def test_w_b17_a_stalled_client_is_bounded_and_closed_while_others_get_everything(hub: HandFedHub) -> None:
    limits = FaceLimits(write_deadline_s=0.5, max_waiting_events=100)
    async with HubServer(hub, FaceSettings(port=0, limits=limits)) as server:
        stalled = Stalled(server, "/ws/stream")
        await stalled.connect(SUBSCRIBE)
        async with Client.at(server.ws_url + "/ws/stream") as client:
            await client.subscribe("trades", params={"mode": "tick"})
            await until(lambda: server.faces.connections()["total_subscriptions"] == 2)
            tracemalloc.start()
            got = 0
            for number in range(0, 60_000, 50):
                hub.give(*(trade(number + each) for each in range(50)))
                got += len((await client.hear("data"))["data"])
            held, _ = tracemalloc.get_traced_memory()
            tracemalloc.stop()
            assert got == 60_000
            assert held < 2_000_000
            await until(lambda: len(server.faces.sessions) == 1)
            assert server.faces.counters["closed_slow"] == 1
        stalled.socket.close()


async def test_a_client_that_was_behind_gets_the_newest_and_is_told_of_what_it_missed(hub: HandFedHub) -> None:
    limits = FaceLimits(max_waiting_events=10)
    async with HubServer(hub, FaceSettings(port=0, limits=limits)) as server:
        async with Client.at(server.ws_url + "/ws/stream") as client:
            await client.subscribe("trades", params={"mode": "tick"})
            hub.give(*(trade(number) for number in range(25)))  # in one turn of the loop: nothing could be sent yet
            assert (await client.hear("gap"))["dropped"] == 15
            rows = (await client.hear("data"))["data"]
            assert [row["trade_id"] for row in rows] == [str(number) for number in range(15, 25)]


async def test_state_is_conflated_while_a_client_is_behind(hub: HandFedHub, client: Client) -> None:
    await client.subscribe(params={"mode": "tick"})
    hub.give(*(price(value=str(number + 1)) for number in range(1000)))
    rows = (await client.hear("data"))["data"]
    assert [row["price"] for row in rows] == [1000]


async def test_a_book_reader_that_was_behind_gets_a_new_snapshot(hub: HandFedHub) -> None:
    limits = FaceLimits(max_waiting_events=10)
    hub.give(depth("BTC-USD", 1, (level("10", "1"),), ()))
    async with HubServer(hub, FaceSettings(port=0, limits=limits)) as server:
        async with Client.at(server.ws_url + "/ws/stream") as client:
            await client.subscribe("depth")
            await client.hear("data")
            hub.give(*(depth("BTC-USD", n, (level("10", str(n)),), (), snapshot=False) for n in range(2, 40)))
            (book,) = (await client.hear("data"))["data"]
            assert (book["type"], book["seq"], book["bids"]) == ("snapshot", 39, [[10, 39]])


async def test_b4_nothing_is_left_of_a_client_that_left(server: HubServer, hub: HandFedHub) -> None:
    async with Client.at(server.ws_url + "/ws/stream") as client:
        for stream in ("price", "quote", "trades", "depth", "ohlcv"):
            await client.subscribe(stream, symbols=["BTC-USD", "ETH-USD"])
    await until(lambda: not hub.listeners)
    assert len(server.faces.topics) == 0
    assert not server.faces.listeners


async def test_b1_thirty_clients_are_one_listening(hub: HandFedHub, server: HubServer) -> None:
    async with aiohttp.ClientSession() as http:
        sockets = [await http.ws_connect(server.ws_url + "/ws/prices/BTC-USD") for _ in range(30)]
        await until(lambda: server.faces.connections()["total_subscriptions"] == 30)
        assert len(hub.listeners) == 2  # its prices and its status
        for each in sockets:
            await each.close()


async def test_a_pacer_flushes_each_listener_once_a_turn() -> None:
    flushed: list[int] = []

    class Counting:
        def flush(self) -> None:
            flushed.append(1)

    pacer = Pacer()
    pacer.mark(Counting())  # type: ignore[arg-type]
    assert flushed == []
    await asyncio.sleep(0)
    assert flushed == [1]
