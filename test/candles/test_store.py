"""The store: one thread, exact prices, nothing lost to a failed write, limits that hold."""

import asyncio
import resource
import sqlite3
import time
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from hummingbot_extended.candles import store as store_module
from hummingbot_extended.candles.candle import Candle
from hummingbot_extended.candles.store import CandleStore
from hummingbot_extended.candles.timeframes import timeframe
from hummingbot_extended.errors import SettingsError

M1 = timeframe("M1")
NOW_MS = int(time.time() * 1000) // 60_000 * 60_000


def candle(minute: int, close: str = "1.10", *, closed: bool = True) -> Candle:
    price = Decimal(close)
    return Candle(open_time_ms=NOW_MS + minute * 60_000, open=price, high=price, low=price, close=price, closed=closed)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "candles.db"


@pytest.mark.states("A-B15")
async def test_candles_come_back_exact_oldest_first_also_after_a_restart(path: Path) -> None:
    full = replace(candle(1, "84077.123456789012345678"), spread=Decimal("0.5"), revision=2, synthetic=True)
    async with CandleStore(path) as store:
        store.put("BTC-USD", M1, candle(2))
        store.put("BTC-USD", M1, full)
        store.put("ETH-USD", M1, candle(1))
    async with CandleStore(path) as store:
        assert await store.read("BTC-USD", M1, 10) == [full, candle(2)]
        assert await store.read("BTC-USD", M1, 1) == [candle(2)]


async def test_a_closed_candle_never_opens_again_but_may_be_revised(path: Path) -> None:
    async with CandleStore(path) as store:
        for state in (candle(0, closed=False), candle(0, "2"), candle(0, "3", closed=False)):
            store.put("BTC-USD", M1, state)
            await store.flush()
        assert (await store.read("BTC-USD", M1, 5))[0].close == 2
        store.put("BTC-USD", M1, replace(candle(0, "4"), revision=1))
        await store.flush()
        assert (await store.read("BTC-USD", M1, 5))[0].close == 4


