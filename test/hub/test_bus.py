"""Hubs on a bus: snapshot then live, two ingests hot/hot, an edge that takes over when the bus is gone."""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hummingbot_extended.errors import SettingsError
from hummingbot_extended.exchange.endpoints import LOCAL_NAME
from hummingbot_extended.hub.assembly import Parts
from hummingbot_extended.hub.bus.base import make_bus
from hummingbot_extended.hub.bus.memory import MemoryBroker, MemoryBus
from hummingbot_extended.hub.bus.topics import Want, want_topic
from hummingbot_extended.hub.events import DepthRow, Row
from hummingbot_extended.hub.kinds import Feed, Kind
from hummingbot_extended.hub.service import Hub
from hummingbot_extended.hub.settings import HubSettings
from hummingbot_extended.hub.sources.bus import BusSource
from hummingbot_extended.venue.server import PracticeVenue
from test.hub.broker import Broker
from test.hub.core_kit import MARKET, parts_of, serving, upstreams
from test.until import until

KINDS = [Kind.DEPTH, Kind.TRADES, Kind.MARK, Kind.OHLCV]


@pytest.fixture(
    params=[
        "memory",
        pytest.param("mqtt", marks=pytest.mark.services),
        pytest.param("nats", marks=pytest.mark.services),
    ]
)
async def broker(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Broker]:
    broker = Broker(request.param, tmp_path)
    await broker.start()
    yield broker
    broker.stop()


@asynccontextmanager
async def hub(
    venue: PracticeVenue, broker: Broker, role: Any, *, name: str = "", sources: tuple[str, ...] = ("extended_ws",)
) -> AsyncIterator[Hub]:
    settings = HubSettings(role=role, name=name, sources=sources, linger_s=0.5, bus="memory://")
    async with AsyncExitStack() as stack:
        bus = await stack.enter_async_context(broker.bus())
        made = await stack.enter_async_context(parts_of(venue, HubSettings(sources=sources or ("extended_ws",))))
        own = made.sources if sources else ()
        reading = (BusSource(bus, settings.domain), *own) if role == "edge" else own
        await until(lambda: bus.is_up)
        running = Hub(settings, parts=Parts(made.rest, reading, made.history, bus))
        yield await stack.enter_async_context(running)


def whole(rows: list[Row]) -> bool:
    depth = [row for row in rows if isinstance(row, DepthRow)]
    pairs = itertools.pairwise(depth)
    return depth[0].is_snapshot and all(b.is_snapshot or b.prev_seq == a.seq for a, b in pairs)


async def heard(rows: list[Row], provider: str, kinds: list[Kind] = KINDS) -> None:
    def all_came() -> bool:
        return all(any(row.kind is kind and row.provider == provider for row in rows) for kind in kinds)

    await until(all_came)


async def test_edge_gets_snapshot_then_live_and_the_exchange_sees_only_the_ingest(broker: Broker) -> None:
    async with serving() as venue, hub(venue, broker, "ingest"), hub(venue, broker, "edge") as edge:
        rows: list[Row] = []
        edge.listen(KINDS, [MARKET], rows.append)
        await heard(rows, "bus", [Kind.DEPTH, Kind.TRADES, Kind.MARK])
        await until(lambda: upstreams(venue) <= 4)  # of the ingest; an edge that had to wait gives its own up
        count = upstreams(venue)
        late: list[Row] = []
        edge.listen([Kind.DEPTH], [MARKET], late.append)
        await until(lambda: len(late) > 5)
        assert whole(rows)
        assert whole(late)
        assert upstreams(venue) == count
        ids = [row.trade_id for row in rows if row.kind is Kind.TRADES]  # type: ignore[attr-defined]
        assert len(ids) == len(set(ids))


async def test_two_ingests_hot_hot_nothing_twice_and_one_may_die(broker: Broker) -> None:
    async with serving() as venue, AsyncExitStack() as stack:
        dying = await stack.enter_async_context(AsyncExitStack())
        await dying.enter_async_context(hub(venue, broker, "ingest", name="a"))
        await stack.enter_async_context(hub(venue, broker, "ingest", name="b"))
        edge = await stack.enter_async_context(hub(venue, broker, "edge", sources=()))
        rows: list[Row] = []
        edge.listen([Kind.DEPTH, Kind.TRADES], [MARKET], rows.append)
        await heard(rows, "bus", [Kind.DEPTH, Kind.TRADES])
        await dying.aclose()
        at = len(rows)
        deadline = time.monotonic() + 15
        while len([row for row in rows[at:] if row.kind is Kind.TRADES]) < 5:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.05)
        assert whole(rows)
        ids = [row.trade_id for row in rows if row.kind is Kind.TRADES]  # type: ignore[attr-defined]
        assert len(ids) == len(set(ids))


