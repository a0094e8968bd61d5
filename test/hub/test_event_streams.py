"""/sse/stream over real sockets: rows with ids, resumed where the client left off."""

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from hummingbot_extended.hub.events import Row
from hummingbot_extended.hub.face_limits import FaceLimits
from hummingbot_extended.hub.face_settings import FaceSettings
from hummingbot_extended.hub.server import HubServer
from hummingbot_extended.streams.sse import ServerSentEvent, SSEDecoder
from test.hub.hand_fed import HandFedHub, depth, level, price, quote, trade
from test.until import DEADLINE_S, until


class Events:
    """Reads an event stream by the package's own decoder."""

    def __init__(self, reply: aiohttp.ClientResponse) -> None:
        self.reply = reply
        self.decoder = SSEDecoder()
        self.waiting: list[ServerSentEvent] = []

    @classmethod
    @contextlib.asynccontextmanager
    async def of(cls, server: HubServer, query: str, **headers: str) -> AsyncIterator["Events"]:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(socket_factory=_small)) as http:
            async with http.get(f"{server.url}/sse/stream?{query}", headers=headers) as reply:
                assert (reply.status, reply.content_type) == (200, "text/event-stream")
                yield cls(reply)

    async def next(self, deadline_s: float = DEADLINE_S) -> ServerSentEvent:
        async with asyncio.timeout(deadline_s):
            while not self.waiting:
                chunk = await self.reply.content.readany()
                assert chunk, "the stream ended"
                self.waiting += self.decoder.feed(chunk)
        return self.waiting.pop(0)


def _small(address: tuple[Any, ...]) -> socket.socket:
    """A socket that is soon full where it is not read."""
    made = socket.socket(*address[:3])
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    return made


async def test_rows_come_as_events_of_their_kind(server: HubServer, hub: HandFedHub) -> None:
    hub.give(price())
    async with Events.of(server, "kinds=price,quote,trades&symbols=btc-usd") as events:
        first = await events.next()
        assert (first.event, json.loads(first.data)["symbol"]) == ("price", "BTC-USD")
        hub.give(quote(), trade(1))
        assert [(await events.next()).event for _ in range(2)] == ["quote", "trades"]
        assert events.decoder.retry == 1000


async def test_a_client_that_comes_back_gets_what_it_missed(server: HubServer, hub: HandFedHub) -> None:
    async with Events.of(server, "kinds=trades&symbols=BTC-USD") as events:
        hub.give(trade(1), trade(2))
        await events.next()
        last_id = (await events.next()).id
    await until(lambda: not server.faces.listeners)
    hub.give(trade(3), trade(4, "ETH-USD"), trade(5))
    async with Events.of(server, "kinds=trades&symbols=BTC-USD", **{"Last-Event-ID": last_id}) as events:
        ids = [json.loads((await events.next()).data)["trade_id"] for _ in range(2)]
        hub.give(trade(6))
        assert [*ids, json.loads((await events.next()).data)["trade_id"]] == ["3", "5", "6"]


@pytest.mark.parametrize("last_id", ["other-1", "nonsense", "-", "x-999999999999999999"])
async def test_an_id_of_which_nothing_is_known_is_told_as_a_gap(
    server: HubServer, hub: HandFedHub, last_id: str
) -> None:
    hub.give(price())
    async with Events.of(server, "kinds=price&symbols=BTC-USD", **{"Last-Event-ID": last_id}) as events:
        assert (await events.next()).event == "gap"
        assert (await events.next()).event == "price"


async def test_depth_begins_with_a_snapshot_also_for_a_latecomer(server: HubServer, hub: HandFedHub) -> None:
    hub.give(depth("BTC-USD", 7, (level("10", "1"),), ()))
    async with Events.of(server, "kinds=depth&symbols=BTC-USD") as first:
        await first.next()
        hub.give(depth("BTC-USD", 8, (level("9", "1"),), (), snapshot=False))
        assert json.loads((await first.next()).data)["type"] == "delta"
        async with Events.of(server, "kinds=depth&symbols=BTC-USD") as late:
            book = json.loads((await late.next()).data)
            assert (book["type"], book["seq"], len(book["bids"])) == ("snapshot", 8, 2)


async def test_a_reader_that_was_behind_gets_its_book_anew_and_is_told_of_trades_that_it_missed(
    hub: HandFedHub,
) -> None:
    def rows(number: int) -> tuple[Row, Row]:
        return depth("BTC-USD", number, (level("10", str(number)),), (), snapshot=False), trade(number)

    hub.give(depth("BTC-USD", 1, (level("10", "1"),), ()))
    limits = FaceLimits(max_waiting_events=10)
    async with HubServer(hub, FaceSettings(port=0, limits=limits)) as server:
        async with Events.of(server, "kinds=depth,trades&symbols=BTC-USD") as events:
            assert (await events.next()).event == "depth"
            (session,) = server.faces.listeners
            number = 2
            while session.wire.is_free:
                hub.give(*rows(number))
                number += 1
                await asyncio.sleep(0)
            for last in range(number, number + 40):
                hub.give(*rows(last))
            heard = [await events.next()]
            while heard[-1].event != "depth" or json.loads(heard[-1].data)["seq"] < last:
                heard.append(await events.next())
    told = {
        kind: [json.loads(each.data) for each in heard if each.event == kind] for kind in ("depth", "trades", "gap")
    }
    (gap,) = told["gap"]
    missed = {*range(2, last + 1)} - {int(each["trade_id"]) for each in told["trades"]}
    assert gap["dropped"] == len(missed) > 0
    *changes, book = told["depth"]
    assert book["type"] == "snapshot"
    assert book["bids"] == [[10, last]]
    assert [each["seq"] for each in changes] == list(range(2, 2 + len(changes)))


@pytest.mark.parametrize(
    "query",
    [
        "",
        "kinds=price",
        "kinds=beer&symbols=BTC-USD",
        "kinds=price&symbols=NOPE",
        "kinds=ohlcv&symbols=BTC-USD&timeframe=7m",
    ],
)
async def test_a_question_that_makes_no_sense_gives_400(
    server: HubServer, http: aiohttp.ClientSession, query: str
) -> None:
    async with http.get(f"{server.url}/sse/stream?{query}") as reply:
        assert reply.status == 400
        assert (await reply.json())["success"] is False


async def test_what_nobody_reads_is_given_up_at_the_end(hub: HandFedHub) -> None:
    async with HubServer(hub, FaceSettings(port=0)) as server:
        async with Events.of(server, "kinds=price,trades&symbols=BTC-USD"):
            await until(lambda: len(hub.listeners) == 2)
    assert hub.listeners == []


async def test_the_stream_ends_when_the_hub_does(hub: HandFedHub) -> None:
    async with contextlib.AsyncExitStack() as stack:
        async with HubServer(hub, FaceSettings(port=0)) as server:
            events = await stack.enter_async_context(Events.of(server, "kinds=price&symbols=BTC-USD"))
            await until(lambda: server.faces.listeners)
        async with asyncio.timeout(30):
            while await events.reply.content.readany():
                pass
