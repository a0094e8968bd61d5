"""Both transports over real sockets, against a server that does right and wrong by hand."""

import asyncio
import json
import socket
import traceback

import pytest

from hummingbot_extended.errors import (
    ConnectFailed,
    MalformedMessage,
    MessageTooLarge,
    ProtocolError,
    RateLimited,
    RequestTimedOut,
    StreamClosed,
    Unauthorized,
)
from hummingbot_extended.streams.transport import StreamRequest
from test.streams.one_message import one_message
from test.streams.server import BINARY, PING, TEXT, accepting, frame, serving
from test.until import until

SECRET = "key-that-nobody-may-see"


async def secret_headers():
    return {"X-Api-Key": SECRET, "User-Agent": "tester/1"}


def text(message: bytes | str) -> str:
    return message.decode() if isinstance(message, bytes) else message


async def receive_json(connection) -> object:
    return json.loads(await one_message(connection))


async def test_open_gives_the_messages_in_order(transport):
    async with serving(accepting) as server:
        connection = await transport.open(StreamRequest(url=server.url))
        assert [await receive_json(connection) for _ in range(3)] == [{"seq": 1}, {"seq": 2}, {"seq": 3}]
        assert "open" in repr(connection)
        await connection.close()
        await connection.close()
        assert "closed" in repr(connection)
        await until(lambda: server.open_now == 0)


async def test_receive_gives_what_is_here_and_nothing_else(transport):
    async def script(peer):
        await peer.accept()
        for first in (1, 4):
            await go_on.wait()
            go_on.clear()
            one = b"".join(frame(TEXT, b'{"seq": %d}' % seq) for seq in range(first, first + 3))
            other = b"".join(b'data: {"seq": %d}\n\n' % seq for seq in range(first, first + 3))
            await (peer.raw(one) if peer.wants_websocket else peer.chunk(other))
        await peer.until_closed()

    go_on = asyncio.Event()
    async with serving(script) as server:
        connection = await transport.open(StreamRequest(url=server.url))
        for first in (1, 4):
            go_on.set()
            received = await connection.receive()
            assert [json.loads(m)["seq"] for m in received] == [first, first + 1, first + 2]
        await connection.close()
        with pytest.raises(StreamClosed):
            await connection.receive()


async def test_receive_answers_a_ping_between_messages(websocket):
    async def script(peer):
        await peer.accept()
        await peer.raw(frame(TEXT, b"1") + frame(PING, b"?") + frame(TEXT, b"2") + frame(TEXT, b"3"))
        await peer.until_closed()

    async with serving(script) as server:
        connection = await websocket.open(StreamRequest(url=server.url))
        received = [text(m) for _ in range(2) for m in await connection.receive()]
        assert received == ["1", "2", "3"]
        await until(lambda: server.peers[0].pongs == 1)
        await connection.close()


async def test_open_sends_the_headers_and_accepts_any_scheme(transport):
    async with serving(accepting) as server:
        for scheme in ("http", "ws"):
            url = server.url.replace("http", scheme) + "?depth=1"
            connection = await transport.open(StreamRequest(url=url, headers=secret_headers))
            await connection.close()
        for peer in server.peers:
            assert peer.path == "/v1/stream?depth=1"
            assert peer.headers["x-api-key"] == SECRET
            assert peer.headers["user-agent"] == "tester/1"
            assert peer.wants_websocket == (transport.name == "websocket")


async def test_open_has_a_user_agent_of_its_own_and_no_compression(transport):
    async with serving(accepting) as server:
        await (await transport.open(StreamRequest(url=server.url))).close()
        headers = server.peers[0].headers
        assert headers["user-agent"].startswith("hummingbot-extended/")
        assert "sec-websocket-extensions" not in headers
        if transport.name == "sse":
            assert headers["accept"] == "text/event-stream"
            assert headers["accept-encoding"] == "identity"
            assert "last-event-id" not in headers


