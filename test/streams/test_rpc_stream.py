"""RpcStream over real sockets: first against a server of our own, then against the practice venue."""

import asyncio
import logging

import pytest

from hummingbot_extended.errors import (
    ApiError,
    MalformedMessage,
    NotConnected,
    RequestTimedOut,
    SequenceGap,
    StreamClosed,
    Unauthorized,
)
from hummingbot_extended.exchange.channels import Topic, decode_exact_book
from hummingbot_extended.exchange.orderbook import OrderBook
from hummingbot_extended.streams import rpc_stream
from hummingbot_extended.streams.backoff import Backoff
from hummingbot_extended.streams.rpc_stream import RpcStream
from hummingbot_extended.venue.server import PracticeVenue
from hummingbot_extended.venue.settings import VenueSettings
from test.streams.rpc_server import MUTE, REFUSED, A, B, RpcServer, T, datas, quick
from test.streams.server import serving
from test.until import until

KEY = "secret-api-key"


@pytest.fixture
async def rpc():
    server = RpcServer()
    async with serving(server.script) as sockets:
        server.all_peers = sockets.peers
        server.sockets = sockets
        server.url = sockets.url
        yield server


async def test_listen_hands_out_the_frames_of_its_topic_in_order(rpc):
    got_a, got_b = [], []
    async with RpcStream(rpc.url) as stream:
        await stream.listen(A, got_a.append)
        await stream.listen(B, got_b.append)
        for n in range(50):
            await rpc.data(A.name if n % 2 else B.name, n)
        await until(lambda: len(got_a) == len(got_b) == 26)
        assert datas(got_a) == ["snapshot", *range(1, 50, 2)]
        assert datas(got_b) == ["snapshot", *range(0, 50, 2)]
        assert stream.topics == (A.name, B.name)
        assert rpc.sockets.accepted == 1
        assert stream.stats.lag.last_ms is not None


async def test_ping_and_list_subscriptions_are_answered(rpc):
    async with RpcStream(rpc.url) as stream:
        await stream.ping()
        assert await stream.list_subscriptions() == []
        assert [call["method"] for call in rpc.calls(0)] == ["ping", "list-subscriptions"]


async def test_a_call_without_an_answer_times_out_and_subscribes_nothing(rpc):
    async with RpcStream(rpc.url, request_timeout_s=0.05) as stream:
        with pytest.raises(RequestTimedOut, match="no answer"):
            await stream.listen(MUTE, print)
        stream._request_timeout_s = 30
        assert stream.topics == ()
        await until(lambda: [call["method"] for call in rpc.calls(0)] == ["subscribe", "unsubscribe"])
        await stream.ping()
        assert repr(stream._protocol) == f"<RpcProtocol {stream.id}: 0 topics, 0 calls unanswered>"


async def test_a_refusal_raises_and_shows_no_key(rpc, caplog):
    caplog.set_level(logging.DEBUG)
    async with RpcStream(rpc.url) as stream:
        with pytest.raises(ApiError) as caught:
            await stream.listen(REFUSED, print, api_key=KEY)
        assert caught.value.code == -32602
        assert rpc.calls(0)[0]["params"]["apiKey"] == KEY
        assert KEY not in str(caught.value) + repr(stream) + caplog.text
        assert stream.topics == ()


async def test_calls_need_a_connection(rpc):
    stream = RpcStream(rpc.url)
    with pytest.raises(NotConnected):
        await stream.ping()
    with pytest.raises(NotConnected):
        await stream.subscribe(A, print)
    assert stream.topics == ()
    await stream.close()


async def test_topics_come_back_after_a_reconnect_although_reading_begins_after_them(rpc):
    """The SDK's client awaits its answers before it reads, and loses every topic."""
    got, reconnected, errors = [], [], []
    options = quick(on_reconnected=reconnected.append, error_callback=errors.append)
    async with RpcStream(rpc.url, **options) as stream:
        await stream.listen(A, got.append)
        await stream.listen(B, got.append)
        await until(lambda: len(got) == 2)
        rpc.peer.cut()
        await until(lambda: len(got) == 4)
        assert [call["params"]["selector"]["market"] for call in rpc.calls(1)] == ["A", "B"]
        assert reconnected == [2]
        assert [type(error) for error in errors] == [StreamClosed]
        assert stream.topics == (A.name, B.name)


