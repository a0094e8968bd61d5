"""Read a WebSocket with the exchange's SDK, and print the CPU seconds. Runs in `.venv-sdk`, imports nothing of ours."""

import asyncio
import sys
import time

from x10.clients.stream.stream_connection import StreamConnection
from x10.models.http import WrappedStreamResponseModel
from x10.models.orderbook import OrderbookUpdateModel


async def read(url: str, count: int) -> float:
    """CPU seconds of `count` messages."""
    connection = StreamConnection(
        stream_url=url.replace("http", "ws", 1),
        msg_model_class=WrappedStreamResponseModel[OrderbookUpdateModel],
        api_key=None,
    )
    async with connection:
        began = time.process_time()
        for _ in range(count):
            await connection.recv()
        return time.process_time() - began


print(asyncio.run(read(sys.argv[1], int(sys.argv[2]))))
