"""The roles as people run them: processes of the command line, on a real broker that is killed and comes back."""

import asyncio
import itertools
import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from test.hub.broker import Broker
from test.hub.clients import Client
from test.hub.core_kit import MARKET
from test.until import until

START_S = 60.0  # six processes import their servers on two cores
END_S = 20.0

pytestmark = pytest.mark.services


@dataclass(frozen=True)
class Command:
    """A running `hummingbot-extended` and the JSON of its first line."""

    process: asyncio.subprocess.Process
    told: dict[str, Any]

    @classmethod
    @asynccontextmanager
    async def run(cls, *arguments: str, **environ: str) -> AsyncIterator["Command"]:
        """Run it until the block is left; a clean end is asked for, and expected, of what still runs."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "hummingbot_extended", *arguments, "--json",
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL, env=os.environ | environ,
        )  # fmt: skip
        try:
            assert process.stdout is not None
            async with asyncio.timeout(START_S):
                line = await process.stdout.readline()
            yield cls(process, json.loads(line))
            if process.returncode is None:
                process.send_signal(signal.SIGTERM)
                async with asyncio.timeout(END_S):
                    assert await process.wait() == 0, arguments
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()

    @property
    def socket(self) -> str:
        """The address of a hub's /ws/stream."""
        return str(self.told["url"]).replace("http", "ws", 1) + "/ws/stream"

    async def kill(self) -> None:
        self.process.kill()
        await self.process.wait()


class Recording:
    """What a client of a hub hears, by stream type."""

    def __init__(self, client: Client) -> None:
        self.rows: dict[str, list[dict[str, Any]]] = {"depth": [], "trades": [], "mark": []}
        self.statuses: list[dict[str, Any]] = []
        self._client = client

    @classmethod
    @asynccontextmanager
    async def of(cls, command: Command) -> AsyncIterator["Recording"]:
        async with Client.at(command.socket) as client:
            for stream_type in ("depth", "trades", "mark"):
                await client.subscribe(stream_type, [MARKET], params={"mode": "tick"})
            recording = cls(client)
            for message in client.skipped:
                recording._take(message)
            listening = asyncio.create_task(recording._listen())
            try:
                yield recording
            finally:
                listening.cancel()
                await asyncio.wait([listening])

    async def _listen(self) -> None:
        while True:
            self._take(await self._client.hear(deadline_s=600))

    def _take(self, message: dict[str, Any]) -> None:
        if message["type"] == "data":
            self.rows[message["stream_type"]] += message["data"]
        elif message["type"] == "status":
            self.statuses.append(message)

    @property
    def trade_ids(self) -> list[int]:
        return [int(row["trade_id"]) for row in self.rows["trades"]]

    def marks(self, provider: str, since: int) -> int:
        return len([row for row in self.rows["mark"][since:] if row["provider"] == provider])

    def assert_whole(self) -> None:
        """Every change of the book follows the row before it, and no trade came twice."""
        depth = self.rows["depth"]
        assert depth[0]["type"] == "snapshot"
        for before, after in itertools.pairwise(depth):
            assert after["type"] == "snapshot" or after["prev_seq"] == before["seq"]
        assert len(self.trade_ids) == len(set(self.trade_ids))


async def mark_of(command: Command) -> dict[str, Any]:
    """Return what a newcomer is told of the mark price now."""
    async with Client.at(command.socket) as client:
        await client.subscribe("mark", [MARKET], params={"snapshot": True, "mode": "changes"})
        return dict((await client.hear("data"))["data"][0])


async def replayed(command: Command, from_ms: int, to_ms: int) -> list[int]:
    """Return the ids of the trades that a hub replays."""
    async with Client.at(command.socket) as client:
        await client.subscribe(
            "trades", [MARKET], params={"replay": {"from": from_ms, "to": to_ms, "speed": 1_000_000}}
        )
        ids: list[int] = []
        while (message := await client.hear("data", "replay_end"))["type"] == "data":
            assert message["metadata"]["replay"] is True
            ids += [int(row["trade_id"]) for row in message["data"]]
        assert "error" not in message, message
        return ids


@pytest.fixture(params=["mqtt", "nats"])
async def broker(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Broker]:
    broker = Broker(request.param, tmp_path)
    await broker.start()
    yield broker
    broker.stop()


@pytest.mark.timeout(400)
async def test_ingests_edges_and_store_as_processes(broker: Broker, tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        venue = await stack.enter_async_context(Command.run("venue", "--port", "0"))
        environ = {"EXTENDED_PERPETUAL_LOCAL_URL": venue.told["rest_url"]}

        async def hub(role: str, *options: str) -> Command:
            bus = f"{broker.scheme}://127.0.0.1:{broker.port}"
            options = ("--role", role, "--bus", bus, "--port", "0", *options)
            return await stack.enter_async_context(Command.run("hub", *options, **environ))

        direct = ("--source", "extended_ws")
        first = await hub("ingest", "--name", "a", "--market", MARKET, *direct)
        store = await hub("store", "--market", MARKET, "--store", str(tmp_path / "hub.db"), "--journal", *direct)
        blind = await hub("edge", "--source", "none")
        able = await hub("edge", *direct)
        seen = await stack.enter_async_context(Recording.of(able))
        blind_seen = await stack.enter_async_context(Recording.of(blind))

        # Snapshot, then live, from the first ingest; then the second one is hot beside it.
        await until(lambda: all(seen.rows.values()) and all(blind_seen.rows.values()), "every kind comes over the bus")
        await hub("ingest", "--name", "b", "--market", MARKET, *direct)
        count = len(seen.trade_ids)
        await until(lambda: len(seen.trade_ids) > count + 3, "trades go on with two ingests")
        assert {row["provider"] for rows in seen.rows.values() for row in rows} == {"bus"}

        # One of the two is killed: nothing is missing, nothing comes twice.
        await first.kill()
        count, told = len(seen.trade_ids), len(seen.rows["depth"])
        await until(lambda: len(seen.trade_ids) > count + 3, "trades go on without the killed ingest")
        await until(lambda: len(seen.rows["depth"]) > told + 5, "the book goes on without the killed ingest")
        for recording in (seen, blind_seen):
            recording.assert_whole()

        # Replay by time, from the store's journal; over JetStream from an edge, too.
        ids = list(seen.trade_ids)
        now_ms = int(time.time() * 1000)
        kept = await replayed(store, now_ms - 600_000, now_ms)
        assert kept == sorted(kept)
        assert set(ids[:count]) <= set(kept)
        if broker.scheme == "nats":
            assert set(ids[:count]) <= set(await replayed(blind, now_ms - 600_000, now_ms))

        # The bus is killed: last values are served marked stale, and who can reads the exchange itself.
        broker.stop()
        told = len(seen.rows["mark"])
        await until(lambda: seen.marks("extended_ws", told) > 0, "the edge takes over")
        await until(lambda: any(s["state"] in ("stale", "down") for s in blind_seen.statuses), "readers are told")
        assert (await mark_of(blind))["stale"] is True
        assert "stale" not in await mark_of(able)

        # It is back: everybody reads it again, and what was heard is whole to the end.
        await broker.start()
        told, blind_told = len(seen.rows["mark"]), len(blind_seen.rows["mark"])
        await until(lambda: seen.marks("bus", told) > 0, "the edge returns to the bus")
        await until(lambda: blind_seen.marks("bus", blind_told) > 0, "the blind edge hears again")
        assert "stale" not in await mark_of(blind)
        for recording in (seen, blind_seen):
            recording.assert_whole()