@pytest.mark.states("A30")
async def test_a30_another_process_reads_the_view_while_it_is_written(path: Path) -> None:
    async with CandleStore(path) as store:
        store.put("BTC-USD", M1, candle(0, "1.5"))
        await store.flush()
        reader = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        rows = reader.execute("SELECT symbol, timeframe, timestamp, close FROM candles").fetchall()
        reader.close()
    assert rows == [("BTC-USD", "M1", NOW_MS // 1000, 1.5)]


@pytest.mark.states("A-B3")
async def test_b3_the_loop_never_waits_for_the_file(path: Path) -> None:
    """A-B3: 20,000 candles are given and written while the loop keeps turning."""
    gaps, stop = [], asyncio.Event()

    async def measure() -> None:
        last = time.perf_counter()
        while not stop.is_set():
            await asyncio.sleep(0)
            gaps.append(time.perf_counter() - last)
            last = time.perf_counter()

    async with CandleStore(path) as store:
        for minute in range(4_000):
            store.put("BTC-USD", M1, candle(minute))
        task = asyncio.create_task(measure())
        await store.flush()
        stop.set()
        await task
    assert sorted(gaps)[int(len(gaps) * 0.99)] < 0.02


@pytest.mark.states("A-B4")
async def test_b4_a_failed_batch_is_kept_and_written_later(path: Path) -> None:
    async with CandleStore(path) as store:
        blocker = sqlite3.connect(path, isolation_level=None, timeout=0)
        blocker.execute("BEGIN EXCLUSIVE")
        await store._do(lambda: store._db.execute("PRAGMA busy_timeout = 10"))
        store.put("BTC-USD", M1, candle(0))
        store.add_event(NOW_MS, "BTC-USD.trades", b"x")
        await store.flush()
        assert store.errors == 1
        blocker.execute("ROLLBACK")
        blocker.close()
        await store.flush()
        assert await store.read("BTC-USD", M1, 5) == [candle(0)]
        assert len(await store.events(0, NOW_MS + 1, ["BTC-USD.trades"])) == 1


@pytest.mark.states("A-B4")
async def test_b4_what_waits_is_bounded_and_what_is_dropped_is_counted(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "MAX_PENDING", 10)
    async with CandleStore(path) as store:
        for minute in range(15):
            store.put("BTC-USD", M1, candle(minute))
        assert store.dropped == 5
        store.put("BTC-USD", M1, candle(14, "9"))
        assert store.dropped == 5
        await store.flush()
        kept = await store.read("BTC-USD", M1, 20)
        assert kept[0].open_time_ms == NOW_MS + 5 * 60_000


async def test_a_disk_that_is_full_is_named_and_nothing_is_lost_but_the_oldest(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(store_module, "FLUSH_S", 3_600.0)
    monkeypatch.setattr(store_module, "MAX_PENDING", 300)
    async with CandleStore(path) as store:
        store.put("BTC-USD", M1, candle(0))
        await store.flush()
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (path.with_name(path.name + "-wal").stat().st_size, limits[1]))
        try:
            for number in range(300):
                store.add_event(NOW_MS + number, "t", b"x" * 4_000)
            written = asyncio.create_task(store.flush())
            await asyncio.sleep(0)  # the writer has them now
            for number in range(300, 310):
                store.add_event(NOW_MS + number, "t", b"x" * 4_000)
            await written
            assert store.errors == 1
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        await store.flush()
        assert store.dropped == 10
        assert [event.ts_ms - NOW_MS for event in await store.events(0, NOW_MS * 2, ["t"])] == list(range(10, 310))
    assert "does not write" in caplog.text
    assert "rollback" not in caplog.text


async def test_a_file_that_is_damaged_is_no_store_but_no_end_either(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with CandleStore(path) as store:
        for minute in range(2_000):
            store.put("BTC-USD", M1, candle(minute))
        store.add_event(NOW_MS, "t", b"x")
        await store.flush()
        bad = store._db.execute
        await store._do(bad, "UPDATE candle SET high = 'n/a' WHERE open_time_ms = ?", (NOW_MS + 60_000,))
        assert len(await store.read("BTC-USD", M1, 3_000)) == 1_999
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (path.stat().st_size - 4096))
    async with CandleStore(path) as store:
        assert await store.read("BTC-USD", M1, 10) == []
        with pytest.raises(SettingsError, match="cannot be read"):
            await store.events(0, NOW_MS * 2, ["t"])
        assert store.errors == 2
    assert "cannot be read" in caplog.text


@pytest.mark.states("A-B7")
async def test_retention_and_size_are_kept(path: Path) -> None:
    async with CandleStore(path, retention_days=1, max_mb=1.0) as store:
        store.put("BTC-USD", M1, candle(-3 * 1440))
        store.put("BTC-USD", M1, candle(0))
        store.add_event(NOW_MS - 3 * 86_400_000, "t", b"old")
        for number in range(1_000):
            store.add_event(NOW_MS + number, "t", b"x" * 4_000)
        await store.flush()
        assert store.size_mb > 3
        await store.tidy()
        assert store.size_mb <= 1.0
        assert await store.read("BTC-USD", M1, 10) == [candle(0)]
        left = await store.events(0, 2 * NOW_MS, ["t"])
        assert 0 < len(left) < 1_000
        assert left[-1].ts_ms == NOW_MS + 999
        assert path.stat().st_size < 3 * 2**20


async def test_events_are_paged_in_order_and_the_last_of_a_shape_is_found(path: Path) -> None:
    async with CandleStore(path) as store:
        for number in range(10):
            store.add_event(NOW_MS + number, "a" if number % 2 else "b", b"{%d}" % number)
        await store.flush()
        page = await store.events(NOW_MS + 2, NOW_MS + 9, ["a"], limit=2)
        assert [event.payload for event in page] == [b"{3}", b"{5}"]
        rest = await store.events(NOW_MS + 2, NOW_MS + 9, ["a"], after_id=page[-1].id)
        assert [event.payload for event in rest] == [b"{7}"]
        last = await store.last_event("a", "{3", NOW_MS + 9)
        assert last is not None
        assert last.ts_ms == NOW_MS + 3
        assert await store.last_event("a", "{2", NOW_MS + 9) is None


async def test_writer_writes_by_itself(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "FLUSH_S", 0.01)
    async with CandleStore(path) as store:
        store.put("BTC-USD", M1, candle(0))
        deadline = time.monotonic() + 3
        while not await store.read("BTC-USD", M1, 1):
            assert time.monotonic() < deadline
            await asyncio.sleep(0.01)
        assert "candles.db" in repr(store)


async def test_path_that_cannot_be_opened_is_a_settings_error(tmp_path: Path) -> None:
    with pytest.raises(SettingsError):
        async with CandleStore(tmp_path / "absent" / "x.db"):
            pass
