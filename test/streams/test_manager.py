"""StreamManager, WebSocketStream and Subscription: the statements M1–M27 and the faults B1–B14 of their study
(streaming-systems.md §3), each by its number, over real sockets. The server's own count of connections is the witness.

M15, M19 and M20 are of the client and tested with it; B10's and B12's first proofs are in test_supervisor.py.
"""

import asyncio
import json
import logging
from contextlib import suppress
from types import SimpleNamespace

import aiohttp
import pytest

from hummingbot_extended import streams
from hummingbot_extended.errors import (
    CallbackFailed,
    ConnectFailed,
    GaveUp,
    InboxFull,
    MalformedMessage,
    NotConnected,
    ProtocolError,
    SequenceGap,
    SettingsError,
    StreamClosed,
    StreamLimitReached,
    Unauthorized,
)
from hummingbot_extended.streams import SSEStream, StreamManager, Subscription, WebSocketStream
from hummingbot_extended.streams.backoff import Backoff
from hummingbot_extended.streams.headers import SharedHeaders
from hummingbot_extended.streams.rpc_stream import RpcStream
from hummingbot_extended.streams.supervisor import StreamState
from hummingbot_extended.streams.transport import StreamRequest
from test.streams.rpc_server import A, B, RpcServer
from test.streams.server import TEXT, accepting, frame, serving
from test.until import until


@pytest.fixture(autouse=True)
async def opened(monkeypatch):
    """The HTTP sessions that a test opens. It ends with all of them closed and no task of ours."""
    sessions, begin = [], aiohttp.ClientSession.__init__

    def note(session, *args, **options):
        begin(session, *args, **options)
        sessions.append(session)

    monkeypatch.setattr(aiohttp.ClientSession, "__init__", note)
    before = asyncio.all_tasks()
    yield sessions
    left = [task for task in asyncio.all_tasks() - before - {asyncio.current_task()} if not task.done()]
    assert not left, left
    assert all(session.closed for session in sessions)


@pytest.fixture
async def manager():
    async with StreamManager({"max_concurrent_streams": 10}) as manager:
        yield manager


def quick(**options):
    return {"backoff": Backoff(first_s=0.01, max_s=0.02), **options}


async def quiet(peer):
    await peer.accept()
    await peer.until_closed()


async def echoing(peer):
    """Script: one message to begin with, then each message of the client comes back."""
    await peer.accept()
    sent = 0
    while peer.close_code is None and not peer._listening.done():
        while sent < len(peer.received):
            await peer.send(peer.received[sent])
            sent += 1
        await asyncio.sleep(0.002)


def first_then(first, then):
    async def script(peer):
        await (first if peer.number == 1 else then)(peer)

    return script


# --- M1–M7: the manager -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (None, 10),
        ({}, 10),
        ({"max_concurrent_streams": 3}, 3),
        ({"max_concurrent_streams": "4"}, 4),
        ({"max_concurrent_streams": None}, 10),
        (SimpleNamespace(max_concurrent_streams=5), 5),
        (SimpleNamespace(), 10),
    ],
)
def test_m01_the_limit_comes_from_a_mapping_or_an_object_and_is_10_by_default(config, expected):
    assert StreamManager(config, debug=False).max_concurrent_streams == expected


def test_m01_the_environment_sets_the_limit_where_the_config_does_not(monkeypatch):
    monkeypatch.setenv("HUMMINGBOT_EXTENDED_MAX_STREAMS", "7")
    assert StreamManager().max_concurrent_streams == 7
    assert StreamManager({"max_concurrent_streams": 2}).max_concurrent_streams == 2
    monkeypatch.setenv("HUMMINGBOT_EXTENDED_MAX_STREAMS", "many")
    with pytest.raises(SettingsError):
        StreamManager()


@pytest.mark.parametrize("limit", [-1, "x", []])
def test_m01_a_limit_that_is_none_is_refused(limit):
    with pytest.raises(ValueError, match="max_concurrent_streams"):
        StreamManager({"max_concurrent_streams": limit})


async def test_m01_debug_shows_openings_and_closings(caplog):
    caplog.set_level(logging.INFO, "hummingbot_extended.streams.manager")
    async with serving(quiet) as server, StreamManager(debug=True) as manager:
        await manager.create_stream(server.url)
    assert [record.getMessage().split(":")[0].split(" ")[1] for record in caplog.records] == ["opened", "closed"]


