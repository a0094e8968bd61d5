"""A local server for stream tests that speaks WebSocket and event streams by hand, so that it can do both wrong."""

import asyncio
import base64
import hashlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

type Script = Callable[["Peer"], Awaitable[None]]

TEXT, BINARY, CLOSE, PING, PONG = 0x1, 0x2, 0x8, 0x9, 0xA


def frame(opcode: int, payload: bytes, *, fin: bool = True) -> bytes:
    size = len(payload)
    head = bytes([opcode | (0x80 if fin else 0)])
    if size < 126:
        return head + bytes([size]) + payload
    if size < 2**16:
        return head + b"\x7e" + size.to_bytes(2, "big") + payload
    return head + b"\x7f" + size.to_bytes(8, "big") + payload


@dataclass(eq=False)
class Peer:
    """One accepted connection, after its request head was read."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    path: str
    headers: dict[str, str]
    number: int  # 1 for the server's first connection
    answers_pings: bool = True
    received: list[str] = field(default_factory=list)  # text messages from the client
    pings: int = 0
    pongs: int = 0
    close_code: int | None = None

    @property
    def wants_websocket(self) -> bool:
        return self.headers.get("upgrade", "").lower() == "websocket"

    # --- answering
    async def raw(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def respond(self, status: int, body: bytes = b"", **headers: str) -> None:
        lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}", "Connection: close"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        await self.raw("\r\n".join([*lines, "", ""]).encode() + body)

    async def accept(self) -> None:
        """Begin what the client asked for: a WebSocket or an event stream."""
        if self.wants_websocket:
            key = self.headers["sec-websocket-key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
            accept = base64.b64encode(hashlib.sha1(key.encode()).digest()).decode()
            head = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " + accept
            await self.raw(f"HTTP/1.1 101 Switching Protocols\r\n{head}\r\n\r\n".encode())
            self._listening = asyncio.create_task(self._listen())
        else:
            head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nTransfer-Encoding: chunked"
            await self.raw(f"{head}\r\n\r\n".encode())

    async def send(self, *messages: object) -> None:
        """Send messages as JSON (text as it is), in the form of the accepted stream."""
        for message in messages:
            text = message if isinstance(message, str) else json.dumps(message)
            if self.wants_websocket:
                await self.raw(frame(TEXT, text.encode()))
            else:
                await self.chunk(b"data: " + text.encode() + b"\n\n")

    async def chunk(self, data: bytes) -> None:
        """Send one HTTP chunk of an event stream."""
        await self.raw(b"%x\r\n%b\r\n" % (len(data), data))

    async def numbered(self, count: int, first: int = 1) -> None:
        await self.send(*({"seq": seq} for seq in range(first, first + count)))

    # --- ending
    async def say_goodbye(self, code: int | None = 1000, reason: str = "") -> None:
        """End the stream properly and wait until the client has closed too."""
        if self.wants_websocket:
            await self.raw(frame(CLOSE, b"" if code is None else code.to_bytes(2, "big") + reason.encode()))
        else:
            await self.raw(b"0\r\n\r\n")
        await self.until_closed()

    def cut(self) -> None:
        """Reset the connection (RST), as a broken network does."""
        self.writer.transport.abort()

    async def until_closed(self) -> None:
        if self.wants_websocket:
            await self._listening
        else:
            await self.reader.read()

    async def forever(self) -> None:
        await asyncio.Event().wait()

    async def _listen(self) -> None:
        try:
            while self.close_code is None:
                first, second = await self.reader.readexactly(2)
                size = second & 0x7F
                if size > 125:
                    size = int.from_bytes(await self.reader.readexactly(2 if size == 126 else 8), "big")
                mask = await self.reader.readexactly(4)
                payload = bytes(b ^ mask[i % 4] for i, b in enumerate(await self.reader.readexactly(size)))
                await self._hear(first & 0x0F, payload)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass

    async def _hear(self, opcode: int, payload: bytes) -> None:
        if opcode == TEXT:
            self.received.append(payload.decode())
        elif opcode == PING:
            self.pings += 1
            if self.answers_pings:
                await self.raw(frame(PONG, payload))
        elif opcode == PONG:
            self.pongs += 1
        elif opcode == CLOSE:
            self.close_code = int.from_bytes(payload[:2], "big") if payload else 1005
            await self.raw(frame(CLOSE, payload[:2]))


class StreamServer:
    """Accepts connections and runs `script` on each; `peers` and `open_now` are the witnesses."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.peers: list[Peer] = []
        self.open_now = 0
        self.highest_open = 0
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def http_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"{self.http_url}/v1/stream"

    @property
    def accepted(self) -> int:
        return len(self.peers)

    async def start(self, port: int = 0) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", port, limit=2**22)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        self._tasks.add(task)
        self.open_now += 1
        self.highest_open = max(self.highest_open, self.open_now)
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            first, *rest = head.strip().split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in rest)}
            peer = Peer(reader, writer, first.split()[1], headers, len(self.peers) + 1)
            self.peers.append(peer)
            await self.script(peer)
        except (asyncio.CancelledError, asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self._tasks.discard(task)
            self.open_now -= 1
            writer.transport.abort()


@asynccontextmanager
async def serving(script: Script) -> AsyncIterator[StreamServer]:
    """Run a server on a free port for the block."""
    server = StreamServer(script)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


async def accepting(peer: Peer) -> None:
    """Script: accept, send three numbered messages, stay open."""
    await peer.accept()
    await peer.numbered(3)
    await peer.until_closed()
