import asyncio
import logging
import socket
from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web

from hummingbot_extended import __version__
from hummingbot_extended.errors import ConnectFailed, MessageTooLarge, RequestTimedOut, SettingsError, TransportError
from hummingbot_extended.exchange.aiohttp_send import AiohttpSend, clean_api_key
from hummingbot_extended.exchange.http import RestRequest
from test.exchange.helpers import API_KEY, answering, serving


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


PUBLIC = RestRequest(method="GET", path="/info/markets")
PRIVATE = RestRequest(method="GET", path="/user/balance", auth=True)


async def test_public_request_has_user_agent_and_no_key(session: aiohttp.ClientSession) -> None:
    async with serving(answering("{}")) as server:
        await AiohttpSend(session, server.url, api_key=API_KEY)(PUBLIC)
    headers = server.seen[0].headers
    assert headers["User-Agent"] == f"hummingbot-extended/{__version__}"
    assert "X-Api-Key" not in headers


async def test_private_request_has_the_key_as_header_only(session: aiohttp.ClientSession) -> None:
    async with serving(answering("{}")) as server:
        send = AiohttpSend(session, server.url, api_key=f" {API_KEY}\n", user_agent="mine")
        await send(PRIVATE)
    seen = server.seen[0]
    assert seen.headers["X-Api-Key"] == API_KEY
    assert seen.headers["User-Agent"] == "mine"
    assert API_KEY not in seen.path + str(seen.query)
    assert API_KEY not in repr(send) + repr(vars(send)["_base_url"])


async def test_reply_comes_whole_with_status_and_headers(session: aiohttp.ClientSession) -> None:
    async with serving(answering("no", 418, {"X-Tea": "green"})) as server:
        response = await AiohttpSend(session, server.url)(PUBLIC)
    assert (response.status, response.body, response.header("x-tea")) == (418, b"no", "green")
    assert response.date is not None


async def test_params_repeat_and_paths_stay_encoded(session: aiohttp.ClientSession) -> None:
    request = RestRequest(
        method="DELETE",
        path="/user/orders/a%2Fb%20c",
        params=(("market", "A"), ("market", "B"), ("externalId", "x&y=z")),
    )
    async with serving(answering("{}")) as server:
        await AiohttpSend(session, server.url + "/")(request)
    seen = server.seen[0]
    assert seen.path == "/api/v1/user/orders/a%2Fb%20c"
    assert seen.query == [("market", "A"), ("market", "B"), ("externalId", "x&y=z")]


async def test_body_is_json(session: aiohttp.ClientSession) -> None:
    request = RestRequest(method="POST", path="/user/order", body={"qty": "0.1"}, auth=True)
    async with serving(answering("{}")) as server:
        await AiohttpSend(session, server.url)(request)
    assert server.seen[0].body == b'{"qty":"0.1"}'
    assert server.seen[0].headers["Content-Type"] == "application/json"


async def test_a_redirect_is_an_answer_and_the_key_does_not_follow(session: aiohttp.ClientSession) -> None:
    async with serving(answering("{}")) as elsewhere:
        async with serving(answering("", 307, {"Location": elsewhere.url})) as server:
            response = await AiohttpSend(session, server.url, api_key=API_KEY)(PRIVATE)
    assert response.status == 307
    assert elsewhere.seen == []


async def test_refused_connection_is_connect_failed(session: aiohttp.ClientSession) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(ConnectFailed, match="GET /user/balance: no connection to") as caught:
        await AiohttpSend(session, f"http://127.0.0.1:{port}", api_key=API_KEY)(PRIVATE)
    assert API_KEY not in str(caught.value)


async def test_silence_is_request_timed_out_and_no_timeout_error(session: aiohttp.ClientSession) -> None:
    release = asyncio.Event()

    async def silent(request: web.Request) -> web.StreamResponse:
        await release.wait()
        return web.Response()

    async with serving(silent) as server:
        with pytest.raises(RequestTimedOut, match=r"no answer within 0\.05 s") as caught:
            await AiohttpSend(session, server.url, timeout_s=0.05)(PUBLIC)
        release.set()
    assert not isinstance(caught.value, TimeoutError)


@pytest.mark.parametrize("after_headers", [False, True])
async def test_a_connection_cut_in_the_middle_is_a_transport_error(
    session: aiohttp.ClientSession, after_headers: bool
) -> None:
    async def cutting(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "100"})
        if after_headers:
            await response.prepare(request)
            await response.write(b"{")
        assert request.transport is not None
        request.transport.abort()
        return response

    async with serving(cutting) as server:
        with pytest.raises(TransportError, match="the connection broke"):
            await AiohttpSend(session, server.url)(RestRequest(method="POST", path="/user/order", body={}))


async def test_a_reply_without_end_is_bounded(session: aiohttp.ClientSession) -> None:
    async with serving(answering(b"x" * 1001)) as server:
        with pytest.raises(MessageTooLarge) as caught:
            await AiohttpSend(session, server.url, max_reply_bytes=1000)(PUBLIC)
    assert caught.value.limit_bytes == 1000


@pytest.mark.parametrize("key", ["", "  ", "two words", "new\nline", "key\x00", "schlüssel"])
def test_clean_api_key_refuses_without_showing(key: str) -> None:
    with pytest.raises(SettingsError) as caught:
        clean_api_key(key)
    assert not key.strip() or key not in str(caught.value)


async def test_no_log_line_holds_the_key(session: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with serving(answering("no", 500)) as server:
        await AiohttpSend(session, server.url, api_key=API_KEY)(PRIVATE)
    assert API_KEY not in caplog.text
