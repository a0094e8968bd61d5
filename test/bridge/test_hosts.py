"""The bridge in real Hummingbot processes: headless, as a script, and inside somebody's own strategy."""

import asyncio
import json
import socket
import subprocess
import sys
import time
from contextlib import contextmanager

import pytest
import yaml

from hummingbot_extended.demo.hbot import Hbot
from hummingbot_extended.demo.venue_process import VenueProcess
from hummingbot_extended.demo.workspace import Workspace
from hummingbot_extended.gateway import OrderSide, OrderType
from test.bridge.running import EXCHANGE, PAIR, Ears
from test.until import until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]
START_S = 50.0

OWN_STRATEGY = """
from hummingbot.strategy.strategy_v2_base import StrategyV2Base, StrategyV2ConfigBase

from hummingbot_extended.bridge.server import BridgeServer, default_settings


class OwnConfig(StrategyV2ConfigBase):
    script_file_name: str = "own_strategy.py"
    port: int = 0

    def update_markets(self, markets):
        return markets.add_or_update("extended_perpetual_local", "BTC-USD")


class OwnStrategy(StrategyV2Base):
    def __init__(self, connectors, config):
        super().__init__(connectors, config)
        self.bridge = None

    def on_tick(self):
        if self.bridge is None:
            import asyncio

            self.bridge = BridgeServer.for_strategy(self, default_settings(port=self.config.port))
            self.starting = asyncio.ensure_future(self.bridge.start())

    async def on_stop(self):
        await self.bridge.stop()
        await super().on_stop()
"""