@pytest.mark.parametrize(
    ("transport", "kind"), [("websocket", WebSocketStream), ("sse", SSEStream), ("auto", streams.stream.Stream)]
)
async def test_m02_create_stream_returns_a_connected_stream(manager, transport, kind):
    async with serving(accepting) as server:
        stream = await manager.create_stream(server.url, {"X-Api-Key": "k"}, transport=transport)
        assert type(stream) is kind
        assert stream.is_connected
        assert server.open_now == 1
        assert server.peers[0].headers["x-api-key"] == "k"
        assert manager.streams == (stream,)


async def test_m02_create_stream_refuses_an_unknown_transport(manager):
    with pytest.raises(SettingsError, match="pigeon"):
        await manager.create_stream("http://127.0.0.1:1", transport="pigeon")


async def test_m03_at_the_limit_a_value_error_names_it_and_nothing_is_opened():
    async with serving(quiet) as server, StreamManager({"max_concurrent_streams": 2}) as manager:
        for _ in range(2):
            await manager.create_stream(server.url)
        with pytest.raises(ValueError, match="2") as caught:
            await manager.create_stream(server.url)
        assert isinstance(caught.value, StreamLimitReached)
        assert (server.accepted, server.open_now) == (2, 2)


async def test_m04_and_b01_the_limit_holds_under_concurrent_calls():
    async def slow(peer):
        await asyncio.sleep(0.05)
        await quiet(peer)

    async with serving(slow) as server, StreamManager({"max_concurrent_streams": 3}) as manager:
        results = await asyncio.gather(*(manager.create_stream(server.url) for _ in range(6)), return_exceptions=True)
        assert sum(isinstance(result, WebSocketStream) for result in results) == 3
        assert sum(isinstance(result, ValueError) for result in results) == 3
        assert (server.accepted, server.highest_open) == (3, 3)


async def test_m04_a_failed_or_cancelled_connect_frees_its_slot():
    async def script(peer):
        await (peer.respond(503) if peer.number == 1 else peer.forever() if peer.number == 2 else quiet(peer))

    async with serving(script) as server, StreamManager({"max_concurrent_streams": 1}) as manager:
        with pytest.raises(ConnectFailed):
            await manager.create_stream(server.url)
        creating = asyncio.create_task(manager.create_stream(server.url))
        await until(lambda: server.accepted == 2)
        creating.cancel()
        await asyncio.wait([creating])
        assert manager.streams == ()
        await manager.create_stream(server.url)


async def test_m05_close_stream_frees_the_slot_and_knows_no_unknown_id():
    async with serving(quiet) as server, StreamManager({"max_concurrent_streams": 1}) as manager:
        stream = await manager.create_stream(server.url)
        await manager.close_stream("no such stream")
        await manager.close_stream(stream.id)
        await manager.close_stream(stream.id)
        await until(lambda: server.open_now == 0)
        await manager.create_stream(server.url)
        assert server.accepted == 2


async def test_m05_a_stream_that_closes_itself_frees_its_slot():
    async with serving(quiet) as server, StreamManager({"max_concurrent_streams": 1}) as manager:
        stream = await manager.create_stream(server.url)
        await stream.close()
        assert manager.streams == ()
        await manager.create_stream(server.url)


async def test_m06_close_closes_everything_and_may_be_repeated():
    async with serving(quiet) as server:
        manager = StreamManager()
        for _ in range(5):
            await manager.create_stream(server.url)
        await manager.close_all_streams()
        await until(lambda: server.open_now == 0)
        await manager.close_all_streams()
        await manager.create_stream(server.url)
        await asyncio.gather(manager.close(), manager.close())
        await manager.close()
        await until(lambda: server.open_now == 0)


async def test_m06_close_also_ends_a_stream_that_is_opened_meanwhile():
    async with serving(accepting) as server:
        manager = StreamManager()
        await manager.create_stream(server.url)
        closing = asyncio.create_task(manager.close())
        opening = asyncio.create_task(manager.create_stream(server.url))
        await closing
        assert manager.streams == ()
        with suppress(NotConnected):  # where it was closed while it connected
            assert not (await opening).is_connected
        await until(lambda: server.open_now == 0)


async def test_m06_close_also_ends_streams_that_are_connecting():
    async with serving(lambda peer: peer.forever()) as server:
        manager = StreamManager()
        creating = asyncio.create_task(manager.create_stream(server.url))
        await until(lambda: server.accepted == 1)
        await manager.close()
        with pytest.raises(NotConnected, match="closed while it connected"):
            await creating


