"""Bridge, client, venue and the network between them, killed and restarted at random; then the books are compared.

    python -m test.bridge.chaos [--seconds 300] [--seed 20260922] [--folder DIR]

Prints what it does and, at the end, one line a check; exit code 1 if any of them fails.
"""

import argparse
import asyncio
import json
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp
import yaml

from hummingbot_extended.demo.hbot import Hbot
from hummingbot_extended.demo.workspace import Workspace
from hummingbot_extended.gateway import EventEngine, HummingbotClient
from hummingbot_extended.gateway.errors import OrderNotFoundError
from test.bridge.chaos_client import EXCHANGE, PAIR, lines
from test.bridge.relay import Relay

OPEN = ("NEW", "PARTIALLY_FILLED", "UNTRIGGERED", "TRIGGERED")
SETTLE_S = 60.0


class Run:
    """One run in a folder."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.dice = random.Random(seed)
        self.began_s = time.monotonic()
        self.processes: dict[str, asyncio.subprocess.Process] = {}
        self.facts: dict[str, Any] = {}
        self.venue_port = 0
        self.clients = 0
        self.done: Counter[str] = Counter()

    def say(self, text: str) -> None:
        print(f"{time.monotonic() - self.began_s:7.1f} s  {text}", flush=True)

    # Processes

    async def start_venue(self) -> None:
        options = ["--port", str(self.venue_port), "--state", str(self.folder / "venue.sqlite"), "--seed", "3"]
        options += ["--funding-interval", "24h", "--rate-limit", "0", "--balance", "100000"]
        process = await self._start("venue", ["-m", "hummingbot_extended", "venue", "--json", *options], os.environ)
        self.facts = json.loads(await process.stdout.readline())
        self.venue_port = int(self.facts["rest_url"].split(":")[2].split("/")[0])

    async def start_bridge(self) -> None:
        root = self.hbot.workspace.root
        command = ["-m", "hummingbot_extended", "bridge", "--json", "--hummingbot-dir", str(root)]
        process = await self._start("bridge", command, self.hbot._environment)
        await process.stdout.readline()

    async def start_client(self) -> None:
        self.clients += 1
        command = ["-m", "test.bridge.chaos_client", str(self.client_relay.port), str(self.folder), str(self.clients)]
        await self._start("client", command, {**os.environ, "CHAOS_KEY": self.key})

    async def _start(self, name: str, command: list[str], environment: Any) -> asyncio.subprocess.Process:
        log = (self.folder / f"{name}.log").open("a")
        stdout = log if name == "client" else asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            sys.executable, *command, stdout=stdout, stderr=log, env=dict(environment)
        )
        log.close()
        self.processes[name] = process
        return process

    async def end(self, name: str, number: signal.Signals) -> None:
        process = self.processes.pop(name)
        process.send_signal(number)
        await process.wait()

    async def prepare(self) -> None:
        await self.start_venue()
        self.say("venue runs")
        workspace = Workspace(self.folder / "hummingbot")
        workspace.create()
        self.venue_relay = await Relay(self.venue_port).__aenter__()
        self.hbot = Hbot(workspace, EXTENDED_PERPETUAL_LOCAL_URL=f"http://127.0.0.1:{self.venue_relay.port}")
        self.hbot.run_ours("install", "--hummingbot-dir", str(workspace.root))
        names = ("api_key", "stark_private_key")
        keys = {f"{EXCHANGE}_{name}": self.facts[name] for name in names}
        await asyncio.to_thread(self.hbot.run, "connect", EXCHANGE, "--keys-stdin", stdin=json.dumps(keys))
        self.bridge_port = free_port()
        init = ("bridge", "init", "--hummingbot-dir", str(workspace.root), "--market", f"{EXCHANGE}:{PAIR}")
        self.hbot.run_ours(*init, "--port", str(self.bridge_port))
        self.key = yaml.safe_load((workspace.root / "conf/extended_bridge_keys.yml").read_text())["keys"][0]["key"]
        await self.start_bridge()
        self.say("bridge runs")
        self.client_relay = await Relay(self.bridge_port).__aenter__()
        async with self.client() as client:
            (self.folder / "position").write_text(client.position)
        await self.start_client()
        self.say("client trades")

    def client(self) -> HummingbotClient:
        engine = EventEngine()
        return HummingbotClient(
            engine, "127.0.0.1", self.bridge_port, self.key, retry_attempts=100, max_requests_per_second=None
        )

    # Disturbances

    async def disturb(self) -> None:
        """Do one bad thing and repair it."""
        bad = {
            "client connection cut": self._client_cut,
            "client network shut": lambda: self.client_relay.shut(self.dice.uniform(0.5, 3)),
            "client network stalled": lambda: self.client_relay.stall(self.dice.uniform(0.5, 8)),
            "venue connections cut": self._venue_cut,
            "venue network shut": lambda: self.venue_relay.shut(self.dice.uniform(0.5, 4)),
            "venue network stalled": lambda: self.venue_relay.stall(self.dice.uniform(0.5, 6)),
            "client killed": lambda: self._restart("client", signal.SIGKILL, self.start_client),
            "bridge killed": lambda: self._restart("bridge", signal.SIGKILL, self.start_bridge),
            "bridge terminated": lambda: self._restart("bridge", signal.SIGTERM, self.start_bridge),
            "venue restarted": lambda: self._restart("venue", signal.SIGTERM, self.start_venue),
        }
        name = self.dice.choice(list(bad))
        self.say(name)
        self.done[name] += 1
        await bad[name]()

    async def _client_cut(self) -> None:
        self.client_relay.cut()

    async def _venue_cut(self) -> None:
        self.venue_relay.cut()

    async def _restart(self, name: str, number: signal.Signals, start: Any) -> None:
        await self.end(name, number)
        await asyncio.sleep(self.dice.uniform(0, 1))
        await start()

    # The comparison

    async def ledger(self) -> dict[str, Any]:
        async with aiohttp.ClientSession() as session:
            url = f"http://127.0.0.1:{self.venue_port}/practice/ledger"
            async with session.get(url) as response:
                accounts = (await response.json())["data"]["accounts"]
        return next(each for each in accounts if str(each["vault"]) == str(self.facts["vault"]))

    async def compare(self) -> list[tuple[str, bool, str]]:
        """Return the checks: name, whether it holds, and what was found."""
        ledger = await self.ledger()
        refs = [line[0] for line in lines(self.folder / "refs")]
        known: dict[str, dict[str, Any]] = {}
        async with self.client() as client:
            for ref in refs:
                try:
                    known[ref] = await client.get_order_status(EXCHANGE, PAIR, client_ref=ref)
                except OrderNotFoundError:
                    continue
            open_at_bridge = {order["order_id"] for order in await client.get_open_orders(EXCHANGE, PAIR)}
            positions = await client.get_positions(EXCHANGE, PAIR)
        orders = {order["externalId"]: order for order in ledger["orders"]}
        fills = lines(self.folder / "fills")
        trades = [str(trade["id"]) for trade in ledger["trades"]]
        told = Counter(fill[0] for fill in fills)
        by_id = {order["order_id"]: order for order in known.values()}
        differing = [
            (order_id, order["status"], by_id[order_id]["status"], order["filledQty"], by_id[order_id]["filled"])
            for order_id, order in orders.items()
            if order_id in by_id and not same(order, by_id[order_id])
        ]
        net = sum((Decimal(fill[3]) * (1 if fill[2] == "buy" else -1) for fill in fills), Decimal(0))
        position = sum((Decimal(each["amount"]) for each in positions), Decimal(0))
        open_at_venue = {order_id for order_id, order in orders.items() if order["status"] in OPEN}
        unknown = sorted(orders.keys() - by_id.keys())
        is_single = len(ledger["orders"]) == len(orders) <= len(refs)
        return [
            ("no order was doubled", is_single, f"{len(orders)} orders, {len(refs)} asked for"),
            ("no order is unknown to the bridge", not unknown, str(unknown[:5])),
            ("open orders agree", open_at_bridge == open_at_venue, f"{len(open_at_bridge)} and {len(open_at_venue)}"),
            ("states and filled amounts agree", not differing, str(differing[:5])),
            ("every fill was delivered", set(told) == set(trades), f"{len(told)} of {len(trades)}"),
            ("no fill was delivered twice", not told or max(told.values()) == 1, str(told.most_common(3))),
            ("positions agree", net == position, f"fills say {net}, bridge says {position}"),
        ]

    async def run(self, seconds: float) -> bool:
        """Trade under disturbances, let everything settle, compare; return whether all checks hold."""
        await self.prepare()
        end_s = time.monotonic() + seconds
        while time.monotonic() < end_s:
            await asyncio.sleep(self.dice.uniform(0.5, 4))
            await self.disturb()
        self.say("calm; the client ends")
        await asyncio.sleep(2)
        deadline_s = time.monotonic() + SETTLE_S
        await self._let_client_hear()
        while True:
            checks = await self.compare()
            if all(holds for _, holds, _ in checks) or time.monotonic() > deadline_s:
                break
            await self._let_client_hear()
        for name, holds, found in checks:
            self.say(f"{'ok  ' if holds else 'FAIL'} {name}: {found}")
        self.say(f"disturbances: {sum(self.done.values())} {dict(self.done)}")
        return all(holds for _, holds, _ in checks)

    async def _let_client_hear(self) -> None:
        """Have a last client, which does not trade, take what is still to be told."""
        if "client" in self.processes:
            await self.end("client", signal.SIGKILL)
        from test.bridge.chaos_client import FillKeeper

        fills = lines(self.folder / "fills")
        engine = EventEngine()
        engine.register_listener(FillKeeper(self.folder / "fills"))
        engine.start()
        resume = fills[-1][4] if fills else (self.folder / "position").read_text()
        client = HummingbotClient(
            engine, "127.0.0.1", self.bridge_port, self.key, retry_attempts=100, resume_from=resume
        )
        async with client:
            await asyncio.sleep(2)
        engine.stop()

    async def stop(self) -> None:
        for name in list(self.processes):
            await self.end(name, signal.SIGKILL)
        for relay in ("client_relay", "venue_relay"):
            if hasattr(self, relay):
                await getattr(self, relay).__aexit__()


def same(at_venue: dict[str, Any], at_bridge: dict[str, Any]) -> bool:
    """Whether the bridge says of an order what the venue says."""
    if Decimal(at_venue["filledQty"]) != Decimal(at_bridge["filled"]):
        return False
    if at_venue["status"] in OPEN:
        return at_bridge["status"] in ("open", "partially_filled")
    words = {
        "FILLED": ["filled"],
        "CANCELLED": ["cancelled", "failed"],
        "REJECTED": ["failed"],
        "EXPIRED": ["cancelled"],
    }
    return at_bridge["status"] in words[at_venue["status"]]


def free_port() -> int:
    """Return a port nobody uses now."""
    import socket

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


async def main(seconds: float, seed: int, folder: Path) -> bool:
    """Run once and leave nothing running."""
    run = Run(folder, seed)
    try:
        return await run.run(seconds)
    finally:
        await run.stop()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=300.0)
    parser.add_argument("--seed", type=int, default=20260922)
    parser.add_argument("--folder", type=Path, default=None)
    given = parser.parse_args()
    place = given.folder or Path(tempfile.mkdtemp(prefix="chaos-"))
    print(f"in {place}", flush=True)
    sys.exit(0 if asyncio.run(main(given.seconds, given.seed, place)) else 1)