async def test_a_gap_on_any_topic_begins_anew(rpc):
    got, errors = [], []
    async with RpcStream(rpc.url, error_callback=errors.append, **quick()) as stream:
        await stream.listen(A, got.append)
        await rpc.data("somebody else's", 1, skip=1)
        await until(lambda: datas(got) == ["snapshot", "snapshot"])
        assert [type(error) for error in errors] == [SequenceGap]
        assert stream.stats.gaps == 1
        assert rpc.sockets.accepted == 2


async def test_a_call_in_flight_fails_when_the_connection_is_lost_or_closed(rpc):
    async with RpcStream(rpc.url, **quick()) as stream:
        asking = asyncio.create_task(stream.listen(MUTE, print))
        await until(lambda: rpc.peer and rpc.peer.received)
        rpc.peer.cut()
        with pytest.raises(StreamClosed, match="lost before the answer"):
            await asking
        await until(lambda: stream.generation == 2 and stream.is_connected)
        asking = asyncio.create_task(stream.listen(MUTE, print))
        await until(lambda: rpc.sockets.accepted == 2 and rpc.peer.received)
        await stream.close()
        with pytest.raises(StreamClosed, match="closed"):
            await asking


async def test_a_topic_refused_or_unanswered_after_a_reconnect_is_reported_to_its_listener(rpc):
    errors_a, errors_b = [], []
    async with RpcStream(rpc.url, **quick()) as stream:
        await stream.listen(A, print, on_error=errors_a.append)
        b = T("orderbooks.B", "other", {"market": "B"})
        rpc_answer = rpc.answer

        async def answer(call):
            if call["params"]["scope"] == "other" and rpc.sockets.accepted > 1:
                return
            await rpc_answer(call)

        rpc.answer = answer
        await stream.listen(b, print, on_error=errors_b.append)
        rpc.refuses = {"orderbooks"}
        stream._request_timeout_s = 2
        rpc.peer.cut()
        await until(lambda: len(errors_a) == len(errors_b) == 2)
        assert [type(error) for error in errors_a] == [StreamClosed, ApiError]
        assert [type(error) for error in errors_b] == [StreamClosed, RequestTimedOut]
        assert "orderbooks.B" in str(errors_b[1])
        rpc.peer.cut()
        await until(lambda: stream.generation == 3)


async def test_a_topic_that_did_not_come_back_is_asked_for_again_until_it_does(rpc, monkeypatch):
    monkeypatch.setattr(rpc_stream, "ASK_AGAIN_AFTER_S", 0.05)
    got, errors = [], []
    async with RpcStream(rpc.url, **quick()) as stream:
        await stream.listen(A, got.append, on_error=errors.append)
        await until(lambda: len(got) == 1)
        rpc.refuses = {"orderbooks"}
        rpc.peer.cut()
        await until(lambda: len(errors) >= 4)
        assert {type(error) for error in errors[1:]} == {ApiError}
        assert len(got) == 1
        rpc.refuses = set()
        await until(lambda: len(got) == 2)
        assert stream.generation == 2
        assert await stream.list_subscriptions() is not None


async def test_closing_while_a_topic_is_missing_leaves_no_task(rpc):
    errors, before = [], asyncio.all_tasks()
    async with RpcStream(rpc.url, **quick()) as stream:
        await stream.listen(A, print, on_error=errors.append)
        rpc.refuses = {"orderbooks"}
        rpc.peer.cut()
        await until(lambda: len(errors) == 2)
    await until(lambda: not [task for task in asyncio.all_tasks() - before if "missing" in task.get_name()])


async def test_listeners_of_one_topic_share_its_subscription_and_the_last_one_ends_it(rpc):
    one, two = [], []
    async with RpcStream(rpc.url) as stream:
        first = await stream.listen(A, one.append)
        await until(lambda: len(one) == 1)
        second = await stream.listen(A, two.append)
        await until(lambda: len(one) == 2 and len(two) == 1)  # the snapshot came again, for both
        await first.close()
        await rpc.data(A.name, "more")
        await until(lambda: len(two) == 2)
        assert len(one) == 2
        await second.close()
        await second.close()
        await until(lambda: [call["method"] for call in rpc.calls(0)] == ["subscribe", "subscribe", "unsubscribe"])
        assert stream.is_connected