@pytest.mark.parametrize(
    ("status", "headers", "error"),
    [
        (401, {}, Unauthorized),
        (403, {}, Unauthorized),
        (429, {"Retry_After": "7"}, RateLimited),
        (400, {}, ConnectFailed),
        (404, {}, ConnectFailed),
        (503, {}, ConnectFailed),
    ],
)
async def test_open_tells_refusals_apart_and_never_names_the_key(transport, status, headers, error):
    async with serving(lambda peer: peer.respond(status, **headers)) as server:
        with pytest.raises(error) as caught:
            await transport.open(StreamRequest(url=server.url + "?token=abc", headers=secret_headers))
        assert caught.value.status == status
        assert getattr(caught.value, "retry_after_s", None) == (7 if status == 429 else None)
        shown = repr(caught.value) + repr(caught.value.__cause__) + repr(caught.value.__context__)
        shown += "".join(traceback.format_exception(caught.value))
        assert SECRET not in shown
        assert "token=abc" not in str(caught.value)
        await until(lambda: server.open_now == 0)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_the_key_never_follows_a_redirect(transport, status):
    async with serving(accepting) as elsewhere:
        redirect = {"Location": elsewhere.url}
        async with serving(lambda peer: peer.respond(status, **redirect)) as server:
            with pytest.raises(ConnectFailed) as caught:
                await transport.open(StreamRequest(url=server.url, headers=secret_headers))
            assert caught.value.status == status
        assert elsewhere.accepted == 0


async def test_open_fails_when_nobody_is_there(transport):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/x"
        with pytest.raises(ConnectFailed, match=r"127\.0\.0\.1.*refused") as caught:
            await transport.open(StreamRequest(url=url))
        assert caught.value.status is None


async def test_open_fails_within_its_timeout_when_nobody_answers(transport):
    async with serving(lambda peer: peer.forever()) as server:
        with pytest.raises(ConnectFailed, match=r"within 0\.05 s"):
            await transport.open(StreamRequest(url=server.url, connect_timeout_s=0.05))
        await until(lambda: server.open_now <= 1)


async def test_open_fails_on_an_answer_that_is_no_http(transport):
    async with serving(lambda peer: peer.raw(b"\x16\x03garbage\r\n\r\n")) as server:
        with pytest.raises(ConnectFailed):
            await transport.open(StreamRequest(url=server.url))


async def test_cancelling_open_leaves_nothing_open(transport):
    async with serving(lambda peer: peer.until_closed() if not peer.wants_websocket else peer.reader.read()) as server:
        opening = asyncio.create_task(transport.open(StreamRequest(url=server.url)))
        await until(lambda: server.open_now == 1)
        opening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await opening
        await until(lambda: server.open_now == 0)


async def test_sse_refuses_another_content_type(sse):
    async with serving(lambda peer: peer.respond(200, b"{}", Content_Type="application/json")) as server:
        with pytest.raises(ConnectFailed, match="application/json, not text/event-stream"):
            await sse.open(StreamRequest(url=server.url))


async def test_sse_takes_204_for_the_end(sse):
    async with serving(lambda peer: peer.respond(204)) as server:
        with pytest.raises(StreamClosed, match="nothing more"):
            await sse.open(StreamRequest(url=server.url))


async def test_sse_resumes_by_last_event_id_and_hears_retry(sse):
    async def script(peer):
        await peer.accept()
        await peer.chunk(b"retry: 2500\nid: 42\ndata: {}\n\n")
        await peer.until_closed()

    async with serving(script) as server:
        connection = await sse.open(StreamRequest(url=server.url, last_event_id="41"))
        assert connection.last_event_id == "41"
        assert connection.retry_after_s is None
        await one_message(connection)
        assert (connection.last_event_id, connection.retry_after_s) == ("42", 2.5)
        assert server.peers[0].headers["last-event-id"] == "41"
        await connection.close()


async def test_sse_that_stops_among_events_that_came_together_resumes_after_the_last_it_gave(sse):
    async def script(peer):
        await peer.accept()
        await peer.chunk(b"data: 0\n\nid: 1\ndata: 1\n\nid: 2\ndata: 2\n\n")
        await peer.until_closed()

    async with serving(script) as server:
        connection = await sse.open(StreamRequest(url=server.url))
        given = []
        for _ in range(3):
            given += [(await connection.receive(), connection.last_event_id)]
        assert given == [((b"0",), ""), ((b"1",), "1"), ((b"2",), "2")]
        await connection.close()


async def test_sse_cannot_send(sse):
    async with serving(accepting) as server:
        connection = await sse.open(StreamRequest(url=server.url))
        with pytest.raises(ProtocolError):
            await connection.send("{}")
        await connection.close()