async def test_m07_every_stream_has_a_unique_id_that_finds_it(manager):
    async with serving(quiet) as server:
        created = [await manager.create_stream(server.url) for _ in range(3)]
        assert len({stream.get_id() for stream in created}) == 3
        assert [manager.get_stream(stream.id) for stream in created] == created
        assert manager.get_stream("no such stream") is None


# --- M8–M14: one stream -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("kind", [WebSocketStream, SSEStream])
async def test_m08_connect_is_idempotent(kind):
    async with serving(accepting) as server:
        async with kind(server.url) as stream:
            await asyncio.gather(*(stream.connect() for _ in range(5)))
            assert server.accepted == 1
            assert stream.state is StreamState.LIVE
            assert repr(stream) == f"<{kind.__name__} {stream.id} LIVE {server.url}>"
        assert repr(stream) == f"<{kind.__name__} {stream.id} CLOSED {server.url}>"


@pytest.mark.parametrize("kind", [WebSocketStream, SSEStream])
async def test_m08_a_failed_connect_is_a_connection_error_and_leaves_nothing_open(kind):
    async with serving(first_then(lambda peer: peer.respond(503), accepting)) as server:
        stream = kind(server.url)
        assert (stream.state, stream.generation, stream.stats.messages) == (StreamState.CLOSED, 0, 0)
        with pytest.raises(ConnectionError):
            await stream.connect()
        assert not stream.is_connected
        await until(lambda: server.open_now == 0)
        await stream.connect()  # and may be tried again
        await stream.close()
        with pytest.raises(NotConnected):
            await stream.connect()


async def test_m09_send_sends_json_and_raises_a_runtime_error_when_not_connected():
    async with serving(echoing) as server:
        stream = WebSocketStream(server.url)
        with pytest.raises(RuntimeError):
            await stream.send({"a": 1})
        async with stream:
            await stream.send({"a": 1, "b": ["é"]})
            await until(lambda: server.peers[0].received)
            assert json.loads(server.peers[0].received[0]) == {"a": 1, "b": ["é"]}
        with pytest.raises(NotConnected):
            await stream.send({})


async def test_m09_an_event_stream_cannot_send():
    async with serving(accepting) as server, SSEStream(server.url) as stream:
        with pytest.raises(ProtocolError):
            await stream.send({})


@pytest.mark.parametrize("kind", [WebSocketStream, SSEStream])
@pytest.mark.parametrize("when", ["before", "after"])
async def test_m10_the_callback_gets_parsed_json_and_misses_nothing(kind, when):
    got = []

    async def callback(message):
        got.append(message)

    async with serving(accepting) as server:
        stream = kind(server.url)
        if when == "before":
            stream.set_callback(callback)
        async with stream:
            await until(lambda: stream.stats.messages == 3)
            if when == "after":
                stream.set_callback(callback)
            await until(lambda: got == [{"seq": 1}, {"seq": 2}, {"seq": 3}])


@pytest.mark.parametrize("kind", [WebSocketStream, SSEStream])
async def test_m11_what_is_not_json_is_skipped_and_reported(kind):
    async def script(peer):
        await peer.accept()
        await peer.send({"n": 1}, "this is no JSON", '{"half":', {"n": 2})
        if peer.wants_websocket:
            await peer.raw(frame(TEXT, b'"\xff"'))
        await peer.send({"n": 3})
        await peer.until_closed()

    errors, got = [], []
    async with serving(script) as server, kind(server.url, error_callback=errors.append) as stream:
        stream.set_callback(got.append)
        await until(lambda: got == [{"n": 1}, {"n": 2}, {"n": 3}])
        assert server.accepted == 1
        assert all(isinstance(error, MalformedMessage) for error in errors)
        assert len(errors) == (3 if kind is WebSocketStream else 2)
        assert "this is no JSON" in str(errors[0])


async def test_m12_close_ends_reader_socket_and_session_and_may_be_repeated(opened):
    async with serving(accepting) as server:
        stream = WebSocketStream(server.url)
        await stream.connect()
        (session,) = opened
        await asyncio.gather(stream.close(), stream.close())
        await stream.close()
        assert session.closed
        await until(lambda: server.open_now == 0)
        assert server.peers[0].close_code == 1000


async def test_m12_a_session_that_was_given_is_not_closed(session):
    async with serving(accepting) as server:
        async with WebSocketStream(server.url, session=session):
            pass
        assert not session.closed


