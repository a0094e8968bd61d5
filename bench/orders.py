"""Orders: throttler, way to the server, refresh and signing beside Hummingbot's and the SDK's (goals G11–G14).

    python -m bench.orders [--quick]

The server is another process on loopback (plain HTTP). A ratio is the median of the rounds' ratios.
"""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from unittest.mock import patch

import aiohttp
import hummingbot
import msgspec
from hummingbot.core.api_throttler.async_throttler import AsyncThrottler
from hummingbot.core.data_type.common import OrderType, PositionAction
from hummingbot.core.web_assistant.connections.connections_factory import ConnectionsFactory
from hummingbot.core.web_assistant.web_assistants_factory import WebAssistantsFactory

from bench import market_frames
from bench.inherited_connector import TAKER_FEE, InheritedDerivative, SdkSigner
from bench.measure import Figures, Goal, Rounds, Verdict, command, limit, tell
from bench.order_server import VAULT
from hummingbot_extended.connector import translate
from hummingbot_extended.connector.extended_perpetual_constants import rate_limits
from hummingbot_extended.connector.extended_perpetual_derivative import ExtendedPerpetualDerivative
from hummingbot_extended.connector.rest import RestConnections
from hummingbot_extended.connector.throttler import ExtendedThrottler
from hummingbot_extended.exchange.endpoints import LOCAL_NAME, LOCAL_URL_ENV, PLACE_ORDER
from hummingbot_extended.exchange.enums import Side
from hummingbot_extended.exchange.models import Market
from hummingbot_extended.exchange.orders import NewOrder, OrderSigner, signed_body
from hummingbot_extended.exchange.reading import read
from hummingbot_extended.exchange.signing import StarknetDomain, StarkSigner, find_backend

INHERITED, OURS, SDK = "inherited", "ours", "SDK"
OURS_ON_STOCK = "ours on Hummingbot's throttler"
PAIR = market_frames.PAIR
API_KEY, PRIVATE_KEY = "bench", "0x7a7ff6fd3cab02ccdcd4a572563f5976f8976899b03a39773795a3c486d4986"
PUBLIC_KEY = hex(StarkSigner(PRIVATE_KEY).public_key)
QTY, PRICE = Decimal("0.01"), Decimal("84000")

CPU_REQUEST, CPU_BODY, CPU_ORDER = "CPU µs/request", "CPU µs/order body", "CPU µs/order"
TO_SERVER = "p50 µs from buy() to server"
TURN_CPU, TURN, FINISH = "longest turn of the loop, CPU ms", "longest turn, ms", "last order at server after ms"


# --- the throttler ----------------------------------------------------------------------------------------------------


class StockThrottler(AsyncThrottler):
    """Hummingbot's throttler, where ours is told of replies."""

    def back_off(self, retry_after_s: float | None = None) -> None:
        """Pass over it."""

    def succeeded(self) -> None:
        """Pass over it."""


type Throttler = AsyncThrottler | ExtendedThrottler


async def acquire(throttler: Throttler, count: int) -> None:
    """Let `count` orders pass."""
    for _ in range(count):
        async with throttler.execute_task(PLACE_ORDER.limit_id):
            pass


async def fill(throttler: Throttler, count: int) -> None:
    """Leave what `count` orders of this moment leave; Hummingbot's log is extended by hand, which takes no seconds."""
    if isinstance(throttler, AsyncThrottler):
        await acquire(throttler, 1)
        throttler._task_logs += throttler._task_logs[-2:] * (count - 1)
    else:
        await acquire(throttler, count)


async def throttler_cpu_s(throttler: Throttler, already: int, count: int) -> float:
    """CPU seconds of `count` requests after `already` others in the window; each leaves two entries."""
    await fill(throttler, already)
    began = time.process_time()
    await acquire(throttler, count)
    return time.process_time() - began


def measure_throttler(rounds: int, already: int) -> Rounds:
    """G11."""
    found = Rounds(f"Throttler, {2 * already} entries in the window", INHERITED)
    limits = rate_limits(4_000)
    for _ in range(rounds):
        for variant, make, count in ((INHERITED, AsyncThrottler, 20), (OURS, ExtendedThrottler, 500)):
            cpu_s = asyncio.run(throttler_cpu_s(make(limits), already, count))
            found.add(variant, {CPU_REQUEST: cpu_s / count * 1e6})
    return found


# --- signing ----------------------------------------------------------------------------------------------------------


def our_order(nonce: int, expiry_ms: int) -> NewOrder:
    """The order that both sign."""
    return NewOrder(
        market=PAIR,
        side=Side.BUY,
        qty=QTY,
        price=PRICE,
        fee_rate=TAKER_FEE,
        expiry_ms=expiry_ms,
        nonce=nonce,
        external_id="bench-1",
    )


