"""The other end of the book benchmarks, in a process of its own: sends books on demand and says when it sent what.

Started by `bench.book`. Prints its port. `GET /orderbooks/{market}` is a WebSocket that begins with a small snapshot;
`POST /run` sends what it asks for to all of them and answers with the time before each send (ns, per market), of the
clock that all processes of a machine share.
"""

import asyncio
import time

from aiohttp import WSMsgType, web

from bench import book_frames

LEVELS = 200
STREAMS = "/stream.extended.exchange/v1/orderbooks/{market}"


class Books:
    """The connected markets and what is sent to them."""

    def __init__(self) -> None:
        self.sockets: dict[str, web.WebSocketResponse] = {}
        self.prepared: dict[tuple[str, int], list[str]] = {}

    async def stream(self, request: web.Request) -> web.WebSocketResponse:
        """Serve one market."""
        market = request.match_info["market"]
        socket = web.WebSocketResponse(compress=False)
        await socket.prepare(request)
        await socket.send_str(book_frames.snapshot(market, 1, LEVELS))
        self.sockets[market] = socket
        async for message in socket:
            if message.type is WSMsgType.ERROR:
                break
        if self.sockets.get(market) is socket:
            del self.sockets[market]
        return socket

    async def run(self, request: web.Request) -> web.Response:
        """Send `ticks` times `burst` messages to each market, `interval_s` apart; `levels` above 0: snapshots."""
        asked = await request.json()
        count = asked["ticks"] * asked["burst"]
        frames = {market: self._frames(market, count, asked["levels"]) for market in self.sockets}
        sent: dict[str, list[int]] = {market: [] for market in frames}
        await asyncio.sleep(0.3)
        begin = time.perf_counter()
        for tick in range(asked["ticks"]):
            await asyncio.sleep(max(0.0, begin + tick * asked["interval_s"] - time.perf_counter()))
            for market, socket in list(self.sockets.items()):
                for frame in frames[market][tick * asked["burst"] : (tick + 1) * asked["burst"]]:
                    sent[market].append(time.perf_counter_ns())
                    await socket.send_str(frame)
        return web.json_response(sent)

    def _frames(self, market: str, count: int, levels: int) -> list[str]:
        if levels:
            return [book_frames.snapshot(market, seq, levels) for seq in range(2, 2 + count)]
        if (market, count) not in self.prepared:
            self.prepared[market, count] = book_frames.deltas(market, count, LEVELS, seed=len(self.prepared))
        return self.prepared[market, count]


async def serve() -> None:
    """Serve until killed."""
    books = Books()
    app = web.Application()
    app.router.add_get(STREAMS, books.stream)
    app.router.add_post("/run", books.run)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve())