async def test_m13_a_slow_callback_delays_only_its_own_subscription():
    slow_got, quick_got, go_on = [], [], asyncio.Event()

    async def slow(message):
        await go_on.wait()
        slow_got.append(message["seq"])

    async with serving(accepting) as server, WebSocketStream(server.url) as stream:
        await stream.subscribe(slow)
        await stream.subscribe(lambda message: quick_got.append(message["seq"]))
        await until(lambda: len(quick_got) == 3)
        assert slow_got == []
        go_on.set()
        await until(lambda: slow_got == quick_got == [1, 2, 3])


async def test_m14_and_b04_a_raising_callback_does_not_stop_the_stream_and_is_reported():
    errors, calls = [], []

    async def raising(message):
        calls.append(message)
        raise ValueError("the user's mistake")

    async with serving(accepting) as server:
        async with WebSocketStream(server.url, error_callback=errors.append) as stream:
            stream.set_callback(raising)
            await until(lambda: len(calls) == 3)
            assert stream.is_connected
            assert server.accepted == 1
    assert [type(error) for error in errors] == [CallbackFailed] * 3


# --- M16–M18: subscriptions -------------------------------------------------------------------------------------------
async def test_m16_unsubscribe_sends_its_message_and_releases_the_stream():
    async with serving(echoing) as server, StreamManager() as manager:
        stream = await manager.create_stream(server.url)
        one = await stream.subscribe(print, request={"sub": 1}, farewell={"unsub": 1}, matches=lambda m: False)
        two = await stream.subscribe(print, request={"sub": 2}, farewell={"unsub": 2}, matches=lambda m: False)
        await one.unsubscribe()
        await one.unsubscribe()
        assert stream.is_connected
        assert two.is_active()
        await two.unsubscribe()
        assert manager.streams == ()
        await until(lambda: server.open_now == 0)
        received = [json.loads(text) for text in server.peers[0].received]
        assert received == [{"sub": 1}, {"sub": 2}, {"unsub": 1}, {"unsub": 2}]


async def test_m16_unsubscribe_works_without_a_connection():
    async with serving(first_then(echoing, lambda peer: peer.respond(503))) as server:
        stream = WebSocketStream(server.url, **quick())
        await stream.connect()
        subscription = await stream.subscribe(request={"sub": 1}, farewell={"unsub": 1})
        server.peers[0].cut()
        await until(lambda: not stream.is_connected)
        await subscription.unsubscribe()
        assert stream.state is StreamState.CLOSED


async def test_m16_the_streams_own_subscription_releases_it_too():
    async with serving(accepting) as server:
        stream = WebSocketStream(server.url)
        await stream.connect()
        async with stream.subscription as messages:
            got = [message["seq"] async for message in limited(messages, 3)]
        assert got == [1, 2, 3]
        assert stream.state is StreamState.CLOSED
        await until(lambda: server.open_now == 0)


async def limited(messages, count):
    async for message in messages:
        yield message
        count -= 1
        if not count:
            return


async def test_m16_a_subscription_that_cannot_be_asked_for_is_none():
    async with serving(accepting) as server:
        stream = WebSocketStream(server.url)
        with pytest.raises(NotConnected):
            await stream.subscribe(print, request={"sub": 1})
        assert stream._subscriptions == {}
        await stream.close()


async def test_m17_a_subscription_has_callbacks_a_state_and_an_id():
    first, second = [], []
    async with serving(accepting) as server, WebSocketStream(server.url) as stream:
        subscription = await stream.subscribe(first.append)
        subscription.add_callback(second.append)
        assert isinstance(subscription, Subscription)
        assert subscription.is_active()
        assert subscription.get_id()
        await until(lambda: len(first) == len(second) == 3)
    assert not subscription.is_active()


async def test_m18_a_subscription_is_a_context_an_iterator_and_has_stats():
    async with serving(accepting) as server, WebSocketStream(server.url) as stream:
        async with await stream.subscribe() as subscription:
            assert [message["seq"] async for message in limited(subscription, 3)] == [1, 2, 3]
            assert (subscription.stats.received, subscription.stats.delivered) == (3, 3)
        assert not subscription.is_active()


async def test_what_waits_for_nobody_does_not_block_the_first_subscription():
    """Who subscribes by topic takes no own callback: the own inbox, full by then, must not hold the stream."""

    async def script(peer):
        await peer.accept()
        await peer.numbered(200)
        await peer.until_closed()

    got = []
    async with serving(script) as server, WebSocketStream(server.url, limit=10) as stream:
        await until(lambda: stream.subscription.is_full)
        await stream.subscribe(got.append)
        await until(lambda: got and got[-1]["seq"] == 200)
        assert len(got) == 190


