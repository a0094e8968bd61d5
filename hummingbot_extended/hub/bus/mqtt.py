"""The bus over MQTT, which Hummingbot's own deployments have a broker for. QoS 0: snapshots and `seq` heal losses."""

import asyncio
from typing import Any

import aiomqtt

from hummingbot_extended.errors import ConnectFailed
from hummingbot_extended.hub.bus.base import Bus

KEEPALIVE_S = 5
TIMEOUT_S = 5.0


class MqttBus(Bus):
    """A connection to an MQTT broker."""

    def __init__(self, host: str, port: int) -> None:
        super().__init__()
        self._host = host
        self._port = port
        self._client: aiomqtt.Client | None = None
        self._changes: asyncio.Queue[tuple[str, bool]] = asyncio.Queue(10_000)

    def _subscribed(self, topic: str) -> None:
        if self._client is not None:
            self._changes.put_nowait((topic, True))

    def _unsubscribed(self, topic: str) -> None:
        if self._client is not None:
            self._changes.put_nowait((topic, False))

    async def _live(self) -> None:
        try:
            await self._live_on()
        except* aiomqtt.MqttError as errors:
            raise ConnectFailed(f"the MQTT broker at {self._host}:{self._port}: {errors.exceptions[0]}") from errors
        finally:
            self._client = None

    async def _live_on(self) -> None:
        async with aiomqtt.Client(self._host, self._port, keepalive=KEEPALIVE_S, timeout=TIMEOUT_S) as client:
            self._changes = asyncio.Queue(10_000)
            self._client = client
            for topic in tuple(self._sinks):
                await client.subscribe(_slashed(topic))
            self._came_up()
            async with asyncio.TaskGroup() as group:
                group.create_task(self._receive(client))
                group.create_task(self._send(client))
                group.create_task(self._change(client))

    async def _receive(self, client: aiomqtt.Client) -> None:
        async for message in client.messages:
            payload: Any = message.payload
            if isinstance(payload, bytes | bytearray):
                self._deliver(str(message.topic).replace("/", "."), bytes(payload))

    async def _send(self, client: aiomqtt.Client) -> None:
        while True:
            topic, payload, _ = await self._next()
            await client.publish(_slashed(topic), payload, qos=0)

    async def _change(self, client: aiomqtt.Client) -> None:
        while True:
            topic, is_wanted = await self._changes.get()
            if is_wanted:
                await client.subscribe(_slashed(topic))
            else:
                await client.unsubscribe(_slashed(topic))


def _slashed(topic: str) -> str:
    return topic.replace(".", "/")
