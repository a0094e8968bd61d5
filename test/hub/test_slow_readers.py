"""Readers that do not read: bounded, closed with 1008, and unnoticed by the others."""

import asyncio
import json
import socket
import ssl
import tracemalloc
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from hummingbot_extended.hub.events import DepthRow, Row
from hummingbot_extended.hub.face_limits import FaceLimits
from hummingbot_extended.hub.face_settings import FaceSettings
from hummingbot_extended.hub.listener import Pacer
from hummingbot_extended.hub.server import HubServer
from hummingbot_extended.streams.frames import text_frame
from test.bridge.test_tls_and_ports import write_certificate
from test.hub.clients import Client
from test.hub.hand_fed import HandFedHub, depth, level, price, trade
from test.until import DEADLINE_S, until

HANDSHAKE = (
    "GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)

TEXT = 0x81


class Stalled:
    """A WebSocket client with a small receive buffer that reads its handshake, speaks, and never reads again."""

    def __init__(self, server: HubServer, path: str) -> None:
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.socket.setblocking(False)
        self.server, self.path = server, path
        self._data = b""

    async def connect(self, *messages: bytes) -> None:
        loop = asyncio.get_running_loop()
        await loop.sock_connect(self.socket, ("127.0.0.1", self.server.port))
        await loop.sock_sendall(self.socket, HANDSHAKE.format(path=self.path).encode())
        await loop.sock_recv(self.socket, 512)
        for message in messages:
            frame = text_frame(message)
            masked = bytes((frame[0], frame[1] | 0x80)) + frame[2 : len(frame) - len(message)] + bytes(4) + message
            await loop.sock_sendall(self.socket, masked)

    async def messages(self, is_last: Callable[[dict[str, Any]], bool]) -> list[dict[str, Any]]:
        """Read again, up to a message."""
        loop = asyncio.get_running_loop()
        read: list[dict[str, Any]] = []
        while True:
            while (frame := _first_frame(self._data)) is not None:
                opcode, self._data = self._data[0], self._data[frame[1] :]
                if opcode != TEXT:
                    continue  # a ping
                read.append(json.loads(frame[0], parse_float=Decimal))
                if is_last(read[-1]):
                    return read
            async with asyncio.timeout(DEADLINE_S):
                chunk = await loop.sock_recv(self.socket, 65_536)
            assert chunk, "the connection was closed"
            self._data += chunk

    async def read_rest(self) -> bytes:
        loop = asyncio.get_running_loop()
        data = b""
        while chunk := await loop.sock_recv(self.socket, 65_536):
            data += chunk
        return data


def _first_frame(data: bytes) -> tuple[bytes, int] | None:
    """Return the payload of the first frame and where it ends; None while it is not all there."""
    if len(data) < 2 or len(data) < {126: 4, 127: 10}.get(data[1], 2):
        return None
    begin, size = {126: (4, int.from_bytes(data[2:4])), 127: (10, int.from_bytes(data[2:10]))}.get(
        data[1], (2, data[1])
    )
    return (data[begin : begin + size], begin + size) if len(data) >= begin + size else None


@asynccontextmanager
async def stalled_at(
    hub: HandFedHub, subscribe: bytes, *rows: Callable[[int], Row]
) -> AsyncIterator[tuple[Stalled, int]]:
    """A client that reads nothing any more, and whose connection is full of `rows`; with the next row's number."""
    async with HubServer(hub, FaceSettings(port=0, limits=FaceLimits(max_waiting_events=10))) as server:
        stalled = Stalled(server, "/ws/stream")
        try:
            await stalled.connect(subscribe)
            await until(lambda: server.faces.connections()["total_subscriptions"] == 1)
            (session,) = server.faces.sessions
            number = 2
            while session.wire.is_free:
                hub.give(*(make(each) for make in rows for each in range(number, number + 50)))
                number += 50
                await asyncio.sleep(0)
            yield stalled, number
        finally:
            stalled.socket.close()


SUBSCRIBE = b'{"type":"subscribe","stream_type":"trades","symbols":["BTC-USD"],"params":{"mode":"tick"}}'


@pytest.mark.states("W-B17")
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
            for number in range(0, 20_000, 50):
                hub.give(*(trade(number + each) for each in range(50)))
                got += len((await client.hear("data"))["data"])
            held, _ = tracemalloc.get_traced_memory()
            tracemalloc.stop()
            assert got == 20_000
            assert held < 2_000_000
            await until(lambda: len(server.faces.sessions) == 1)
            assert server.faces.counters["closed_slow"] == 1
        stalled.socket.close()


async def test_a_client_that_stalls_behind_tls_is_bounded_and_closed(hub: HandFedHub, tmp_path: Path) -> None:
    certificate, key = write_certificate(tmp_path)
    limits = FaceLimits(write_deadline_s=0.5, max_waiting_events=100)
    settings = FaceSettings(port=0, certificate=certificate, key=key, limits=limits)
    connector = aiohttp.TCPConnector(ssl=ssl.create_default_context(cafile=certificate))
    async with HubServer(hub, settings) as server, aiohttp.ClientSession(connector=connector) as http:
        timeout = aiohttp.ClientWSTimeout(ws_close=0.1)
        async with http.ws_connect(server.ws_url + "/ws/stream", timeout=timeout) as unread:
            await unread.send_str(SUBSCRIBE.decode())
            await until(lambda: server.faces.connections()["total_subscriptions"] == 1)
            (session,) = server.faces.sessions
            number, held = 0, 0
            async with asyncio.timeout(DEADLINE_S):
                while not server.faces.counters["closed_slow"]:
                    hub.give(*(trade(number + each) for each in range(100)))
                    number += 100
                    await asyncio.sleep(0)
                    held = max(held, session.wire._transport.get_write_buffer_size())
    assert 0 < held < 1_000_000


async def test_a_client_that_was_behind_gets_the_newest_and_is_told_of_what_it_missed(hub: HandFedHub) -> None:
    async with stalled_at(hub, SUBSCRIBE, trade) as (stalled, number):
        hub.give(*(trade(each) for each in range(number, number + 25)))
        heard = await stalled.messages(lambda message: message["type"] == "gap")
        before = [int(row["trade_id"]) for message in heard if message["type"] == "data" for row in message["data"]]
        assert before == list(range(2, before[-1] + 1))
        (told,) = await stalled.messages(lambda message: message["type"] == "data")
        assert [int(row["trade_id"]) for row in told["data"]] == list(range(number + 15, number + 25))
        assert heard[-1]["dropped"] == number + 15 - (before[-1] + 1)


async def test_a_burst_in_one_turn_reaches_who_keeps_up_whole_and_in_order(hub: HandFedHub, client: Client) -> None:
    await client.subscribe("trades", params={"mode": "tick"})
    hub.give(*(trade(number) for number in range(1_200)))
    got: list[int] = []
    while len(got) < 1_200:
        got += [int(row["trade_id"]) for row in (await client.hear("data"))["data"]]
    assert got == list(range(1_200))


async def test_state_is_conflated_while_a_client_is_behind(hub: HandFedHub, client: Client) -> None:
    await client.subscribe(params={"mode": "tick"})
    hub.give(*(price(value=str(number + 1)) for number in range(1000)))
    rows = (await client.hear("data"))["data"]
    assert [row["price"] for row in rows] == [1000]


async def test_a_book_reader_that_was_behind_gets_a_new_snapshot_and_what_follows_it(hub: HandFedHub) -> None:
    def change(number: int) -> Row:
        return depth("BTC-USD", number, (level("10", str(number)),), (), snapshot=False)

    hub.give(depth("BTC-USD", 1, (level("10", "1"),), ()))
    async with stalled_at(hub, SUBSCRIBE.replace(b"trades", b"depth"), change) as (stalled, number):
        hub.give(*(change(each) for each in range(number, number + 40)))
        heard = await stalled.messages(lambda message: message.get("data", [{}])[-1].get("seq") == number + 39)
        hub.give(change(number + 40))
        heard += await stalled.messages(lambda message: message["type"] == "data")
        rows = [row for message in heard if message["type"] == "data" for row in message["data"]]
        assert [row["type"] for row in rows].count("snapshot") == 2
        assert all(row["type"] == "snapshot" or row["prev_seq"] == was["seq"] for was, row in pairwise(rows))
        assert rows[-2]["bids"] == [[10, number + 39]]


async def test_a_change_in_the_turn_of_a_snapshot_is_not_told_again_after_it() -> None:
    def change(number: int) -> DepthRow:
        return depth("BTC-USD", number, (level("10", str(number)),), (), snapshot=False)

    class Busy(HandFedHub):
        """Its book changes just before it is looked at."""

        changes = iter((change(2),))

        def book(self, symbol: str, levels: int | None = None) -> DepthRow | None:
            self.give(*self.changes)
            return super().book(symbol, levels)

    hub = Busy()
    hub.give(depth("BTC-USD", 1, (level("10", "1"),), ()))
    async with HubServer(hub, FaceSettings(port=0)) as server, Client.at(server.ws_url + "/ws/stream") as client:
        await client.subscribe("depth")
        rows = (await client.hear("data"))["data"]
        hub.give(change(3))
        rows += (await client.hear("data"))["data"]
        assert [(row["type"], row["seq"]) for row in rows] == [("snapshot", 2), ("delta", 3)]


@pytest.mark.states("W-B4")
async def test_b4_nothing_is_left_of_a_client_that_left(server: HubServer, hub: HandFedHub) -> None:
    async with Client.at(server.ws_url + "/ws/stream") as client:
        for stream in ("price", "quote", "trades", "depth", "ohlcv"):
            await client.subscribe(stream, symbols=["BTC-USD", "ETH-USD"])
    await until(lambda: not hub.listeners)
    assert len(server.faces.topics) == 0
    assert not server.faces.listeners


@pytest.mark.states("W-B1")
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