class Home:
    """A Hummingbot of its own with the connector installed and its keys stored."""

    def __init__(self, root, venue):
        self.workspace = Workspace(root / "hummingbot")
        self.workspace.create()
        self.hbot = Hbot(self.workspace, EXTENDED_PERPETUAL_LOCAL_URL=venue.origin)
        self.hbot.run_ours("install", "--hummingbot-dir", str(self.workspace.root))
        keys = {
            f"{EXCHANGE}_api_key": venue.facts["api_key"],
            f"{EXCHANGE}_stark_private_key": venue.facts["stark_private_key"],
        }
        self.hbot.run("connect", EXCHANGE, "--keys-stdin", stdin=json.dumps(keys))
        self.hbot.run_ours(
            "bridge", "init", "--hummingbot-dir", str(self.workspace.root), "--market", f"{EXCHANGE}:{PAIR}"
        )

    @property
    def key(self):
        return yaml.safe_load((self.workspace.root / "conf/extended_bridge_keys.yml").read_text())["keys"][0]["key"]

    @contextmanager
    def headless(self, *options):
        command = [
            sys.executable,
            "-m",
            "hummingbot_extended",
            "bridge",
            "--json",
            "--hummingbot-dir",
            self.workspace.root,
        ]
        process = subprocess.Popen(
            [*command, *options],
            cwd=self.workspace.root,
            env=self.hbot._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            yield process
        finally:
            if process.poll() is None:
                process.terminate()
                process.communicate(timeout=30)

    @contextmanager
    def running(self, configuration):
        self.hbot.start(configuration)
        try:
            yield
        finally:
            self.hbot.stop()


@pytest.fixture(scope="module")
def venue(tmp_path_factory):
    with VenueProcess(log=tmp_path_factory.mktemp("venue") / "venue.log") as running:
        yield running


@pytest.fixture(scope="module")
def home(tmp_path_factory, venue):
    return Home(tmp_path_factory.mktemp("home"), venue)


@pytest.fixture
def port():
    """A free port; a bridge keeps its journal by its port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def open_orders(venue):
    accounts = venue.get("/practice/ledger")["accounts"]
    mine = next(account for account in accounts if str(account["vault"]) == str(venue.facts["vault"]))
    return [order for order in mine["orders"] if order["status"] in ("NEW", "PARTIALLY_FILLED", "UNTRIGGERED")]


async def connect(port, key, **options):
    """Return a client, tried until the bridge is there."""
    from hummingbot_extended.gateway import EventEngine, HummingbotClient

    engine, ears = EventEngine(), Ears()
    engine.register_listener(ears)
    engine.start()
    client = HummingbotClient(engine, "127.0.0.1", port, key, retry_attempts=60, **options)
    client.ears = ears
    await client.connect()
    return client


async def trade(client):
    """Place and leave one order; return it."""
    deadline = time.monotonic() + START_S
    while True:
        ticker = await client.get_ticker(EXCHANGE, PAIR)
        try:
            return await client.create_order(
                EXCHANGE, PAIR, OrderSide.BUY, OrderType.LIMIT, "0.001", float(ticker["mark_price"]) * 0.97
            )
        except Exception:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.2)


def test_headless_bridge_that_was_killed_takes_its_orders_up_again_and_cancels_at_its_end(home, venue, port):
    async def first(port):
        client = await connect(port, home.key)
        order = await trade(client)
        stop = await client.create_order(
            EXCHANGE, PAIR, OrderSide.BUY, OrderType.STOP, "0.001", stop_price=float(order["price"]) * 1.2
        )
        await client.disconnect()
        return order["order_id"], stop["order_id"]

    async def second(port, orders):
        client = await connect(port, home.key)
        found = {order["order_id"]: order for order in await client.get_open_orders(EXCHANGE, PAIR)}
        assert set(orders) == set(found)
        assert found[orders[1]]["trigger"] == "armed"
        assert (await client.cancel_order(EXCHANGE, PAIR, orders[1]))["cancelled"] is True
        await client.disconnect()

    with home.headless("--port", str(port)) as process:
        orders = asyncio.run(first(json.loads(process.stdout.readline())["port"]))
        process.kill()
        process.wait(10)
    assert len(open_orders(venue)) == 2
    with home.headless("--port", str(port)) as process:
        asyncio.run(second(json.loads(process.stdout.readline())["port"], orders))
        assert len(open_orders(venue)) == 1
        process.terminate()
        assert (process.communicate(timeout=30)[1], process.returncode) == (
            "",
            0,
        )  # nothing is left open to complain of
    assert open_orders(venue) == []


def test_script_serves_clients_and_they_see_their_orders_cancelled_at_its_stop(home, venue, port):
    path = home.workspace.root / "conf/scripts/conf_extended_bridge.yml"
    path.write_text(yaml.safe_dump({**yaml.safe_load(path.read_text()), "port": port}))

    async def use():
        client = await connect(port, home.key)
        order = await trade(client)
        status = await asyncio.to_thread(home.hbot.status)
        assert f"The bridge listens on 127.0.0.1:{port}/ws" in status["format_status"]
        await asyncio.to_thread(home.hbot.stop)
        await until(lambda: client.ears.orders(order["order_id"])[-1:] == ["cancelled"])
        await client.disconnect()

    home.hbot.start("conf_extended_bridge.yml")
    asyncio.run(use())
    assert open_orders(venue) == []
    assert "Traceback" not in home.hbot.log_text()


def test_strategy_carries_a_bridge(home, venue, port):
    (home.workspace.root / "scripts/own_strategy.py").write_text(OWN_STRATEGY)
    configuration = {"script_file_name": "own_strategy.py", "controllers_config": [], "port": port}
    home.workspace.write_conf("scripts/conf_own.yml", configuration)

    async def use():
        client = await connect(port, home.key)
        assert (await trade(client))["acknowledged"] is True
        await client.disconnect()

    with home.running("conf_own.yml"):
        asyncio.run(use())
    assert open_orders(venue) == []


@pytest.mark.parametrize(
    ("options", "environment", "says"),
    [
        (["--market", "nonsense"], {}, "a market looks like"),
        (["--host", "0.0.0.0"], {}, "can be reached from other machines"),
        (["--market", "extended_perpetual:BTC-USD"], {}, "hbot connect extended_perpetual"),
    ],
)
def test_headless_start_that_cannot_work_says_why(home, options, environment, says):
    command = [sys.executable, "-m", "hummingbot_extended", "bridge", "--port", "0", *options]
    result = subprocess.run(
        [*command, "--hummingbot-dir", str(home.workspace.root)],
        cwd=home.workspace.root,
        env={**home.hbot._environment, **environment},
        capture_output=True,
        text=True,
        timeout=55,
    )
    assert result.returncode == 1
    assert says in result.stderr
    assert "Traceback" not in result.stderr
