"""From frames to rows and relay frames: each once, in order, exact."""

import asyncio
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from hummingbot_extended.exchange.channels import decode_trades
from hummingbot_extended.hub.bus.memory import MemoryBroker, MemoryBus
from hummingbot_extended.hub.bus.topics import data_topic
from hummingbot_extended.hub.events import DepthRow, Level, TradeRow
from hummingbot_extended.hub.fan_out import Batch
from hummingbot_extended.hub.kinds import Channel, Feed
from hummingbot_extended.hub.relay import RelayReader
from hummingbot_extended.hub.sources.bus import BusSource
from hummingbot_extended.hub.translate import Trades, percent_of
from test.hub.core_kit import MARKET
from test.hub.hand_fed import T0_MS, price
from test.until import until


def trades_frame(*ids: int) -> bytes:
    data = [{"m": MARKET, "S": "BUY", "tT": "TRADE", "T": n, "p": "1.50", "q": "2", "i": n} for n in ids]
    return msgspec.json.encode({"data": data, "ts": 9, "seq": 1})


def test_trades_are_told_once_in_order_and_the_first_frame_is_the_past() -> None:
    trades = Trades(MARKET)
    assert trades.rows(decode_trades(trades_frame(2, 1)), "a", 0) == []
    assert [row.trade_id for row in trades.recent] == [1, 2]
    news = trades.rows(decode_trades(trades_frame(4, 2, 3, 1)), "b", 0)
    assert [row.trade_id for row in news if isinstance(row, TradeRow)] == [3, 4]
    assert trades.rows(decode_trades(trades_frame(4, 3)), "a", 0) == []


def depth(seq: int, *, snapshot: bool = False) -> DepthRow:
    level = Level(Decimal("1.10"), Decimal(seq), Decimal(1))
    return DepthRow(market=MARKET, ts_ms=seq, seq=seq, prev_seq=seq - 1, is_snapshot=snapshot, bids=(level,), asks=())


def test_relay_of_a_book_begins_with_a_snapshot_and_leaves_out_what_is_older() -> None:
    relay = RelayReader()
    relay.give(depth(3))
    assert relay.receive_nowait() is None
    relay.give(depth(5, snapshot=True))
    for seq in (4, 5, 6):
        relay.give(depth(seq))
    frames = [msgspec.json.decode(relay.receive_nowait() or b"") for _ in range(2)]
    assert [(frame["type"], frame["seq"], frame["ts"]) for frame in frames] == [("SNAPSHOT", 1, 5), ("DELTA", 2, 6)]
    assert frames[1]["data"]["b"] == [{"p": "1.10", "q": "1", "c": "6"}]
    assert relay.receive_nowait() is None


@pytest.mark.states("W-B13")
def test_a_row_is_encoded_once_for_all_readers_of_a_turn() -> None:
    """The original encoded it for each client."""
    row = price()
    batch = Batch([row], T0_MS)
    assert batch.tail(exact=False) is batch.tail(exact=False)
    assert batch.tail(exact=True) is batch.tail(exact=True)
    assert row.numbers is row.numbers
    assert row.numbers in batch.tail(exact=False)


def test_percent_of_nothing_is_not_a_number() -> None:
    assert percent_of(Decimal(1), Decimal(0)) is None
    assert percent_of(Decimal(1), Decimal(8)) == Decimal("12.5000")


class Heard:
    def __init__(self) -> None:
        self.what: list[str] = []

    def connected(self) -> None:
        self.what.append("connected")

    def take(self, frame: object, completeness: float = 1.0) -> None:
        self.what.append("frame")

    def lost(self, error: Exception) -> None:
        self.what.append(type(error).__name__)


async def test_gap_in_an_ingests_numbers_is_noticed_and_garbage_is_not_a_gap() -> None:
    channel = Channel(Feed.MARK, MARKET)
    broker = MemoryBroker()
    async with MemoryBus(broker) as ingest, MemoryBus(broker) as edge:
        await until(lambda: ingest.is_up and edge.is_up)
        source, heard = BusSource(edge, "d"), Heard()
        upstream = source.open(channel, heard)

        def send(seq: int, via: str = "a") -> None:
            frame = {"via": via, "type": "MP", "data": {"m": MARKET, "p": "1", "ts": 0}, "ts": 1, "seq": seq}
            ingest.publish(data_topic("d", channel), msgspec.json.encode(frame))

        send(7)
        send(8)
        send(1, via="b")
        ingest.publish(data_topic("d", channel), b"{}")
        send(10)
        send(11)
        await until(lambda: len(heard.what) >= 6)
        assert heard.what[:6] == ["connected", "frame", "frame", "SequenceGap", "connected", "frame"]
        await upstream.close()
        await source.close()
        assert not [task for task in asyncio.all_tasks() if task.get_name().startswith("bus ")]


async def test_trades_of_another_ingest_begin_with_the_recent_ones_so_that_all_come_in_order() -> None:
    """Otherwise a live trade would overtake those that were missed between two ingests."""
    channel = Channel(Feed.TRADES, MARKET)
    broker = MemoryBroker()
    told: list[int] = []
    trades = Trades(MARKET)

    class Sink(Heard):
        def take(self, frame: Any, completeness: float = 1.0) -> None:
            told.extend(row.trade_id for row in trades.rows(frame, "bus", 0) if isinstance(row, TradeRow))

    async with MemoryBus(broker) as ingest, MemoryBus(broker) as edge:
        await until(lambda: ingest.is_up and edge.is_up)
        source = BusSource(edge, "d")
        upstream = source.open(channel, Sink())

        def send(via: str, seq: int, *ids: int, present: bool = False) -> None:
            data = msgspec.json.decode(trades_frame(*ids))["data"]
            frame = {"via": via, "present": present, "data": data, "ts": 9, "seq": seq}
            ingest.publish(data_topic("d", channel), msgspec.json.encode(frame))

        send("a", 1, 1, 2, present=True)  # history
        send("a", 2, 3)
        send("a", 9, 8)  # a gap: `a` is left
        send("b", 5, 9)
        send("b", 6, 3, 4, 8, 9, present=True)
        send("b", 7, 10)
        await until(lambda: told and told[-1] == 10)
        assert told == [3, 4, 8, 9, 10]
        await upstream.close()
        await source.close()
