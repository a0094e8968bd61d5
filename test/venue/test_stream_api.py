"""Streams over real sockets: v1 WebSockets, event streams, and what faults do to them."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import aiohttp
import pytest

from hummingbot_extended.streams.sse import SSEDecoder
from hummingbot_extended.venue.variants import Variants
from test.until import until
from test.venue.engine_kit import BUY, limit
from test.venue.venue_kit import MARKET, Client, Frames, trading

BOOK = f"/orderbooks/{MARKET}"


class Book:
    """A book kept from frames: by `c` where present, and beside it by adding `q`; both must agree."""

    def __init__(self) -> None:
        self.sides: dict[str, dict[str, Decimal]] = {"b": {}, "a": {}}
        self.added: dict[str, dict[str, Decimal]] = {"b": {}, "a": {}}

    def apply(self, frame: dict[str, Any]) -> None:
        for side in ("b", "a"):
            if frame["type"] == "SNAPSHOT":
                self.sides[side], self.added[side] = {}, {}
            for row in frame["data"][side]:
                self.sides[side][row["p"]] = Decimal(row.get("c", row["q"]))
                self.added[side][row["p"]] = self.added[side].get(row["p"], Decimal(0)) + Decimal(row["q"])
            for levels in (self.sides[side], self.added[side]):
                for price in [p for p, size in levels.items() if size == 0]:
                    del levels[price]

    def rows(self, side: str) -> list[tuple[Decimal, Decimal]]:
        return sorted(((Decimal(p), q) for p, q in self.sides[side].items()), reverse=side == "b")


async def test_a_book_built_from_frames_is_the_engines_book() -> None:
    async with trading(makers=True, speed=5) as (venue, client):
        async with client.stream(BOOK) as frames:
            book, seqs = Book(), []
            for _ in range(25):
                frame = await frames.next()
                seqs.append(frame["seq"])
                book.apply(frame)
            assert seqs == list(range(1, 26))
            await client.control("POST", "/pause", paused=True)
            bids, asks = venue.engine.queries.book(MARKET)
            async with asyncio.timeout(30):
                while book.rows("b") != bids or book.rows("a") != asks:
                    book.apply(await frames.next())
            assert book.sides == book.added


async def test_a_newcomer_gets_a_snapshot_that_its_next_delta_fits() -> None:
    async with trading(book_push_ms=300) as (_, client):
        async with client.stream(BOOK) as early:
            await early.next()
            await client.place("BUY", "0.01", "83000")
            async with client.stream(BOOK) as late:
                snapshot = await late.next()
                assert snapshot["data"]["b"] == [{"q": "0.01000", "p": "83000"}]
                await client.place("BUY", "0.02", "83000")
                row = {"q": "0.02000", "p": "83000", "c": "0.03000"}
                assert (await late.next())["data"]["b"] == [row]
                assert [(await early.next())["data"]["b"][0]["c"] for _ in range(2)] == ["0.01000", "0.03000"]


async def test_changes_that_cancel_out_within_a_push_are_not_told() -> None:
    async with trading() as (venue, client):
        async with client.stream(BOOK) as frames:
            await frames.next()
            account, now_ms = venue.trader.account.id, venue.core.now_ms()

            def place_cancel_place() -> None:
                for name, price in (("gone", 83000), ("left", 83500)):
                    request = limit(BUY, "0.01", price, name, expire_ms=now_ms + 3_600_000)
                    receipt = venue.engine.receive_order(account, request, now_ms, is_signed=False)
                    venue.engine.accept(receipt.id, now_ms)
                    if name == "gone":
                        venue.engine.execute_cancel(receipt.id, now_ms)

            venue.core.do(place_cancel_place)
            assert (await frames.next())["data"]["b"] == [{"q": "0.01000", "p": "83500", "c": "0.01000"}]


async def test_snapshots_come_again_on_the_same_connection() -> None:
    async with trading(snapshot_interval_s=0.3, variants=Variants(snapshot_c=True)) as (_, client):
        await client.place("BUY", "0.01", "83000")
        async with client.stream(BOOK) as frames:
            first, second = await frames.next(), await frames.next()
            assert (first["type"], second["type"], second["seq"]) == ("SNAPSHOT", "SNAPSHOT", 2)
            assert second["data"]["b"] == [{"q": "0.01000", "p": "83000", "c": "0.01000"}]


async def test_depth_1_is_a_snapshot_at_every_change_of_the_touch() -> None:
    async with trading() as (_, client):
        async with client.stream(f"{BOOK}?depth=1") as frames:
            first = await frames.next()
            assert (first["type"], first["data"]["d"], first["data"]["b"]) == ("SNAPSHOT", "1", [])
            await client.place("BUY", "0.01", "83000")
            assert (await frames.next())["data"]["b"] == [{"q": "0.01000", "p": "83000"}]
            await client.place("BUY", "0.01", "82000")  # behind the touch: nothing to tell
            await client.place("BUY", "0.01", "83100")
            frame = await frames.next()
            assert (frame["seq"], frame["data"]["b"][0]["p"]) == (3, "83100")


async def test_trades_start_with_the_recent_ones_and_go_on_at_once() -> None:
    async with trading(recent_trades=2) as (venue, client):
        other = Client(venue, client.session, 1)
        await other.place("SELL", "1", "84100")
        for _ in range(3):
            await client.place("BUY", "0.01", "84100")
        async with client.stream(f"/publicTrades/{MARKET}") as frames:
            replay = await frames.next()
            assert len(replay["data"]) == 2
            assert "type" not in replay
            await client.place("BUY", "0.02", "84100")
            frame = await frames.next()
            assert (frame["seq"], frame["data"][0]["q"], frame["data"][0]["S"]) == (2, "0.02000", "BUY")
            assert frame["data"][0]["i"] > replay["data"][-1]["i"]


async def test_prices_and_funding_start_with_the_present_and_follow() -> None:
    async with trading() as (_, client):
        async with (
            client.stream(f"/prices/mark/{MARKET}") as mark,
            client.stream(f"/prices/index/{MARKET}") as index,
            client.stream(f"/funding/{MARKET}") as funding,
        ):
            assert (await mark.next())["data"] == {"m": MARKET, "p": "84077", "ts": 0}
            assert (await index.next())["data"]["p"] == "84077"
            first = await funding.next()
            assert set(first["data"]) == {"m", "f", "T"}
            await client.control("POST", "/price", market=MARKET, change="0.01")
            moved = await mark.next()
            assert (moved["type"], moved["data"]["p"], moved["sourceEventId"]) == ("MP", "84917.77", None)
            frame = await index.next()
            assert (frame["type"], frame["data"]["ts"] > 0) == ("IP", True)
            await client.control("POST", "/funding", market=MARKET, rate="0.0005")
            assert (await funding.next())["data"]["f"] == "0.0005"


async def test_candles_come_when_they_change_with_volume_for_trades_only() -> None:
    async with trading(candle_push_s=0.1) as (venue, client):
        await Client(venue, client.session, 1).place("SELL", "1", "84100")
        async with (
            client.stream(f"/candles/{MARKET}/trades?interval=PT1M") as trades,
            client.stream(f"/candles/{MARKET}/mark-prices?interval=PT1H") as marks,
        ):
            assert "v" in (await trades.next())["data"][0]
            assert "v" not in (await marks.next())["data"][0]
            await client.place("BUY", "0.25", "84100")
            frame = await trades.find(lambda f: f["data"][0]["v"] == "0.25")
            assert frame["data"][0]["c"] == "84100"
            await client.control("POST", "/price", market=MARKET, price="85000")
            assert (await marks.find(lambda f: f["data"][0]["h"] == "85000"))["data"][0]["T"] % 3_600_000 == 0


async def test_all_markets_have_one_sequence_or_one_each() -> None:
    async with trading() as (_, client):
        async with client.stream("/orderbooks") as frames:
            opening = [await frames.next() for _ in range(4)]
            assert {frame["data"]["m"] for frame in opening} == {"BTC-USD", "ETH-USD", "XAU-USD", "SPX500m-USD"}
            assert [frame["seq"] for frame in opening] == [1, 2, 3, 4]
        await client.control("PATCH", "/variants", all_books_seq="market")
        async with client.stream("/orderbooks") as frames:
            assert [(await frames.next())["seq"] for _ in range(4)] == [1, 1, 1, 1]
        url = f"{client.venue.stream_url}/orderbooks".replace("ws:", "http:")
        async with client.session.get(url, headers={"Accept": "text/event-stream"}) as stream:
            lines = [line async for line in _lines(stream, 12)]
            assert [line for line in lines if line.startswith(b"id:")] == [b"id: 1\n"] * 4


async def _lines(stream: aiohttp.ClientResponse, count: int) -> AsyncIterator[bytes]:
    async with asyncio.timeout(30):
        for _ in range(count):
            yield await stream.content.readuntil(b"\n")


# --- account ---------------------------------------------------------------------------------------------------------


async def test_a_fill_is_told_as_order_trade_position_and_balance() -> None:
    async with trading() as (venue, client):
        await Client(venue, client.session, 1).place("SELL", "0.02", "84100")
        async with client.stream("/account") as frames:
            for _ in range(3):
                await frames.next()
            await client.place("BUY", "0.01", "84100", "mine")
            got = [await frames.next() for _ in range(5)]
            assert [frame["type"] for frame in got] == ["ORDER", "ORDER", "TRADE", "POSITION", "BALANCE"]
            assert [frame["seq"] for frame in got] == [4, 5, 6, 7, 8]
            assert [frame["data"]["orders"][0]["status"] for frame in got[:2]] == ["NEW", "FILLED"]
            trade = got[2]["data"]["trades"][0]
            assert (trade["externalOrderId"], trade["fee"]) == ("mine", "0.2102500000000000")
            assert got[2]["data"]["isSnapshot"] is False
            assert got[3]["data"]["positions"][0]["size"] == "0.01000"
            assert got[4]["data"]["balance"]["status"] == "ACTIVE"


async def test_variants_change_the_account_messages() -> None:
    variants = Variants(
        fill_messages="BALANCE,POSITION,TRADE,ORDER",
        filled_ioc_new_first=False,
        is_snapshot_false=False,
        spot_balance_snapshot=True,
        trade_snapshot=True,
        order_expiry_name="expiryTime",
        zero_filled_qty="absent",
    )
    async with trading(variants=variants) as (venue, client):
        await Client(venue, client.session, 1).place("SELL", "0.02", "84100")
        await client.place("BUY", "0.01", "84100")
        async with client.stream("/account") as frames:
            opening = [await frames.next() for _ in range(5)]
            assert [f["type"] for f in opening] == ["ORDER", "BALANCE", "SPOT_BALANCE", "POSITION", "TRADE"]
            assert len(opening[4]["data"]["trades"]) == 1
            await client.place("BUY", "0.01", "84100", timeInForce="IOC")
            got = [await frames.next() for _ in range(4)]
            assert [frame["type"] for frame in got] == ["BALANCE", "POSITION", "TRADE", "ORDER"]
            assert "isSnapshot" not in got[0]["data"]
            await client.place("BUY", "0.01", "83000")
            order = (await frames.of_type("ORDER"))["data"]["orders"][0]
            assert "expiryTime" in order
            assert "filledQty" not in order


async def test_a_replaced_order_is_told_before_the_one_that_replaces_it() -> None:
    async with trading() as (_, client):
        await client.place("BUY", "0.01", "83000", "old")
        async with client.stream("/account") as frames:
            for _ in range(3):
                await frames.next()
            await client.place("BUY", "0.02", "83001", "new", cancelId="old")
            told: list[tuple[str, str]] = []
            while len(told) < 2:
                orders = (await frames.of_type("ORDER"))["data"]["orders"]
                told += [(order["externalId"], order["status"]) for order in orders]
            assert told == [("old", "CANCELLED"), ("new", "NEW")]


async def test_a_closed_position_arrives_as_closed_with_the_size_of_its_variant() -> None:
    for variant, size in (("zero", "0.00000"), ("last", "0.01000")):
        async with trading(variants=Variants(closed_position_size=variant)) as (venue, client):
            other = Client(venue, client.session, 1)
            await other.place("SELL", "0.01", "84100")
            await client.place("BUY", "0.01", "84100")
            async with client.stream("/account") as frames:
                for _ in range(3):
                    await frames.next()
                await other.place("BUY", "0.01", "84000")
                await client.place("SELL", "0.01", "84000", reduceOnly=True)
                position = (await frames.of_type("POSITION"))["data"]["positions"][0]
                assert (position["status"], position["size"]) == ("CLOSED", size)


async def test_a_mass_cancel_is_one_message_of_all_its_orders() -> None:
    async with trading() as (_, client):
        for price in ("83000", "83001", "83002"):
            await client.place("BUY", "0.01", price)
        async with client.stream("/account") as frames:
            assert len((await frames.next())["data"]["orders"]) == 3
            await client.call("POST", "/user/order/massCancel", json={"cancelAll": True})
            frame = await frames.find(lambda f: f["type"] == "ORDER")
            assert {order["status"] for order in frame["data"]["orders"]} == {"CANCELLED"}
            assert len(frame["data"]["orders"]) == 3


async def test_mark_moves_push_position_and_balance_by_variant() -> None:
    async with trading(variants=Variants(mark_pushes=True)) as (venue, client):
        await Client(venue, client.session, 1).place("SELL", "0.01", "84100")
        await client.place("BUY", "0.01", "84100")
        async with client.stream("/account") as frames:
            for _ in range(3):
                await frames.next()
            await client.control("POST", "/price", market=MARKET, price="85000")
            assert (await frames.of_type("POSITION"))["data"]["positions"][0]["markPrice"] == "85000"
            assert (await frames.of_type("BALANCE"))["data"]["balance"]["unrealisedPnl"] == "9.000000"


async def test_an_empty_order_snapshot_does_not_mean_no_orders() -> None:
    async with trading() as (_, client):
        await client.place("BUY", "0.01", "83000")
        await client.control("POST", "/faults", kind="empty_order_snapshot", count=1)
        for orders in (0, 1):
            async with client.stream("/account") as frames:
                assert len((await frames.next())["data"]["orders"]) == orders


# --- opening ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/account", 401),
        ("/nothing", 404),
        ("/orderbooks/NO-USD", 404),
        (f"/candles/{MARKET}/trades", 400),
        (f"/candles/{MARKET}", 404),
        (f"/candles/{MARKET}/last?interval=PT1M", 404),
    ],
)
async def test_a_stream_that_cannot_be_is_refused(path: str, status: int) -> None:
    async with trading() as (venue, client):
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await client.session.ws_connect(venue.stream_url + path, headers={"X-Api-Key": "nobody"})
        assert refused.value.status == status


async def test_a_plain_get_is_400_and_the_user_agent_is_required() -> None:
    async with trading() as (venue, client):
        url = venue.origin + "/stream.extended.exchange/v1" + BOOK
        async with client.session.get(url) as reply:
            assert reply.status == 400
        async with client.session.get(url, headers={"Accept": "text/event-stream", "User-Agent": ""}) as reply:
            assert reply.status == 400
        async with client.session.get(venue.origin + "/stream.extended.exchange/v2/rpc") as reply:
            assert reply.status == 400


async def test_an_event_stream_carries_the_same_frames_with_seq_as_id() -> None:
    async with trading() as (venue, client):
        url = venue.origin + "/stream.extended.exchange/v1" + BOOK
        async with client.session.get(url, headers={"Accept": "text/event-stream"}) as reply:
            assert reply.content_type == "text/event-stream"
            decoder, events = SSEDecoder(), []
            await client.place("BUY", "0.01", "83000")
            async with asyncio.timeout(30):
                while len(events) < 2:
                    events += decoder.feed(await reply.content.readany())
        frames = [json.loads(event.data) for event in events]
        assert [(event.id, frame["seq"], frame["type"]) for event, frame in zip(events, frames, strict=True)] == [
            ("1", 1, "SNAPSHOT"),
            ("2", 2, "DELTA"),
        ]


async def test_an_account_event_stream_needs_the_key_and_has_keep_alives() -> None:
    async with trading(ping_interval_s=0.2) as (venue, client):
        url = venue.origin + "/stream.extended.exchange/v1/account"
        events = {"Accept": "text/event-stream"}
        async with client.session.get(url, headers=events) as reply:
            assert reply.status == 401
        async with client.session.get(url, headers=events | {"X-Api-Key": venue.api_key}) as reply:
            raw = b""
            async with asyncio.timeout(30):
                while b": keep-alive\n\n" not in raw:
                    raw += await reply.content.readany()
            assert raw.count(b"\nid: ") + raw.startswith(b"id: ") == 3


@pytest.mark.parametrize(("kind", "status"), [("server_error", 500), ("too_many_requests", 429), ("bare_404", 404)])
async def test_a_fault_can_refuse_a_stream(kind: str, status: int) -> None:
    async with trading() as (venue, client):
        for path, url in (("*/v1/*", venue.stream_url + BOOK), ("*/v2/rpc", venue.rpc_url)):
            await client.control("POST", "/faults", kind=kind, path=path, count=1)
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await client.session.ws_connect(url)
            assert refused.value.status == status
            async with client.session.ws_connect(url):
                pass


async def test_an_event_stream_is_cut_or_ended_by_a_fault_and_forgotten_when_its_reader_leaves() -> None:
    async with trading(ping_interval_s=0.1) as (venue, client):
        url = venue.origin + f"/stream.extended.exchange/v1/prices/mark/{MARKET}"
        for value, price in ((None, "85000"), (1001, "85001")):
            await client.control("DELETE", "/faults")
            async with client.session.get(url, headers={"Accept": "text/event-stream"}) as reply:
                await reply.content.readany()
                await fault(client, "cut", count=1, **({"value": value} if value else {}))
                await client.control("POST", "/price", market=MARKET, price=price)
                if value is None:
                    with pytest.raises(aiohttp.ClientPayloadError):
                        await reply.content.read()
                else:
                    await reply.content.read()
        async with client.session.get(url, headers={"Accept": "text/event-stream"}) as reply:
            await reply.content.readany()
            reply.close()
        await until(lambda: not venue.core.hub.connections)


# --- keep-alive and slow readers -------------------------------------------------------------------------------------


async def test_a_client_without_pongs_is_dropped_and_one_with_pongs_is_not() -> None:
    async with trading(ping_interval_s=0.2, pong_timeout_s=0.2) as (venue, client):
        headers = {"X-Api-Key": venue.api_key}
        silent = await client.session.ws_connect(venue.stream_url + BOOK, autoping=False, headers=headers)
        async with client.stream(BOOK) as lively:
            await lively.next()
            reading = asyncio.create_task(lively.socket.receive())  # pongs are sent while reading
            kinds = set()
            async with asyncio.timeout(30):
                while (message := await silent.receive()).type is not aiohttp.WSMsgType.CLOSED:
                    kinds.add(message.type)
            assert aiohttp.WSMsgType.PING in kinds
            assert silent.close_code == 1006
            await asyncio.sleep(0.5)
            assert not reading.done()
            reading.cancel()
            assert venue.core.stats.dropped_no_pong == 1


async def test_client_pings_are_answered_and_messages_ignored() -> None:
    async with trading() as (venue, client):
        async with client.session.ws_connect(venue.stream_url + BOOK, autoping=False) as ws:
            await ws.receive()
            await ws.send_str("hello")
            await ws.ping(b"42")
            message = await ws.receive(timeout=5)
            assert (message.type, message.data) == (aiohttp.WSMsgType.PONG, b"42")
        await until(lambda: not venue.core.hub.connections)


async def test_a_reader_that_does_not_read_is_dropped_and_others_notice_nothing() -> None:
    async with trading(makers=True, max_buffer_bytes=200_000) as (venue, client):
        slow = await client.session.ws_connect(venue.stream_url + "/orderbooks", max_msg_size=0)
        slow._conn.transport.pause_reading()  # the kernel's buffers fill, then the venue's
        slow.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        for connection in venue.core.hub.connections:
            server_side = connection._wire._request.transport.get_extra_info("socket")
            server_side.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        async with client.stream(BOOK) as lively:
            seq = 0
            async with asyncio.timeout(20):
                while not venue.core.stats.dropped_slow:
                    venue.core.hub.push_snapshots()
                    while (await lively.next())["type"] != "SNAPSHOT":
                        seq += 1
                    seq += 1
            await client.control("POST", "/pause")
            assert (await lively.next())["seq"] > seq
        assert len(venue.core.hub.connections) <= 1
        slow._conn.transport.abort()


# --- faults ----------------------------------------------------------------------------------------------------------


async def prices(client: Client, frames: Frames, count: int, first: int = 85_000) -> list[dict[str, Any]]:
    """Move the mark `count` times and read as many frames."""
    for number in range(count):
        await client.control("POST", "/price", market=MARKET, price=str(first + number))
    return [await frames.next() for _ in range(count)]


async def fault(client: Client, kind: str, **more: Any) -> None:
    await client.control("POST", "/faults", kind=kind, path="*/prices/mark/*", **more)


async def test_gap_duplicate_and_reorder_show_in_the_sequence() -> None:
    async with trading() as (_, client):
        async with client.stream(f"/prices/mark/{MARKET}") as frames:
            await frames.next()
            await fault(client, "duplicate", count=1)
            assert [f["seq"] for f in await prices(client, frames, 2)] == [2, 2]
            assert (await frames.next())["seq"] == 3
            await fault(client, "reorder", count=1)
            assert [f["seq"] for f in await prices(client, frames, 3, 86_000)] == [5, 4, 6]
            await fault(client, "gap", count=1)
            await client.control("POST", "/price", market=MARKET, price="87000")
            assert [f["seq"] for f in await prices(client, frames, 1, 87_001)] == [8]


async def test_garbage_is_no_json_and_the_frame_follows() -> None:
    async with trading() as (_, client):
        async with client.stream(f"/prices/mark/{MARKET}") as frames:
            await frames.next()
            await fault(client, "garbage", count=1)
            await client.control("POST", "/price", market=MARKET, price="85000")
            with pytest.raises(json.JSONDecodeError):
                await frames.next()
            assert (await frames.next())["seq"] == 2


@pytest.mark.parametrize(("value", "code"), [(None, 1006), (1001, 1001), (1013, 1013)])
async def test_a_cut_is_abrupt_or_has_its_close_code(value: int | None, code: int) -> None:
    async with trading() as (_, client):
        async with client.stream(f"/prices/mark/{MARKET}") as frames:
            await frames.next()
            await fault(client, "cut", count=1, **({"value": value} if value else {}))
            await client.control("POST", "/price", market=MARKET, price="85000")
            message = await frames.socket.receive(timeout=5)
            assert message.type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED)
            assert frames.socket.close_code == code


async def test_a_stall_keeps_pings_and_loses_what_falls_into_it() -> None:
    async with trading(ping_interval_s=0.1) as (venue, client):
        headers = {"X-Api-Key": venue.api_key}
        url = venue.stream_url + f"/prices/mark/{MARKET}"
        async with client.session.ws_connect(url, autoping=False, headers=headers) as ws:
            await ws.receive()
            await fault(client, "stall", count=1, value=0.5)
            await client.control("POST", "/price", market=MARKET, price="85000")
            message = await ws.receive(timeout=5)
            assert message.type is aiohttp.WSMsgType.PING
            await ws.pong(message.data)
            await asyncio.sleep(0.5)
            await client.control("POST", "/price", market=MARKET, price="85001")
            while message.type is aiohttp.WSMsgType.PING:
                message = await ws.receive(timeout=5)
            assert json.loads(message.data)["seq"] == 3


async def test_a_half_open_connection_neither_pings_nor_answers() -> None:
    async with trading(ping_interval_s=0.05) as (venue, client):
        headers = {"X-Api-Key": venue.api_key}
        url = venue.stream_url + f"/prices/mark/{MARKET}"
        async with client.session.ws_connect(url, autoping=False, headers=headers) as ws:
            await ws.receive()
            await fault(client, "half_open", count=1)
            await client.control("POST", "/price", market=MARKET, price="85000")
            while True:  # pings that were on their way
                try:
                    await ws.receive(timeout=0.15)
                except TimeoutError:
                    break
            await ws.ping(b"there?")
            with pytest.raises(TimeoutError):
                await ws.receive(timeout=0.3)
            assert venue.core.stats.dropped_no_pong == 0
            ws._conn.transport.abort()


async def test_a_fault_on_one_account_leaves_the_other_alone() -> None:
    async with trading() as (venue, client):
        other = Client(venue, client.session, 1)
        async with client.stream("/account") as mine, other.stream("/account") as theirs:
            for frames in (mine, theirs):
                for _ in range(3):
                    await frames.next()
            await client.control("POST", "/faults", kind="gap", account=client.account, count=1)
            await client.place("BUY", "0.01", "83000")
            await other.place("BUY", "0.01", "83000")
            await client.place("BUY", "0.01", "83001")
            assert (await mine.next())["seq"] == 5
            assert (await theirs.next())["seq"] == 4