# --- M21–M27: living on -----------------------------------------------------------------------------------------------
async def test_m21_closing_leaves_nothing_in_any_state():
    """Live, reconnecting, refused: whatever a stream does, closing the manager ends it."""

    async def script(peer):
        await peer.accept()
        if peer.number % 2:
            peer.cut()
        await peer.until_closed()

    async with serving(script) as server:
        manager = StreamManager()
        for _ in range(6):
            await manager.create_stream(server.url)
        await asyncio.wait_for(manager.close(), 30)
        await until(lambda: server.open_now == 0)
        settled = server.accepted
        await asyncio.sleep(0.1)
        assert server.accepted == settled


@pytest.mark.parametrize("kind", [WebSocketStream, SSEStream])
async def test_m22_and_b10_a_lost_stream_really_reconnects(kind):
    """The server counts connections, and messages flow after each."""

    async def script(peer):
        await peer.accept()
        await peer.send({"connection": peer.number})
        if peer.number <= 5:
            await asyncio.sleep(0.01)
            peer.cut()
        await peer.until_closed()

    got = []
    async with serving(script) as server, kind(server.url, **quick()) as stream:
        stream.set_callback(lambda message: got.append(message["connection"]))
        await until(lambda: got == [1, 2, 3, 4, 5, 6])
        assert server.accepted == 6
        assert stream.is_connected
        assert (stream.generation, stream.stats.reconnects) == (6, 5)
        await until(lambda: server.open_now == 1)


async def test_m23_subscriptions_are_replayed_then_the_owner_is_told_before_any_message():
    events = []

    async def on_reconnected(generation):
        events.append(("reconnected", generation))
        await asyncio.sleep(0.05)  # fetching what was missed; the messages wait

    async def script(peer):
        await echoing(peer) if peer.number > 1 else await cut_after_two(peer)

    async def cut_after_two(peer):
        await peer.accept()
        await until(lambda: len(peer.received) == 2)
        peer.cut()

    async with serving(script) as server:
        async with WebSocketStream(server.url, on_reconnected=on_reconnected, **quick()) as stream:
            for topic in ("a", "b"):
                await stream.subscribe(
                    lambda message: events.append(message["topic"]),
                    request={"topic": topic},
                    matches=lambda message, topic=topic: message["topic"] == topic,
                )
            await until(lambda: len(events) == 3)
            assert events == [("reconnected", 2), "a", "b"]
            assert [json.loads(text)["topic"] for text in server.peers[1].received] == ["a", "b"]


async def test_m23_a_failing_on_reconnected_is_reported_and_the_stream_goes_on():
    def on_reconnected(generation):
        raise ValueError

    errors, got = [], []
    options = quick(on_reconnected=on_reconnected, error_callback=errors.append)
    async with serving(accepting) as server, WebSocketStream(server.url, **options) as stream:
        stream.set_callback(got.append)
        await until(lambda: len(got) == 3)
        stream.request_reconnect("test")
        await until(lambda: len(got) == 6)
        assert [type(error) for error in errors] == [StreamClosed, CallbackFailed]


async def test_m24_and_b12_headers_come_from_a_provider_and_a_refusal_is_one_refresh_for_all():
    fetched = []

    async def fetch():
        fetched.append(1)
        await asyncio.sleep(0.02)
        return {"Authorization": f"token-{len(fetched)}"}

    async def script(peer):
        if peer.headers["authorization"] == "token-1":
            await peer.respond(401)
        else:
            await accepting(peer)

    headers = SharedHeaders(fetch)
    async with serving(script) as server, StreamManager() as manager:
        await asyncio.gather(*(manager.create_stream(server.url, headers) for _ in range(10)))
        assert len(fetched) == 2
        assert server.open_now == 10


async def test_m25_errors_are_typed_and_never_kill_the_stream():
    async def script(peer):
        if peer.number == 2:
            await peer.respond(503)
        elif peer.number == 3:
            await peer.respond(401)
        else:
            await peer.accept()
            await peer.send("no JSON", {"connection": peer.number})
            if peer.number == 1:
                await peer.say_goodbye(1013)
            await peer.until_closed()

    errors, got = [], []

    async def error_callback(error):
        errors.append(type(error))
        raise RuntimeError("even this")

    async def callback(message):
        got.append(message["connection"])
        raise ValueError

    async with serving(script) as server:
        async with WebSocketStream(server.url, error_callback=error_callback, **quick()) as stream:
            stream.set_callback(callback)
            await until(lambda: got == [1, 4])
            await until(lambda: len(errors) == 7)
    assert sorted(error.__name__ for error in errors) == sorted(
        [
            "MalformedMessage",
            "CallbackFailed",
            "StreamClosed",
            "ConnectFailed",
            "Unauthorized",
            "MalformedMessage",
            "CallbackFailed",
        ]
    )
    assert {ConnectFailed, StreamClosed, MalformedMessage, CallbackFailed, Unauthorized} == set(errors)