async def test_subscribe_gives_messages_with_an_inbox_of_its_own(rpc):
    got, errors = [], []
    async with RpcStream(rpc.url) as stream:
        subscription = await stream.subscribe(A, lambda m: got.append(m["data"]), error_callback=errors.append)
        blocked = await stream.subscribe(B, policy="block", limit=2)
        await until(lambda: blocked.stats.received == 1)
        for n in range(5):
            await rpc.data(B.name, n)
        await rpc.data(A.name, "behind")
        await asyncio.sleep(0.05)
        assert got == ["snapshot"]  # a full inbox that blocks holds the connection
        messages = aiter(blocked)
        assert [(await anext(messages))["data"] for _ in range(6)] == ["snapshot", 0, 1, 2, 3, 4]
        await until(lambda: got == ["snapshot", "behind"])
        await subscription.unsubscribe()
        await blocked.unsubscribe()
        assert stream.topics == ()
        assert errors == []


async def test_what_is_no_message_is_reported_and_the_gap_that_it_leaves_is_found(rpc):
    errors, own = [], []
    async with RpcStream(rpc.url, error_callback=own.append, **quick()) as stream:
        subscription = await stream.subscribe(A, error_callback=errors.append)
        await rpc.peer.send("no json")
        await until(lambda: own)
        assert isinstance(own[0], MalformedMessage)
        assert stream.is_connected
        assert subscription.is_active()

        def picky(text):
            raise ValueError

        stream._decode = picky
        await rpc.data(A.name, "x")
        await until(lambda: errors)
        assert isinstance(errors[0], MalformedMessage)
        assert rpc.sockets.accepted == 1


async def test_giving_up_ends_the_subscriptions(rpc):
    async with RpcStream(rpc.url, **quick(max_attempts=1)) as stream:
        subscription = await stream.subscribe(A)
        await until(lambda: subscription.stats.received == 1)
        await rpc.sockets.stop()
        await until(lambda: not subscription.is_active())


async def test_closing_a_listener_without_a_connection_is_no_error(rpc):
    async with RpcStream(rpc.url, backoff=Backoff(first_s=5, uniform=lambda low, high: high)) as stream:
        listener = await stream.listen(A, print)
        rpc.peer.cut()
        await until(lambda: not stream.is_connected)
        await listener.close()
        assert stream.topics == ()


# --- the practice venue -----------------------------------------------------------------------------------------------
@pytest.fixture
async def venue():
    async with PracticeVenue(VenueSettings(port=0)) as venue:
        yield venue


async def test_the_venue_serves_public_and_private_topics_on_one_socket_and_again_after_a_reconnect(venue):
    books, trades, orders, errors = [], [], [], []
    account = str(venue.core.traders[0].account.id)
    async with RpcStream(venue.rpc_url, error_callback=errors.append, **quick()) as stream:
        await stream.listen(Topic.orderbook("BTC-USD"), lambda text: books.append(decode_exact_book(text)))
        await stream.subscribe(Topic.trades(), trades.append)
        await stream.listen(Topic.account(account), orders.append, api_key=venue.api_key)
        await until(lambda: len(books) > 5 and trades and len(orders) >= 3)
        assert sorted(await stream.list_subscriptions()) == sorted(stream.topics)
        book = OrderBook("BTC-USD", sequenced=False)
        for frame in books[:6]:
            book.apply(frame)
        assert book.is_live
        books.clear()
        orders.clear()
        stream.request_reconnect("test")
        await until(lambda: len(books) > 2 and len(orders) >= 3)
        assert books[0].is_snapshot
        assert stream.generation == 2
        assert [type(error) for error in errors] == [StreamClosed]


async def test_the_venue_refuses_by_code_and_leaves_a_bad_depth_unanswered(venue):
    async with RpcStream(venue.rpc_url) as stream:
        with pytest.raises(Unauthorized):
            await stream.listen(Topic.account("1"), print, api_key="wrong")
        with pytest.raises(ApiError):
            await stream.listen(Topic.trades("NO-SUCH"), print)
        stream._request_timeout_s = 0.3
        with pytest.raises(RequestTimedOut):
            await stream.listen(T("orderbooks.5.BTC-USD", "orderbooks", {"market": "BTC-USD", "depth": "5"}), print)
        stream._request_timeout_s = 30
        await stream.ping()
        assert stream.topics == ()
