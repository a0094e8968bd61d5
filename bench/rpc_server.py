"""The other end of the v2 benchmark, in a process of its own: one JSON-RPC socket, many markets.

Started by `bench.rpc_books`. Prints its port. `/rpc` confirms each subscription and sends a small snapshot;
`GET /run/TICKS/MS` sends a delta to each market every MS milliseconds and answers with the time before each send (ns,
in order). Frames are prebuilt and go out one write each, so that the server is no bottleneck.
"""

import asyncio
import time

import msgspec

from bench import book_frames
from bench.stream_server import frame, handshake

LEVELS = 200
MASK_BYTES = 4
CLOSE = 8


class Rpc:
    """One client's socket, its markets in the order in which it asked, and what is sent to it."""

    def __init__(self) -> None:
        self.writer: asyncio.StreamWriter | None = None
        self.markets: list[str] = []
        self.seq = 0

    async def serve_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one connection."""
        head = await reader.readuntil(b"\r\n\r\n")
        try:
            if head.startswith(b"GET /run/"):
                _, _, ticks, interval_ms = head.split(b" ")[1].split(b"/")
                body = msgspec.json.encode(await self.run(int(ticks), int(interval_ms) / 1000))
                writer.write(
                    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
                )
                writer.write(body)
                await writer.drain()
            else:
                await self.talk(head, reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client has left
        finally:
            writer.close()

    async def talk(self, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve the socket until it closes."""
        self.writer, self.markets, self.seq = writer, [], 0
        writer.write(handshake(head))
        while True:
            first, second = await reader.readexactly(2)
            length = second & 0x7F
            if length == 126:
                length = int.from_bytes(await reader.readexactly(2))
            mask = await reader.readexactly(MASK_BYTES)
            payload = await reader.readexactly(length)
            if first & 0x0F == CLOSE:
                return
            if first & 0x0F == 1:
                self.answer(writer, bytes(byte ^ mask[n % MASK_BYTES] for n, byte in enumerate(payload)))

    def answer(self, writer: asyncio.StreamWriter, text: bytes) -> None:
        """Confirm a subscription and begin it."""
        call = msgspec.json.decode(text)
        if call.get("method") != "subscribe":
            return
        market = call["params"]["selector"]["market"]
        result = {"method": "subscribe", "status": "OK", "subscription": f"orderbooks.{market}"}
        writer.write(frame(msgspec.json.encode({"id": call["id"], "result": result, "jsonrpc": "2.0"})))
        writer.write(self.frame_of(market, book_frames.snapshot(market, 0, LEVELS)))
        self.markets.append(market)

    def frame_of(self, market: str, text: str) -> bytes:
        """A v1 frame as v2 has it: its own seq and type, and the topic."""
        value = msgspec.json.decode(text)
        value |= {"type": f"ORDERBOOKS.{value['type']}", "seq": self.seq, "subscription": f"orderbooks.{market}"}
        self.seq += 1
        return frame(msgspec.json.encode(value))

    async def run(self, ticks: int, interval_s: float) -> list[int]:
        """Send `ticks` rounds of a delta to each market; return when each was sent."""
        deltas = [book_frames.deltas(market, ticks, LEVELS, seed=number) for number, market in enumerate(self.markets)]
        rounds = [
            [self.frame_of(market, deltas[number][tick]) for number, market in enumerate(self.markets)]
            for tick in range(ticks)
        ]
        sent: list[int] = []
        await asyncio.sleep(0.3)
        begin = time.perf_counter()
        for tick, frames in enumerate(rounds):
            await asyncio.sleep(max(0.0, begin + tick * interval_s - time.perf_counter()))
            for data in frames:
                sent.append(time.perf_counter_ns())
                self.writer.write(data)
        return sent


async def serve() -> None:
    """Serve until killed."""
    server = await asyncio.start_server(Rpc().serve_one, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve())