async def test_m25_giving_up_ends_subscriptions_with_its_error():
    errors = []
    async with serving(first_then(accepting, lambda peer: peer.respond(503))) as server, StreamManager() as manager:
        options = quick(max_attempts=3, error_callback=errors.append)
        stream = await manager.create_stream(server.url, **options)
        subscription = await stream.subscribe()
        await until(lambda: subscription.stats.received == 3)
        server.peers[0].cut()
        messages = aiter(subscription)
        assert [(await anext(messages))["seq"] for _ in range(3)] == [1, 2, 3]
        with pytest.raises(GaveUp):
            await anext(messages)
        assert [type(error) for error in errors] == [StreamClosed, ConnectFailed, ConnectFailed, GaveUp]
        assert manager.streams == ()


@pytest.mark.parametrize("url", ["nowhere", "/v1/stream", ""])
async def test_m08_an_address_without_a_host_is_refused(manager, url):
    with pytest.raises(SettingsError, match="host"):
        await manager.create_stream(url, **quick())
    assert manager.streams == ()


async def test_m25_a_decoder_that_raises_ends_the_stream_and_everybody_hears_of_it():
    def decode(text):
        return json.loads(text)["nobody has this"]

    errors = []
    async with serving(accepting) as server, StreamManager() as manager:
        stream = await manager.create_stream(server.url, **quick(decode=decode, error_callback=errors.append))
        with pytest.raises(CallbackFailed, match="KeyError"):
            await anext(aiter(stream.subscription))
        assert [type(error.__cause__) for error in errors] == [KeyError]
        await until(lambda: manager.streams == ())


async def test_m08_a_connect_that_fails_unexpectedly_says_so(session):
    stream = WebSocketStream("http://127.0.0.1:9", session=session)
    await session.close()  # aiohttp has a bare RuntimeError for that
    with pytest.raises(CallbackFailed, match="RuntimeError"):
        await stream.connect()


async def test_m26_and_b05_silence_and_death_are_both_noticed():
    """Half-open by missing pongs, stalled by the data deadline; each makes a new connection."""

    async def script(peer):
        peer.answers_pings = peer.number != 1
        await peer.accept()
        await peer.send({"connection": peer.number})
        await peer.until_closed()

    got, errors = [], []
    request = StreamRequest(url="", heartbeat_s=0.05, data_timeout_s=0.5)
    options = quick(request=request, error_callback=errors.append)
    async with serving(script) as server, WebSocketStream(server.url, **options) as stream:
        stream.set_callback(lambda message: got.append(message["connection"]))
        await until(lambda: got == [1, 2, 3])
        assert [type(error).__name__ for error in errors] == ["StreamClosed", "RequestTimedOut"]
        assert stream.stats.stalls >= 1


@pytest.mark.parametrize("policy", ["block", "drop_oldest", "conflate", "error"])
async def test_m27_an_inbox_is_bounded_by_its_policy(policy):
    """2,000 messages for a callback that is stopped after the first: what came is delivered, or counted as lost."""

    async def script(peer):
        await peer.accept()
        await peer.numbered(1)
        await go.wait()
        await peer.numbered(1999, first=2)
        await peer.until_closed()

    got, errors, go, go_on = [], [], asyncio.Event(), asyncio.Event()

    async def callback(message):
        got.append(message["seq"])
        await go_on.wait()

    async with serving(script) as server, WebSocketStream(server.url) as stream:
        options = {"policy": policy, "limit": 10, "error_callback": errors.append}
        subscription = await stream.subscribe(callback, **options)
        marks = []
        await stream.subscribe(lambda message: marks.append(message["seq"]))
        await until(lambda: got == [1])
        go.set()
        if policy == "block":
            await until(lambda: len(marks) == 11)
            await asyncio.sleep(0.05)
            assert len(marks) == 11  # the whole connection waits
        else:
            await until(lambda: len(marks) == 2000)
        go_on.set()
        await until(lambda: len(marks) == 2000)
        stats = subscription.stats
        await until(lambda: stats.delivered + stats.dropped + stats.conflated == stats.received)
        expected = {
            "block": list(range(1, 2001)),
            "drop_oldest": [1, *range(1991, 2001)],
            "conflate": [1, 2000],
            "error": list(range(1, 12)),
        }
        await until(lambda: got == expected[policy])
        assert subscription.is_active() == (policy != "error")
        assert [type(error) for error in errors] == ([InboxFull] if policy in ("drop_oldest", "error") else [])
        assert server.accepted == 1


