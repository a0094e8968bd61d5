"""The bus over NATS; a JetStream keeps what passes, so that the past can be replayed and duplicates are dropped."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Collection
from typing import Any

import nats
from nats.errors import Error as NatsError
from nats.js.api import ConsumerConfig, DeliverPolicy, DiscardPolicy, StreamConfig

from hummingbot_extended.errors import ConnectFailed
from hummingbot_extended.hub.bus.base import Bus

STREAM = "hummingbot-extended-market-data"
SUBJECTS = "md.v1.>"
MAX_AGE_S = 3_600.0
MAX_BYTES = 256 * 2**20
DUPLICATES_S = 120.0
CONNECT_TIMEOUT_S = 3.0
REPLAY_IDLE_S = 0.5


class NatsBus(Bus):
    """A connection to a NATS server. Without JetStream there all but replay works."""

    def __init__(self, host: str, port: int) -> None:
        super().__init__()
        self._url = f"nats://{host}:{port}"
        self._connection: Any = None
        self._subscriptions: dict[str, Any] = {}
        self._changes: asyncio.Queue[str] = asyncio.Queue(10_000)

    def _subscribed(self, topic: str) -> None:
        if self._connection is not None:
            self._changes.put_nowait(topic)

    def _unsubscribed(self, topic: str) -> None:
        if self._connection is not None:
            self._changes.put_nowait(topic)

    async def _live(self) -> None:
        lost = asyncio.Event()

        async def gone() -> None:
            lost.set()

        async def hear(_error: Exception) -> None:
            """What goes wrong ends the connection, and `gone` tells of that."""

        try:
            connection = await nats.connect(
                self._url,
                allow_reconnect=False,
                connect_timeout=CONNECT_TIMEOUT_S,
                ping_interval=5,
                disconnected_cb=gone,
                closed_cb=gone,
                error_cb=hear,
            )
        except (NatsError, OSError, TimeoutError) as error:
            raise ConnectFailed(f"the NATS server at {self._url}: {type(error).__name__}") from error
        try:
            await self._live_on(connection, lost)
        except NatsError as error:
            raise ConnectFailed(f"the NATS server at {self._url}: {type(error).__name__}") from error
        finally:
            self._connection = None
            self._subscriptions.clear()
            with contextlib.suppress(NatsError, OSError):
                await connection.close()
        raise ConnectFailed(f"the NATS server at {self._url} is gone")

    async def _live_on(self, connection: Any, lost: asyncio.Event) -> None:
        await self._ensure_stream(connection)
        self._changes = asyncio.Queue(10_000)
        self._connection = connection
        for topic in tuple(self._sinks):
            await self._adjust(connection, topic)
        self._came_up()
        tasks = [asyncio.create_task(work) for work in (self._send(connection), self._change(connection), lost.wait())]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)

    async def _ensure_stream(self, connection: Any) -> None:
        config = StreamConfig(
            name=STREAM,
            subjects=[SUBJECTS],
            max_age=MAX_AGE_S,
            max_bytes=MAX_BYTES,
            discard=DiscardPolicy.OLD,
            duplicate_window=DUPLICATES_S,
        )
        with contextlib.suppress(NatsError, TimeoutError):  # no JetStream here, or the stream is there already
            await connection.jetstream().add_stream(config)

    async def _send(self, connection: Any) -> None:
        while True:
            topic, payload, message_id = await self._next()
            await connection.publish(topic, payload, headers={"Nats-Msg-Id": message_id} if message_id else None)

    async def _change(self, connection: Any) -> None:
        while True:
            await self._adjust(connection, await self._changes.get())

    async def _adjust(self, connection: Any, topic: str) -> None:
        """Subscribe to a topic that is wanted, and give up one that is not."""
        held = self._subscriptions.get(topic)
        if topic in self._sinks and held is None:
            self._subscriptions[topic] = await connection.subscribe(topic, cb=self._received)
        elif topic not in self._sinks and held is not None:
            del self._subscriptions[topic]
            await held.unsubscribe()

    async def _received(self, message: Any) -> None:
        self._deliver(message.subject, message.data)

    async def replay(self, topics: Collection[str], from_ms: int, to_ms: int) -> AsyncIterator[tuple[str, int, bytes]]:
        """See Bus: from the JetStream, in the order of the bus. Ends where nothing more comes."""
        if self._connection is None:
            raise ConnectFailed(f"the NATS server at {self._url} is gone")
        config = ConsumerConfig(deliver_policy=DeliverPolicy.BY_START_TIME, opt_start_time=_rfc3339(from_ms))
        subject = SUBJECTS if len(topics) > 1 else next(iter(topics))
        subscription = await self._connection.jetstream().subscribe(subject, ordered_consumer=True, config=config)
        try:
            while True:
                try:
                    message = await subscription.next_msg(REPLAY_IDLE_S)
                except (NatsError, TimeoutError):
                    return
                ts_ms = int(message.metadata.timestamp.timestamp() * 1000)
                if ts_ms >= to_ms:
                    return
                if message.subject in topics:
                    yield message.subject, ts_ms, message.data
        finally:
            with contextlib.suppress(NatsError):
                await subscription.unsubscribe()


def _rfc3339(time_ms: int) -> Any:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(time_ms / 1000, UTC)
