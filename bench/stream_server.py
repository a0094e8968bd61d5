"""The other end of the reading benchmarks, in a process of its own: bursts of prebuilt bytes, and paced messages.

Started by `bench.streams` and `bench.stream_tls`: `python -m bench.stream_server [CERTIFICATE KEY]`; prints its port.
`GET /sse/KIND/COUNT` and `GET /ws/KIND/COUNT` send COUNT deltas or snapshots (KIND) back to back, every event as an
HTTP chunk or frame of its own, `GET /deflate/KIND/COUNT` compressed frames (RFC 7692); `GET /paced/KIND/COUNT/RATE`
sends a snapshot and then WebSocket messages at a rate; `GET /echo/N` answers each Nth message; `GET /idle` sends an
event a second for ever; `GET /rest` answers once.
"""

import asyncio
import base64
import hashlib
import ssl
import sys
import time
import zlib

from bench import book_frames

LEVELS = 2000
MARKET = "BTC-USD"
MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
SSE_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
REST_REPLY = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"
DEFLATE = b"\r\nSec-WebSocket-Extensions: permessage-deflate"
CLOSE_FRAME = b"\x88\x02\x03\xe8"

_messages: dict[tuple[str, int], list[bytes]] = {}


def messages(kind: str, count: int) -> list[bytes]:
    """The texts of a burst; made once."""
    if (kind, count) not in _messages:
        if kind == "delta":
            texts = book_frames.deltas(MARKET, count, LEVELS)
        else:
            texts = [book_frames.snapshot(MARKET, seq, LEVELS) for seq in range(1, count + 1)]
        _messages[kind, count] = [text.encode() for text in texts]
    return _messages[kind, count]


def chunk(text: bytes) -> bytes:
    """An event as an HTTP chunk."""
    event = b"data: " + text + b"\n\n"
    return b"%x\r\n%b\r\n" % (len(event), event)


def frame(text: bytes) -> bytes:
    """A WebSocket text frame of a server."""
    if len(text) < 126:
        head = bytes([len(text)])
    elif len(text) < 65_536:
        head = b"\x7e" + len(text).to_bytes(2)
    else:
        head = b"\x7f" + len(text).to_bytes(8)
    return b"\x81" + head + text


async def serve_one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer one request, then close."""
    head = await reader.readuntil(b"\r\n\r\n")
    what, *parts = head.split(b" ", 2)[1].decode().strip("/").split("/")
    try:
        if what == "rest":
            writer.write(REST_REPLY)
        elif what == "idle":
            await idle(writer)
        elif what == "sse":
            await burst(writer, SSE_HEAD, [chunk(text) for text in messages(parts[0], int(parts[1]))], b"0\r\n\r\n")
        elif what == "ws":
            texts = messages(parts[0], int(parts[1]))
            await burst(writer, handshake(head), [frame(text) for text in texts], CLOSE_FRAME)
        elif what == "deflate":
            texts = messages(parts[0], int(parts[1]))
            await burst(writer, handshake(head, DEFLATE), deflated(texts), CLOSE_FRAME)
        elif what == "echo":
            await echo(reader, writer, head, int(parts[0]))
        elif what == "paced":
            await paced(writer, head, parts[0], int(parts[1]), float(parts[2]))
        await writer.drain()
        await asyncio.wait_for(reader.read(), 5)
    except (ConnectionError, TimeoutError):
        pass  # the reader has what it wanted
    finally:
        writer.close()


def deflated(texts: list[bytes]) -> list[bytes]:
    """The texts as compressed frames of one connection; the compressor remembers what went before."""
    compressor, frames = zlib.compressobj(wbits=-15), []
    for text in texts:
        packed = compressor.compress(text) + compressor.flush(zlib.Z_SYNC_FLUSH)
        frames.append(b"\xc1" + frame(packed[:-4])[1:])
    return frames


def handshake(head: bytes, extension: bytes = b"") -> bytes:
    """The server's half of a WebSocket's opening."""
    key = next(
        line.split(b":", 1)[1].strip() for line in head.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key")
    )
    accept = base64.b64encode(hashlib.sha1(key + MAGIC).digest())
    fields = b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " + accept
    return b"HTTP/1.1 101 Switching Protocols\r\n" + fields + extension + b"\r\n\r\n"


async def burst(writer: asyncio.StreamWriter, head: bytes, parts: list[bytes], tail: bytes) -> None:
    """Send everything as fast as the other side takes it."""
    writer.write(head)
    for begin in range(0, len(parts), 500):
        writer.write(b"".join(parts[begin : begin + 500]))
        await writer.drain()
    writer.write(tail)


async def paced(writer: asyncio.StreamWriter, head: bytes, kind: str, count: int, rate: float) -> None:
    """Send one message every 1/rate seconds."""
    writer.write(handshake(head))
    writer.write(frame(messages("snap", 1)[0]))
    await asyncio.sleep(0.3)
    begin = time.perf_counter()
    for number, text in enumerate(messages(kind, count)):
        ahead_s = begin + number / rate - time.perf_counter()
        if ahead_s > 0:
            await asyncio.sleep(ahead_s)
        writer.write(frame(text))
    await writer.drain()


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, head: bytes, each: int) -> None:
    """Answer every `each`th short message until the other side leaves."""
    writer.write(handshake(head))
    seen = 0
    while True:
        opcode, size = await reader.readexactly(2)
        await reader.readexactly(4 + (size & 0x7F))
        if opcode == 0x88:
            writer.write(CLOSE_FRAME)
            return
        seen += 1
        if seen % each == 0:
            writer.write(frame(b"{}"))


async def idle(writer: asyncio.StreamWriter) -> None:
    """An event a second until the other side leaves."""
    writer.write(SSE_HEAD)
    while not writer.is_closing():
        writer.write(chunk(b'{"type":"idle"}'))
        await writer.drain()
        await asyncio.sleep(1)


async def serve(certificate: list[str]) -> None:
    """Serve until killed."""
    context = None
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
    server = await asyncio.start_server(serve_one, "127.0.0.1", 0, ssl=context)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1:]))