@pytest.mark.parametrize("size", [1, 3, 1000])
async def test_receive_survives_any_splitting_of_bytes(transport, size):
    """Frames, chunks and characters of several bytes come in pieces of `size`."""
    message = '{"text": "é€😀"}'

    async def script(peer):
        await peer.accept()
        data = frame(TEXT, message.encode()) if peer.wants_websocket else f"data: {message}\n\n".encode()
        for i in range(0, len(data), size):
            piece = data[i : i + size]
            await (peer.raw(piece) if peer.wants_websocket else peer.chunk(piece))
            await asyncio.sleep(0)
        await peer.until_closed()

    async with serving(script) as server:
        connection = await transport.open(StreamRequest(url=server.url))
        assert text(await one_message(connection)) == message
        await connection.close()


async def test_receive_joins_fragments_of_a_websocket_message(websocket):
    async def script(peer):
        await peer.accept()
        await peer.raw(frame(TEXT, b'{"a"', fin=False) + frame(PING, b"x") + frame(0, b": 1}"))
        await peer.until_closed()

    async with serving(script) as server:
        connection = await websocket.open(StreamRequest(url=server.url))
        assert await receive_json(connection) == {"a": 1}
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(one_message(connection), 0.05)
        await until(lambda: server.peers[0].pongs == 1)
        await connection.close()


@pytest.mark.parametrize("size", [200_000, 1_000_000])
async def test_receive_takes_a_long_line(transport, size):
    async def script(peer):
        await peer.accept()
        await peer.send("x" * size)
        await peer.until_closed()

    async with serving(script) as server:
        connection = await transport.open(StreamRequest(url=server.url))
        assert len(await one_message(connection)) == size
        await connection.close()


async def test_receive_refuses_a_message_above_its_bound(transport):
    async def script(peer):
        await peer.accept()
        await peer.send("x" * 5000)
        await peer.until_closed()

    async with serving(script) as server:
        connection = await transport.open(StreamRequest(url=server.url, max_message_bytes=4096))
        with pytest.raises(MessageTooLarge) as caught:
            await one_message(connection)
        assert caught.value.limit_bytes == 4096
        await connection.close()


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (frame(BINARY, b"\x00\x01"), "binary"),
        (b"\xf3\x7fgarbage" * 3, "broken"),
        (frame(TEXT, b"a", fin=False) * 2, "broken"),
    ],
)
async def test_receive_names_what_is_no_message(websocket, data, what):
    async def script(peer):
        await peer.accept()
        await peer.raw(data)
        await peer.until_closed()

    async with serving(script) as server:
        connection = await websocket.open(StreamRequest(url=server.url))
        with pytest.raises(MalformedMessage, match=what):
            await one_message(connection)
        await connection.close()


@pytest.mark.parametrize("code", [1000, 1001, 1008, 1011, 1012, 1013, 4001])
async def test_receive_tells_close_codes_apart(websocket, code):
    async def script(peer):
        await peer.accept()
        await peer.send({"seq": 1})
        await peer.say_goodbye(code, "because")

    async with serving(script) as server:
        connection = await websocket.open(StreamRequest(url=server.url))
        await one_message(connection)
        with pytest.raises(StreamClosed, match="because") as caught:
            await one_message(connection)
        assert (caught.value.code, caught.value.reason) == (code, "because")
        with pytest.raises(StreamClosed):
            await one_message(connection)
        await connection.close()


async def test_receive_takes_a_close_without_a_code_for_1005(websocket):
    async def script(peer):
        await peer.accept()
        await peer.say_goodbye(None)

    async with serving(script) as server:
        connection = await websocket.open(StreamRequest(url=server.url))
        with pytest.raises(StreamClosed) as caught:
            await one_message(connection)
        assert caught.value.code == 1005
        await connection.close()


@pytest.mark.parametrize("how", ["reset", "fin"])
async def test_receive_takes_a_cut_for_1006(transport, how):
    async def script(peer):
        await peer.accept()
        await peer.send({"seq": 1})
        if how == "fin":
            peer.writer.write_eof()
            await peer.reader.read()
        else:
            await asyncio.sleep(0.02)
            peer.cut()

    async with serving(script) as server:
        connection = await transport.open(StreamRequest(url=server.url))
        await one_message(connection)
        with pytest.raises(StreamClosed) as caught:
            await one_message(connection)
        assert caught.value.code == 1006
        await connection.close()