def measure_signing(rounds: int, count: int) -> tuple[Rounds, int]:
    """G14, and how many of 20 orders had not the same signature and amounts from all."""
    found = Rounds(f"Signed order body as JSON, {count} orders", SDK)
    frame = market_frames.market(0)
    market, sdk = read(frame, Market), SdkSigner(frame, PRIVATE_KEY, PUBLIC_KEY, VAULT)
    expiry_ms = 1_797_811_200_000
    expire_time = datetime.fromtimestamp(expiry_ms / 1e3, UTC)

    def our_signer(backend: Any) -> OrderSigner:
        return OrderSigner(StarkSigner(PRIVATE_KEY, backend), VAULT, StarknetDomain(chain_id="SN_SEPOLIA"))

    def ours(signer: OrderSigner) -> Callable[[int], bytes]:
        return lambda nonce: msgspec.json.encode(signed_body(our_order(nonce, expiry_ms), market, signer))

    def theirs(nonce: int) -> bytes:
        body = sdk.body(True, QTY, PRICE, "bench-1", expire_time=expire_time, nonce=nonce)
        return json.dumps(body).encode()

    python = ours(our_signer(find_backend("python")))
    ways = {SDK: theirs, OURS: ours(our_signer(find_backend("rust"))), "ours in pure Python": python}
    differing = sum(len({settlement(way(nonce)) for way in ways.values()}) > 1 for nonce in range(1, 21))
    for _ in range(rounds):
        for variant, way in ways.items():
            times = count if way is not python else max(1, count // 10)
            began = time.process_time()
            for nonce in range(1, 1 + times):
                way(nonce)
            found.add(variant, {CPU_BODY: (time.process_time() - began) / times * 1e6})
    return found, differing


def settlement(body: bytes) -> str:
    """The signature and the amounts in a body."""
    fields = json.loads(body)
    return json.dumps([fields["settlement"], fields["debuggingAmounts"]], sort_keys=True)


# --- from buy() to the server -----------------------------------------------------------------------------------------


class OursOnStockThrottler(ExtendedPerpetualDerivative):
    """Our connector with Hummingbot's throttler."""

    def _create_web_assistants_factory(self) -> WebAssistantsFactory:
        self._throttler = StockThrottler(self.rate_limits_rules)
        factory = WebAssistantsFactory(
            throttler=self._throttler, auth=self._auth, connections_factory=RestConnections()
        )
        self._rest = self._rest_of(self._domain, factory)
        return factory


async def inherited() -> InheritedDerivative:
    """Hummingbot's pipeline, ready to place orders."""
    frame = market_frames.market(0)
    connector = InheritedDerivative(PAIR, API_KEY, PRIVATE_KEY, SdkSigner(frame, PRIVATE_KEY, PUBLIC_KEY, VAULT))
    connector._trading_rules[PAIR] = translate.trading_rule(read(frame, Market))
    return connector


async def ours(kind: type[ExtendedPerpetualDerivative] = ExtendedPerpetualDerivative) -> ExtendedPerpetualDerivative:
    """Our connector, ready to place orders."""
    connector = kind(API_KEY, PRIVATE_KEY, trading_pairs=[PAIR], domain=LOCAL_NAME, bot_id="bench")
    await connector._prove_account()
    await connector._update_trading_rules()
    await connector._update_trading_fees()
    return connector


async def ours_on_stock() -> ExtendedPerpetualDerivative:
    """Likewise, on Hummingbot's throttler."""
    return await ours(OursOnStockThrottler)


WAYS = {INHERITED: inherited, OURS_ON_STOCK: ours_on_stock, OURS: ours}


class Trader:
    """Buys by a connector and knows when the server had each order."""

    def __init__(self, connector: Any, session: aiohttp.ClientSession, port: int) -> None:
        self.connector = connector
        self._session = session
        self._url = f"http://127.0.0.1:{port}/arrivals"

    def buy(self) -> str:
        """Call the connector as a strategy does."""
        order_id: str = self.connector.buy(PAIR, QTY, OrderType.LIMIT, PRICE, position_action=PositionAction.OPEN)
        return order_id

    async def received(self, *order_ids: str) -> None:
        """Wait until the connector knows that its orders were received."""
        for order_id in order_ids:
            while (order := self.connector.in_flight_orders.get(order_id)) is None:  # noqa: ASYNC110  # soon
                await asyncio.sleep(0)
            await order.get_exchange_order_id()

    async def arrivals(self) -> dict[str, int]:
        """When the orders since the last call came, in ns."""
        async with self._session.get(self._url) as reply:
            found: dict[str, int] = await reply.json()
            return found

    async def warm_up(self, count: int) -> None:
        """Open the connections that `count` orders at once need."""
        await self.received(*[self.buy() for _ in range(count)])
        await self.arrivals()


@asynccontextmanager
async def trader(variant: str, port: int) -> AsyncIterator[Trader]:
    """A connector of a variant, at work."""
    try:
        async with aiohttp.ClientSession() as session:
            yield Trader(await WAYS[variant](), session, port)
    finally:
        await ConnectionsFactory().close()


async def one_by_one(variant: str, port: int, already: int, count: int) -> Figures:
    """Place orders one after another with `already` others in the window."""
    async with trader(variant, port) as bot:
        await bot.warm_up(1)
        await fill(bot.connector._throttler, already)
        called: dict[str, int] = {}
        began = time.process_time()
        for _ in range(count):
            now = time.perf_counter_ns()
            order_id = bot.buy()
            called[order_id] = now
            await bot.received(order_id)
        cpu_s = time.process_time() - began
        arrivals = await bot.arrivals()
    late_us = sorted((arrivals[order_id] - now) / 1e3 for order_id, now in called.items())
    return {TO_SERVER: late_us[count // 2], CPU_ORDER: cpu_s / count * 1e6}


def measure_way(rounds: int, port: int, already: int, count: int) -> Rounds:
    """G12."""
    found = Rounds(f"buy() to server, {already} orders in the last 60 s", INHERITED)
    for _ in range(rounds):
        for variant in WAYS:
            found.add(variant, asyncio.run(one_by_one(variant, port, already, count)))
    return found


# --- a refresh of many orders -----------------------------------------------------------------------------------------


class Turns:
    """Watches every turn of the loop: a task that is always ready measures what ran between two of its own steps."""

    def __init__(self) -> None:
        self.longest_cpu_s = self.longest_s = 0.0

    async def watch(self) -> None:
        """Watch until cancelled."""
        wall, cpu = time.perf_counter(), time.thread_time()
        while True:
            await asyncio.sleep(0)
            now, used = time.perf_counter(), time.thread_time()
            self.longest_s, self.longest_cpu_s = max(self.longest_s, now - wall), max(self.longest_cpu_s, used - cpu)
            wall, cpu = now, used


async def at_once(variant: str, port: int, count: int) -> Figures:
    """Place `count` orders in one step, as a strategy's tick does."""
    async with trader(variant, port) as bot:
        await bot.warm_up(count)
        turns = Turns()
        watching = asyncio.create_task(turns.watch())
        await asyncio.sleep(0.01)
        turns.longest_s = turns.longest_cpu_s = 0.0
        began = time.perf_counter_ns()
        await bot.received(*[bot.buy() for _ in range(count)])
        watching.cancel()
        arrivals = await bot.arrivals()
    finish_ms = (max(arrivals.values()) - began) / 1e6
    return {TURN_CPU: turns.longest_cpu_s * 1e3, TURN: turns.longest_s * 1e3, FINISH: finish_ms}


def measure_refresh(rounds: int, port: int, count: int) -> Rounds:
    """G13."""
    found = Rounds(f"A refresh of {count} orders at once", INHERITED)
    for _ in range(rounds):
        for variant in (INHERITED, OURS):
            found.add(variant, asyncio.run(at_once(variant, port, count)))
    return found


# --- all --------------------------------------------------------------------------------------------------------------

THROTTLER_GOALS = [Goal(id="G11", measure=CPU_REQUEST, variant=OURS, baseline=INHERITED, at_least=100)]
WAY_GOALS = [Goal(id="G12", measure=TO_SERVER, variant=OURS, baseline=INHERITED, at_least=4.0)]
REFRESH_GOALS = [Goal(id="G13", measure=TURN_CPU, variant=OURS, baseline=INHERITED, at_least=6.0)]
SIGNING_GOALS = [Goal(id="G14", measure=CPU_BODY, variant=OURS, baseline=SDK, at_least=1.0)]
MOST_FINISH = 1.1


@contextmanager
def order_server() -> Iterator[int]:
    """The server's port while it runs; connectors of the local domain go there and keep their journals aside."""
    serving = [sys.executable, "-m", "bench.order_server", PUBLIC_KEY]
    with (
        tempfile.TemporaryDirectory() as folder,
        subprocess.Popen(serving, stdout=subprocess.PIPE, text=True) as server,
    ):
        hummingbot.set_data_path(folder)
        try:
            assert server.stdout is not None
            port = int(server.stdout.readline())
            with patch.dict(os.environ, {LOCAL_URL_ENV: f"http://127.0.0.1:{port}/api/v1"}):
                yield port
        finally:
            server.terminate()


def run(quick: bool) -> list[Verdict]:
    """Measure G11 to G14."""
    rounds, scale = (3, 4) if quick else (9, 1)
    verdicts = tell(measure_throttler(rounds, 500), THROTTLER_GOALS)
    signing, differing = measure_signing(3 * rounds, 120 // scale)  # short rounds: the figures are close
    identical = limit("G14", "signatures that differ from the SDK's,", differing, 0, "")
    verdicts += tell(signing, SIGNING_GOALS, [identical])
    with order_server() as port:
        verdicts += tell(measure_way(rounds, port, 500, 40 // scale), WAY_GOALS)
        refresh = measure_refresh(rounds, port, 20)
    finish = limit(
        "G13", "ours beside inherited, time to finish", 1 / refresh.ratio(INHERITED, OURS, FINISH), MOST_FINISH
    )
    return verdicts + tell(refresh, REFRESH_GOALS, [finish])


if __name__ == "__main__":
    sys.exit(command(run, __doc__))