async def test_when_the_bus_is_gone_the_edge_serves_stale_values_or_takes_over_and_returns(broker: Broker) -> None:
    async with serving() as venue, hub(venue, broker, "ingest"), AsyncExitStack() as stack:
        blind = await stack.enter_async_context(hub(venue, broker, "edge", sources=()))
        able = await stack.enter_async_context(hub(venue, broker, "edge", sources=("extended_ws",)))
        blind_rows: list[Row] = []
        rows: list[Row] = []
        blind.listen([Kind.MARK], [MARKET], blind_rows.append)
        able.listen([Kind.MARK], [MARKET], rows.append)
        await heard(rows, "bus", [Kind.MARK])
        await heard(blind_rows, "bus", [Kind.MARK])
        broker.stop()
        await until(lambda: blind.latest(Kind.MARK, MARKET).is_stale)  # type: ignore[union-attr]
        await heard(rows, "extended_ws", [Kind.MARK])
        assert not able.latest(Kind.MARK, MARKET).is_stale  # type: ignore[union-attr]
        assert blind.status().bus_state == "down"
        await broker.start()
        before = len(blind_rows)
        await until(lambda: len(blind_rows) > before)
        assert not blind.latest(Kind.MARK, MARKET).is_stale  # type: ignore[union-attr]


async def test_a_wish_for_a_market_that_is_not_listed_any_more_leaves_the_bus_up(broker: Broker) -> None:
    async with serving() as venue, hub(venue, broker, "ingest") as ingest, hub(venue, broker, "edge") as edge:
        rows: list[Row] = []
        edge.listen([Kind.MARK], [MARKET], rows.append)
        await heard(rows, "bus", [Kind.MARK])
        ingest._markets.learn([market for market in ingest.markets if market.name != MARKET], 0)
        bus = ingest._parts.bus
        assert bus is not None
        wishes: list[bytes] = []
        end = bus.subscribe(want_topic(LOCAL_NAME), wishes.append)  # behind the publisher
        bus.publish(want_topic(LOCAL_NAME), msgspec.json.encode(Want(MARKET, Feed.MARK)))
        await until(lambda: wishes)
        end()
        assert bus.is_up
        count = len(rows)
        await until(lambda: any(row.provider == "bus" for row in rows[count:]))


async def test_queue_out_is_a_ring_and_counts_what_it_drops() -> None:
    bus = MemoryBus(MemoryBroker(), max_waiting=3)
    for number in range(5):
        bus.publish("md.v1.x", b"%d" % number)
    assert bus.dropped == 2
    heard_: list[bytes] = []
    end: Callable[[], None] = bus.subscribe("md.v1.x", heard_.append)
    async with bus:
        await until(lambda: heard_ == [b"2", b"3", b"4"])
        end()
        end()
        bus.publish("md.v1.x", b"5")
        await until(lambda: bus.published == 4)
        assert len(heard_) == 3
    assert "down" in repr(bus)


@pytest.mark.parametrize("url", ["amqp://host", "mqtt://", "mqtt://user:secret@host", "nats://host:port"])
def test_url_of_no_bus_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(SettingsError) as refused:
        make_bus(url)
    assert "secret" not in str(refused.value)
    assert make_bus("memory://") is None


async def test_an_edge_without_a_bus_is_refused() -> None:
    with pytest.raises(SettingsError):
        async with Hub(HubSettings(role="edge")):
            pass


@pytest.mark.services
async def test_nats_replays_the_past_by_time(tmp_path: Path) -> None:
    broker = Broker("nats", tmp_path)
    await broker.start()
    try:
        async with broker.bus() as bus:
            await until(lambda: bus.is_up)
            for number in range(3):
                bus.publish("md.v1.x.BTC-USD.trades", b"%d" % number, message_id=f"id-{number // 2}")
            await until(lambda: bus.published == 3)
            await asyncio.sleep(0.2)
            begin_ms, end_ms = int(time.time() * 1000) - 60_000, int(time.time() * 1000) + 1_000
            past = [item async for item in bus.replay(["md.v1.x.BTC-USD.trades"], begin_ms, end_ms)]
            assert [payload for _, _, payload in past] == [b"0", b"2"]  # id-0 came twice
    finally:
        broker.stop()


@pytest.mark.services
async def test_a_hub_replays_from_nats_what_it_did_not_hear(tmp_path: Path) -> None:
    broker = Broker("nats", tmp_path)
    await broker.start()
    try:
        async with serving() as venue, hub(venue, broker, "ingest"), hub(venue, broker, "edge", sources=()) as edge:
            rows: list[Row] = []
            edge.listen([Kind.DEPTH, Kind.TRADES], [MARKET], rows.append)
            await heard(rows, "bus", [Kind.DEPTH, Kind.TRADES])
            begin_ms, end_ms = int(time.time() * 1000) - 60_000, int(time.time() * 1000)
            kinds = [Kind.DEPTH, Kind.TRADES, Kind.PRICE]
            past = [row async for row in edge.replay(kinds, [MARKET], from_ms=begin_ms, to_ms=end_ms)]
            assert {row.kind for row in past} == set(kinds)
            assert {row.provider for row in past} == {"replay"}
            assert whole(past)
    finally:
        broker.stop()