async def test_receive_takes_the_end_of_an_event_stream_for_1000(sse):
    async def script(peer):
        await peer.accept()
        await peer.send({"seq": 1})
        await peer.say_goodbye()

    async with serving(script) as server:
        connection = await sse.open(StreamRequest(url=server.url))
        await one_message(connection)
        with pytest.raises(StreamClosed) as caught:
            await one_message(connection)
        assert caught.value.code == 1000
        await connection.close()


async def test_data_silence_is_told_from_transport_death(transport):
    """A peer that pings (or comments) but sends nothing times out; the connection still stands and goes on."""

    async def script(peer):
        await peer.accept()
        for _ in range(10):
            await (peer.raw(frame(PING, b"")) if peer.wants_websocket else peer.chunk(b": ping\n\n"))
            await asyncio.sleep(0.02)
        await peer.send({"seq": 1})
        await peer.until_closed()

    async with serving(script) as server:
        connection = await transport.open(StreamRequest(url=server.url, data_timeout_s=0.1, heartbeat_s=0.05))
        with pytest.raises(RequestTimedOut, match=r"no message for 0\.1 s"):
            await one_message(connection)
        await asyncio.sleep(0.1)
        assert await receive_json(connection) == {"seq": 1}
        await connection.close()


async def test_a_peer_that_is_gone_is_noticed_by_its_missing_heartbeat(transport):
    """Half-open: the connection stands, but nothing comes, not even a pong or a comment."""

    async def script(peer):
        peer.answers_pings = False
        await peer.accept()
        await peer.forever()

    async with serving(script) as server:
        connection = await transport.open(StreamRequest(url=server.url, data_timeout_s=None, heartbeat_s=0.05))
        with pytest.raises(StreamClosed) as caught:
            await asyncio.wait_for(one_message(connection), 30)
        assert caught.value.code == 1006
        await connection.close()


async def test_send_reaches_the_server_until_the_stream_ends(websocket):
    async with serving(accepting) as server:
        connection = await websocket.open(StreamRequest(url=server.url))
        await connection.send('{"a":1}')
        await until(lambda: server.peers[0].received == ['{"a":1}'])
        await connection.close()
        with pytest.raises(StreamClosed):
            await connection.send("late")


async def test_close_is_bounded_when_the_peer_does_not_answer(websocket, monkeypatch):
    monkeypatch.setattr("hummingbot_extended.streams.aiohttp_transport.CLOSE_TIMEOUT_S", 0.05)

    async def script(peer):
        await peer.accept()
        await peer.forever()

    async with serving(script) as server:
        connection = await websocket.open(StreamRequest(url=server.url))
        await asyncio.wait_for(connection.close(), 30)


async def test_close_from_another_task_ends_receive(transport):
    async with serving(accepting) as server:
        connection = await transport.open(StreamRequest(url=server.url))
        for _ in range(3):
            await one_message(connection)
        waiting = asyncio.create_task(one_message(connection))
        await asyncio.sleep(0.02)
        await connection.close()
        with pytest.raises(StreamClosed):
            await asyncio.wait_for(waiting, 30)


async def test_cancelling_receive_loses_no_message(transport):
    go_on = asyncio.Event()

    async def script(peer):
        await peer.accept()
        await go_on.wait()
        await peer.numbered(3)
        await peer.until_closed()

    async with serving(script) as server:
        connection = await transport.open(StreamRequest(url=server.url))
        for _ in range(3):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(one_message(connection), 0.01)
        go_on.set()
        assert [(await receive_json(connection))["seq"] for _ in range(3)] == [1, 2, 3]
        await connection.close()


async def test_sockets_send_without_delay(websocket):
    async with serving(accepting) as server:
        connection = await websocket.open(StreamRequest(url=server.url))
        raw = connection._socket.get_extra_info("socket")
        assert raw.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        await connection.close()


async def test_a_session_holds_150_streams_at_once(transport):
    async with serving(accepting) as server:
        connections = await asyncio.gather(*(transport.open(StreamRequest(url=server.url)) for _ in range(150)))
        assert server.open_now == 150
        await asyncio.gather(*(connection.close() for connection in connections))


async def test_messages_come_alone_where_aiohttp_does_not_show_its_buffer(websocket):
    async with serving(accepting) as server:
        connection = await websocket.open(StreamRequest(url=server.url))
        connection._buffered = ()
        batches = [[json.loads(m)["seq"] for m in await connection.receive()] for _ in range(3)]
        assert batches == [[1], [2], [3]]
        await connection.close()
