"""Ways to read an event stream, each a coroutine function (url, count) -> CPU seconds of reading `count` messages.

`naive` is the loop that the founding document proposes, in our own words; the libraries are used as their documents
say; `ours` is the stream layer's transport with the exchange's decoder; `floor` is a bare protocol that knows exactly
what this server sends.
"""

import asyncio
import json
import time
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import aiohttp_sse_client2.client
import httpx
import httpx_sse

from bench.floor_frames import decode_floor
from hummingbot_extended.exchange.channels import decode_book
from hummingbot_extended.streams.aiohttp_transport import AiohttpSSETransport, stream_session
from hummingbot_extended.streams.transport import StreamRequest


async def naive(url: str, count: int) -> float:
    """readline, decode, strip, json.loads."""
    seen = 0
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        began = time.process_time()
        while seen < count:
            text = (await response.content.readline()).decode("utf-8").strip()
            if text.startswith("data: "):
                json.loads(text[6:])
                seen += 1
        return time.process_time() - began


async def with_httpx_sse(url: str, count: int) -> float:
    """httpx-sse + json."""
    seen = 0
    async with httpx.AsyncClient(timeout=None) as client, httpx_sse.aconnect_sse(client, "GET", url) as source:
        began = time.process_time()
        async for event in source.aiter_sse():
            json.loads(event.data)
            seen += 1
            if seen == count:
                break
        return time.process_time() - began


async def with_aiohttp_sse_client2(url: str, count: int) -> float:
    """aiohttp-sse-client2 + json."""
    seen = 0
    async with aiohttp_sse_client2.client.EventSource(url, read_bufsize=2**20) as source:
        began = time.process_time()
        async for event in source:
            json.loads(event.data)
            seen += 1
            if seen == count:
                break
        return time.process_time() - began


async def ours(url: str, count: int) -> float:
    """The stream layer's transport and decoder, and the exchange's typed frames."""
    seen = 0
    async with stream_session() as session:
        connection = await AiohttpSSETransport(session).open(StreamRequest(url=url))
        began = time.process_time()
        while seen < count:
            for message in await connection.receive():
                decode_book(message)
                seen += 1
        spent_s = time.process_time() - began
        await connection.close()
        return spent_s


class FloorProtocol(asyncio.Protocol):
    """Takes the chunks apart, the events at blank lines, and decodes as little as a book needs."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._chunks = self._events = b""
        self._in_body = False
        self.done: asyncio.Future[float] = asyncio.get_running_loop().create_future()

    def data_received(self, data: bytes) -> None:
        data = self._chunks + data
        if not self._in_body:
            head, mark, data = data.partition(b"\r\n\r\n")
            if not mark:
                self._chunks = head
                return
            self._in_body = True
        body, position, size = [self._events], 0, len(data)
        while (end := data.find(b"\r\n", position)) >= 0:
            begin = end + 2
            after = begin + int(data[position:end], 16)
            if after + 2 > size:
                break
            body.append(data[begin:after])
            position = after + 2
        self._chunks = data[position:]
        *events, self._events = b"".join(body).split(b"\n\n")
        for event in events:
            decode_floor(event[6:])  # without "data: "
        self._count -= len(events)
        if self._count <= 0 and not self.done.done():
            self.done.set_result(time.process_time())


async def floor(url: str, count: int) -> float:
    """A raw socket, our own de-chunking, msgspec."""
    parts = urlsplit(url)
    transport, protocol = await asyncio.get_running_loop().create_connection(
        lambda: FloorProtocol(count), parts.hostname, parts.port
    )
    began = time.process_time()
    transport.write(f"GET {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\n\r\n".encode())
    ended = await protocol.done
    transport.close()
    return ended - began


READERS: dict[str, Any] = {
    "naive": naive,
    "httpx-sse": with_httpx_sse,
    "aiohttp-sse-client2": with_aiohttp_sse_client2,
    "ours": ours,
    "floor": floor,
}