# --- the faults that are not a statement's counterpart ----------------------------------------------------------------
async def test_a_burst_drops_nothing_of_a_subscriber_that_keeps_up():
    """5,000 messages come in one read, for an inbox of 10: the callback gets its turns."""

    async def script(peer):
        await peer.accept()
        await peer.raw(b"".join(frame(TEXT, b'{"seq":%d}' % seq) for seq in range(5000)))
        await peer.until_closed()

    got = []
    async with serving(script) as server, WebSocketStream(server.url) as stream:
        subscription = await stream.subscribe(got.append, limit=10, policy="error")
        await until(lambda: len(got) == 5000)
        assert subscription.is_active()


async def test_b02_ids_are_never_used_again_and_no_stream_is_lost():
    async with serving(quiet) as server, StreamManager() as manager:
        one, two, three = [await manager.create_stream(server.url) for _ in range(3)]
        await manager.close_stream(one.id)
        four = await manager.create_stream(server.url)
        assert four.id not in {one.id, two.id, three.id}
        assert set(manager.streams) == {two, three, four}
        await manager.close()
        await until(lambda: server.open_now == 0)


async def test_b03_streams_that_ended_keep_no_slot():
    """Ten streams give up; the manager has room for ten more."""
    async with serving(quiet) as server, StreamManager() as manager:
        for _ in range(10):
            await manager.create_stream(server.url, **quick(max_attempts=1))
        server.script = lambda peer: peer.respond(503)
        for peer in list(server.peers):
            peer.cut()
        await until(lambda: manager.streams == ())
        server.script = quiet
        for _ in range(10):
            await manager.create_stream(server.url)


async def test_b06_a_limit_of_0_allows_none():
    async with serving(quiet) as server, StreamManager({"max_concurrent_streams": 0}) as manager:
        assert manager.max_concurrent_streams == 0
        with pytest.raises(ValueError, match="0"):
            await manager.create_stream(server.url)
        assert server.accepted == 0


@pytest.mark.parametrize("what", ["stream", "manager"])
async def test_b07_close_from_a_callback_closes_and_returns(what):
    done = asyncio.Event()

    async def callback(message):
        await (stream.close() if what == "stream" else manager.close())
        done.set()

    async with serving(accepting) as server, StreamManager() as manager:
        stream = await manager.create_stream(server.url)
        stream.set_callback(callback)
        await asyncio.wait_for(done.wait(), 30)
        await until(lambda: server.open_now == 0)
        assert manager.streams == ()


async def test_b07_close_from_on_reconnected_closes():
    async def on_reconnected(generation):
        await stream.close()

    async with serving(accepting) as server, StreamManager() as manager:
        stream = await manager.create_stream(server.url, on_reconnected=on_reconnected, **quick())
        stream.request_reconnect("test")
        await until(lambda: manager.streams == () and server.open_now == 0)


async def test_b08_close_all_streams_has_closed_them_when_it_returns():
    async with serving(quiet) as server, StreamManager() as manager:
        created = [await manager.create_stream(server.url) for _ in range(3)]
        await manager.close_all_streams()
        assert all(stream.state is StreamState.CLOSED for stream in created)
        await until(lambda: server.open_now == 0)


async def test_b09_the_limit_is_of_physical_connections_not_of_subscriptions():
    async with serving(quiet) as server, StreamManager({"max_concurrent_streams": 1}) as manager:
        stream = await manager.create_stream(server.url)
        for _ in range(15):
            await stream.subscribe(print)
        assert server.accepted == 1
        with pytest.raises(StreamLimitReached):
            await manager.create_stream(server.url)


async def test_b09_a_json_rpc_socket_takes_one_slot_however_many_topics_it_carries():
    rpc = RpcServer()
    async with serving(rpc.script) as server, StreamManager({"max_concurrent_streams": 1}) as manager:
        attempts = [manager.create_rpc_stream(server.url) for _ in range(4)]
        opened = await asyncio.gather(*attempts, return_exceptions=True)
        (stream,) = [each for each in opened if isinstance(each, RpcStream)]
        assert sum(isinstance(each, StreamLimitReached) for each in opened) == 3
        await stream.subscribe(A, print)
        await stream.subscribe(B, print)
        assert repr(manager) == "<StreamManager 1 of 1 streams>"
        assert repr(stream).endswith("2 topics>")
        row = manager.stats()[stream.id]
        assert (row["state"], row["readers"], row["connects"]) == ("live", 2, 1)
        assert server.accepted == server.highest_open == 1
        with pytest.raises(StreamLimitReached):
            await manager.create_stream(server.url)
        await stream.close()
        await (await manager.create_stream(server.url)).close()
        assert manager.streams == ()


async def test_b11_async_and_plain_callbacks_are_both_called_and_no_session_leaks():
    got = []

    async def asynchronous(message):
        got.append("async")

    async with serving(first_then(lambda peer: peer.respond(500), accepting)) as server:
        stream = WebSocketStream(server.url)
        with pytest.raises(ConnectFailed):
            await stream.connect()
        async with stream:
            subscription = await stream.subscribe(asynchronous)
            subscription.add_callback(lambda message: got.append("plain"))
            await until(lambda: len(got) == 6)
    assert got == ["async", "plain"] * 3


async def test_b13_no_header_is_ever_shown(caplog):
    caplog.set_level(logging.DEBUG, "hummingbot_extended")
    secret = "super-secret-key"
    async with serving(first_then(accepting, lambda peer: peer.respond(401))) as server:
        async with StreamManager(debug=True) as manager:
            stream = await manager.create_stream(server.url + "?a=1", {"Authorization": f"Bearer {secret}"}, **quick())
            server.peers[0].cut()
            await until(lambda: stream.stats.errors >= 2)
            shown = repr((manager, stream, stream.subscription, stream._supervisor, stream._request, manager.stats()))
    assert secret not in shown
    assert secret not in caplog.text
    assert "a=1" not in repr(stream)


async def test_b14_a_stream_can_be_closed_alone_and_its_silence_has_a_deadline():
    async with serving(accepting) as server:
        request = StreamRequest(url="", data_timeout_s=0.2)
        async with StreamManager() as manager:
            one = await manager.create_stream(server.url, transport="sse", **quick(request=request))
            two = await manager.create_stream(server.url, transport="sse")
            await one.close()
            await until(lambda: server.open_now == 1)
            assert two.is_connected
            three = await manager.create_stream(server.url, transport="sse", **quick(request=request))
            await until(lambda: three.generation == 2)


# --- the rest ---------------------------------------------------------------------------------------------------------
async def test_first_seq_finds_a_gap_at_each_connection():
    async def script(peer):
        await peer.accept()
        await peer.send({"seq": 1}, {"seq": 2 if peer.number > 2 else 3}, {"no": "seq"}, ["no object"])
        await peer.until_closed()

    errors, got = [], []
    options = quick(first_seq=1, error_callback=errors.append)
    async with serving(script) as server, WebSocketStream(server.url, **options) as stream:
        stream.set_callback(got.append)
        await until(lambda: len(got) == 6)
        assert [type(error) for error in errors] == [SequenceGap, SequenceGap]
        assert stream.stats.gaps == 2
        assert server.accepted == 3


async def test_stats_tell_messages_bytes_lag_and_the_last_message(manager):
    async def script(peer):
        await peer.accept()
        await peer.send({"ts": 1_795_219_200_000})
        await arrived.wait()
        await peer.send({"ts": 1_795_219_200_000 - 250})
        await peer.until_closed()

    arrived = asyncio.Event()

    async with serving(script) as server:
        stream = await manager.create_stream(server.url)
        await until(lambda: stream.stats.messages == 1)
        arrived.set()
        await until(lambda: stream.stats.messages == 2)
        stats = manager.stats()[stream.id]
        assert stats["state"] == "live"
        assert stats["url"] == server.url
        assert stats["bytes"] == 2 * len('{"ts": 1795219200000}')
        assert stats["last_message_at_s"] is not None
        assert 250 <= stats["lag_ms"] < 60_000
        assert stats["gaps"] == stats["reconnects"] == 0


async def test_auto_streams_fall_back_to_an_event_stream(manager):
    async def script(peer):
        await (peer.respond(400) if peer.wants_websocket else accepting(peer))

    async with serving(script) as server:
        stream = await manager.create_stream(server.url, transport="auto")
        await until(lambda: stream.stats.messages == 3)
        assert server.accepted == 2


def test_the_package_gives_its_public_names_and_no_others():
    for name in ("StreamManager", "WebSocketStream", "SSEStream", "Subscription"):
        assert getattr(streams, name).__name__ == name
    with pytest.raises(AttributeError):
        _ = streams.NoSuchName
