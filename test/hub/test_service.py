"""The hub over real sockets: one upstream for everybody, sources that fail, a relay, a journal, alerts."""

import asyncio
import contextlib
import itertools
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hummingbot_extended.candles.loader import in_process_loaders
from hummingbot_extended.candles.timeframes import timeframe
from hummingbot_extended.errors import SettingsError, StreamClosed
from hummingbot_extended.exchange.channels import decode_exact_book, decode_trades
from hummingbot_extended.exchange.endpoints import LOCAL_NAME
from hummingbot_extended.exchange.orderbook import OrderBook
from hummingbot_extended.hub.answers import CandleAnswers, CandlesQuery
from hummingbot_extended.hub.events import BarRow, DepthRow, PriceRow, Row, StatusRow
from hummingbot_extended.hub.interface import CandlesAnswer, NoSuchStream, NotRunning, UnknownMarket, WarmingUp
from hummingbot_extended.hub.kinds import Channel, Feed, Kind
from hummingbot_extended.hub.service import Hub
from hummingbot_extended.hub.settings import BUFFER_BARS, HubSettings
from hummingbot_extended.venue.faults import FaultKind, FaultSpec
from test.hub.core_kit import MARKET, FastTime, hub_on, serving, upstreams
from test.until import until

WS = ("extended_ws",)


async def first(rows: list[Row], kind: Kind) -> Row:
    return await until(lambda: next((row for row in rows if row.kind is kind), None))


async def candles_of(hub: Hub, market: str, frame: str, **options: Any) -> CandlesAnswer:
    """Ask until they are here: loading them takes a loaded machine a while."""
    for _ in range(6):
        with contextlib.suppress(WarmingUp):
            return await hub.candles(market, frame, **options)
    return await hub.candles(market, frame, **options)


class TestSharing:
    @pytest.mark.states("W-B1")
    async def test_b1_30_readers_are_one_upstream(self) -> None:
        """W-B1: the original asked once a second for each of them."""
        async with serving() as venue, hub_on(venue, sources=WS) as hub:
            rows: list[list[Row]] = [[] for _ in range(30)]
            held = [hub.listen([Kind.QUOTE], [MARKET], sink.append) for sink in rows]
            await until(lambda: all(rows))
            assert upstreams(venue) == 1
            assert len({id(sink[0]) for sink in rows}) == 1  # the same row, encoded once
            for listening in held:
                await listening.close()

    async def test_upstream_lingers_and_then_closes(self) -> None:
        async with serving() as venue, hub_on(venue, sources=WS, linger_s=1.5) as hub:
            rows: list[Row] = []
            listening = hub.listen([Kind.MARK], [MARKET], rows.append)
            await first(rows, Kind.MARK)
            await listening.close()
            await listening.close()
            await asyncio.sleep(0.7)
            assert upstreams(venue) == 1
            again = hub.listen([Kind.MARK], [MARKET], rows.append)
            await asyncio.sleep(2.0)
            assert upstreams(venue) == 1
            await again.close()
            await until(lambda: upstreams(venue) == 0)
            assert hub.latest(Kind.MARK, MARKET) is None
            assert not hub.topics._sinks

    async def test_one_reader_leaving_leaves_the_other(self) -> None:
        async with serving() as venue, hub_on(venue, sources=WS, linger_s=0) as hub:
            mine: list[Row] = []
            other = hub.listen([Kind.QUOTE], [MARKET], lambda _row: None)
            hub.listen([Kind.QUOTE], [MARKET], mine.append)
            await first(mine, Kind.QUOTE)
            await other.close()
            seen = len(mine)
            await until(lambda: len(mine) > seen + 5)

    @pytest.mark.states("A-B8", "A-B15")
    async def test_every_kind_comes_exact_and_symbols_are_normalised(self) -> None:
        async with serving() as venue, hub_on(venue) as hub:
            rows: list[Row] = []
            kinds = [kind for kind in Kind if kind not in (Kind.ALERT, Kind.NEWS, Kind.STATUS)]
            hub.listen(kinds, ["btc/usd", "BTC-USD", "btcusd"], rows.append, snapshot=True)
            for kind in kinds:
                row = await first(rows, kind)
                numbers, strings = msgspec.json.decode(row.numbers), msgspec.json.decode(row.strings)
                assert numbers["symbol"] == MARKET
                assert numbers.keys() == strings.keys()
                assert row.numbers is row.numbers
            price = next(row for row in rows if isinstance(row, PriceRow))
            assert isinstance(price.price, Decimal)
            assert f'"price":"{price.price}"'.encode() in price.strings

    async def test_unknown_symbols_kinds_and_timeframes_are_refused_and_leave_nothing(self) -> None:
        async with serving() as venue, hub_on(venue, timeframes=("M1", "M5")) as hub:
            with pytest.raises(UnknownMarket):
                hub.listen([Kind.QUOTE], [MARKET, "NOPE-USD"], lambda _row: None)
            with pytest.raises(SettingsError):
                hub.listen([Kind.QUOTE, Kind.TRADES], ["*"], lambda _row: None)
            with pytest.raises(SettingsError):
                await candles_of(hub, MARKET, "H1")
            with pytest.raises(SettingsError):
                hub.subscribe([Kind.QUOTE], [MARKET], policy="block")
            assert len(hub._readers) == 0
            assert not hub.topics._sinks

    async def test_limit_of_channels_holds(self) -> None:
        async with serving() as venue, hub_on(venue, sources=WS, max_channels=1) as hub:
            hub.listen([Kind.QUOTE], [MARKET], lambda _row: None)
            with pytest.raises(SettingsError, match="limit of 1"):
                hub.listen([Kind.MARK], [MARKET], lambda _row: None)

    async def test_rings_drop_the_oldest_and_count(self) -> None:
        async with serving() as venue, hub_on(venue, sources=WS) as hub:
            async with hub.subscribe([Kind.QUOTE, Kind.DEPTH], [MARKET], limit=3) as ring:
                newest = hub.subscribe([Kind.QUOTE], [MARKET], policy="conflate")
                await until(lambda: ring.dropped > 2)
                assert len(ring.take()) <= 3
                assert len(newest.take()) <= 1
                await newest.close()
            assert not ring.is_active

    @pytest.mark.states("A-B12")
    async def test_subscription_is_iterated_and_ends_with_the_hub(self) -> None:
        async with serving() as venue:
            async with hub_on(venue, sources=WS) as hub:
                subscription = hub.subscribe([Kind.QUOTE], [MARKET])

                async def count() -> int:
                    return len([row async for row in subscription])

                task = asyncio.create_task(count())
                await asyncio.sleep(0.5)
            assert await asyncio.wait_for(task, 2) > 0


class TestSources:
    @pytest.mark.states("W45")
    async def test_w45_when_the_socket_is_lost_another_source_is_read_and_readers_are_told(self) -> None:
        async with serving() as venue, hub_on(venue, sources=("extended_rpc", "extended_ws")) as hub:
            rows: list[Row] = []
            status: list[Row] = []
            hub.listen([Kind.DEPTH], [MARKET], rows.append)
            hub.listen([Kind.STATUS], ["*"], status.append)
            await first(rows, Kind.DEPTH)
            assert rows[0].provider == "extended_rpc"
            venue.core.plan.add(FaultSpec(kind=FaultKind.CUT, path="*/v2/rpc*"), venue.core.now_ms())
            await until(lambda: rows[-1].provider == "extended_ws")
            switched = next(row for row in rows if row.provider == "extended_ws")
            assert isinstance(switched, DepthRow)
            assert switched.is_snapshot
            assert any(isinstance(row, StatusRow) and row.state == "down" for row in status)
            assert hub.status().counters["switches"] >= 1
            assert hub.status().channels[0].active == "extended_ws"
            _assert_whole(rows)

    @pytest.mark.states("W38", "W-B5")
    async def test_w38_when_everything_is_down_readers_are_told_and_values_are_stale(self) -> None:
        async with serving() as venue, hub_on(venue, sources=WS) as hub:
            rows: list[Row] = []
            hub.listen([Kind.QUOTE, Kind.STATUS], [MARKET], rows.append)
            await first(rows, Kind.QUOTE)
            assert not hub.latest(Kind.QUOTE, MARKET).is_stale  # type: ignore[union-attr]
            venue.core.plan.add(FaultSpec(kind=FaultKind.CUT), venue.core.now_ms())
            await until(lambda: any(isinstance(row, StatusRow) and row.state == "down" for row in rows))
            assert rows[-1].kind is Kind.QUOTE  # those who read already are told, too
            assert rows[-1].is_stale
            stale = hub.latest(Kind.QUOTE, MARKET)
            assert stale is not None
            assert stale.is_stale
            assert b'"stale":true' in stale.numbers
            venue.core.plan.remove()
            await until(lambda: rows[-1].kind is Kind.QUOTE and not rows[-1].is_stale)
            assert not hub.latest(Kind.QUOTE, MARKET).is_stale  # type: ignore[union-attr]

    @pytest.mark.states("W-B8")
    async def test_w_b8_a_source_that_says_nothing_gets_company(self) -> None:
        """W-B8: a hanging primary blocked the original for ever."""
        async with serving() as venue, hub_on(venue, sources=("extended_ws", "extended_rest")) as hub:
            venue.core.plan.add(FaultSpec(kind=FaultKind.HALF_OPEN, path="*orderbooks*"), venue.core.now_ms())
            rows: list[Row] = []
            hub.listen([Kind.QUOTE], [MARKET], rows.append)
            row = await first(rows, Kind.QUOTE)
            assert row.provider == "extended_rest"

    @pytest.mark.slow
    async def test_the_better_source_takes_over_again_and_the_other_is_closed(self) -> None:
        async with serving() as venue:
            settings: dict[str, Any] = {"sources": ("extended_ws", "extended_rest"), "linger_s": 0.5}
            async with hub_on(venue, **settings) as hub:
                venue.core.plan.add(FaultSpec(kind=FaultKind.SERVER_ERROR, path="*/orderbooks*"), venue.core.now_ms())
                rows: list[Row] = []
                hub.listen([Kind.QUOTE], [MARKET], rows.append)
                assert (await first(rows, Kind.QUOTE)).provider == "extended_rest"
                venue.core.plan.remove()
                await until(lambda: rows[-1].provider == "extended_ws")
                reader = hub._readers.find(Channel(Feed.QUOTE, MARKET))
                assert reader is not None
                await until(lambda: list(reader._open) == ["extended_ws"])

    @pytest.mark.parametrize("fault", [FaultKind.GAP, FaultKind.DUPLICATE, FaultKind.GARBAGE])
    async def test_faults_of_the_wire_never_reach_readers(self, fault: FaultKind) -> None:
        async with serving() as venue, hub_on(venue, sources=WS) as hub:
            rows: list[Row] = []
            hub.listen([Kind.DEPTH, Kind.TRADES], [MARKET], rows.append)
            await first(rows, Kind.DEPTH)
            venue.core.plan.add(FaultSpec(kind=fault, count=2), venue.core.now_ms())
            await until(lambda: sum(isinstance(row, DepthRow) and row.is_snapshot for row in rows) >= 2)
            seen = len(rows)
            await until(lambda: len(rows) > seen + 10)
            _assert_whole(rows)
            ids = [row.trade_id for row in rows if row.kind is Kind.TRADES]  # type: ignore[attr-defined]
            assert len(ids) == len(set(ids))

    @pytest.mark.states("W-B3")
    async def test_b3_a_missing_price_is_never_sent(self) -> None:
        """W-B3: the original sent 0.0 with full confidence."""
        async with serving(makers=False) as venue, hub_on(venue, sources=WS) as hub:
            rows: list[Row] = []
            hub.listen([Kind.QUOTE], [MARKET], rows.append, snapshot=True)
            row = await first(rows, Kind.QUOTE)
            assert (row.bid, row.ask, row.spread) == (None, None, None)  # type: ignore[attr-defined]
            assert b'"bid":null' in row.numbers
            assert not [row for row in rows if row.kind is Kind.PRICE]

    async def test_hot_sources_are_read_at_the_same_time(self) -> None:
        async with serving() as venue:
            async with hub_on(venue, sources=("extended_rpc", "extended_ws"), hot_sources=2) as hub:
                hub.listen([Kind.QUOTE], [MARKET], lambda _row: None)
                reader = hub._readers.find(Channel(Feed.QUOTE, MARKET))
                assert reader is not None
                await until(lambda: [one.state for one in reader.status().sources] == ["live", "live"])
                venue.core.plan.add(FaultSpec(kind=FaultKind.CUT, path="*/v2/rpc*"), venue.core.now_ms())
                await until(lambda: reader.active == "extended_ws")


def _assert_whole(rows: list[Row]) -> None:
    """Every delta follows the row before it, from a snapshot on."""
    depth = [row for row in rows if isinstance(row, DepthRow)]
    assert depth[0].is_snapshot
    for before, after in itertools.pairwise(depth):
        assert after.is_snapshot or after.prev_seq == before.seq


class TestRelay:
    async def test_late_joiner_gets_a_snapshot_and_a_sequence_of_its_own(self) -> None:
        async with serving() as venue, hub_on(venue, sources=WS) as hub:
            early = hub.relay(f"/orderbooks/{MARKET}")
            for _ in range(5):
                await asyncio.wait_for(early.receive(), 5)
            late = hub.relay(f"/orderbooks/{MARKET}")
            book = OrderBook(MARKET)
            for _ in range(20):
                book.apply(decode_exact_book(await asyncio.wait_for(late.receive(), 5)))
                assert book.is_live
            frame = decode_exact_book(await asyncio.wait_for(early.receive(), 5))
            assert frame.seq == 6
            assert upstreams(venue) == 1
            mine = hub.book(MARKET, levels=1)
            assert mine is not None
            while late.receive_nowait():
                pass
            for reader in (early, late):
                await reader.close()

    async def test_every_public_path_is_served(self) -> None:
        async with serving() as venue, hub_on(venue) as hub:
            for path in (
                f"/orderbooks/{MARKET}",
                f"/orderbooks/{MARKET}?depth=1",
                f"/publicTrades/{MARKET}",
                f"/funding/{MARKET}",
                f"/prices/mark/{MARKET}",
                f"/prices/index/{MARKET}",
                f"/candles/{MARKET}/trades?interval=PT1M",
                f"/candles/{MARKET}/trades?interval=PT5M",
                "/orderbooks",
            ):
                relay = hub.relay(path)
                frame = msgspec.json.decode(await asyncio.wait_for(relay.receive(), 8))
                assert frame["seq"] == 1, path
                assert {"data", "ts"} <= frame.keys()
                await relay.close()

    async def test_trades_begin_with_the_recent_ones(self) -> None:
        async with serving() as venue, hub_on(venue, sources=WS) as hub:
            reader = hub.relay(f"/publicTrades/{MARKET}")
            channel = Channel(Feed.TRADES, MARKET)
            await until(lambda: len(hub._readers.find(channel).trades.recent) > 3)  # type: ignore[union-attr]
            late = hub.relay(f"/publicTrades/{MARKET}")
            frames = [decode_trades(late.receive_nowait() or b"") for _ in range(3)]
            assert [frame.seq for frame in frames] == [1, 2, 3]
            await reader.close()
            await late.close()

    @pytest.mark.states("W-B17")
    async def test_w_b17_a_reader_that_does_not_read_is_cut_off_with_1008(self) -> None:
        async with serving() as venue, hub_on(venue, sources=WS) as hub:
            relay = hub.relay(f"/orderbooks/{MARKET}?depth=1")
            relay._limit = 3
            await until(lambda: relay._end is not None)
            with pytest.raises(StreamClosed) as closed:
                await relay.receive()
            assert closed.value.code == 1008
            await relay.close()

    @pytest.mark.parametrize(
        "path", ["/account", "/orderbooks/A/B", "/candles/BTC-USD/trades?interval=PT7M", "/prices/last/BTC-USD", "/"]
    )
    async def test_paths_that_are_no_public_streams_do_not_exist(self, path: str) -> None:
        async with serving() as venue, hub_on(venue) as hub:
            with pytest.raises(NoSuchStream):
                hub.relay(path)

    async def test_relay_ends_with_1001_when_the_hub_stops(self) -> None:
        async with serving() as venue:
            async with hub_on(venue, sources=WS) as hub:
                relay = hub.relay(f"/orderbooks/{MARKET}")
            while relay.receive_nowait():
                pass
            with pytest.raises(StreamClosed) as closed:
                await relay.receive()
            assert closed.value.code == 1001


class TestCandles:
    async def test_candles_are_kept_loaded_on_demand_and_offered_in_this_process(self) -> None:
        async with serving() as venue, hub_on(venue, markets=(MARKET,)) as hub:
            answer = await candles_of(hub, "btc-usd", "5m", limit=9_999)
            assert len(answer.candles) == BUFFER_BARS["M5"]
            assert not answer.candles[0].closed
            assert answer.candles[1].closed
            times = [candle.open_time_ms for candle in answer.candles]
            assert times == sorted(times, reverse=True)
            assert hub.version(MARKET, answer.frame) == answer.version
            other = await candles_of(hub, "ETH-USD", "H1", limit=0)
            assert len(other.candles) == 1
            since = await candles_of(hub, MARKET, "M1", since_ms=int(time.time() * 1000) - 180_000)
            assert len(since.candles) <= 4
            assert hub.available()[MARKET] == ["M1", "M5", "M15", "M30", "H1", "H2", "H4", "D1"]
            loader = in_process_loaders(LOCAL_NAME)[0]
            bars = await loader.load(MARKET, timeframe("M1"), limit=20)
            assert [bar.open_time_ms for bar in bars] == sorted(bar.open_time_ms for bar in bars)
            assert len(bars) == 20
            assert await loader.load(MARKET, timeframe("M1"), limit=5_000) == []
            assert await loader.load("SOL-USD", timeframe("M1"), limit=5) == []
            status = hub.status()
            assert status.candles_buffered > 1_500
            assert status.series[MARKET]["M1"].gaps == 0
            assert "hub in this process" in repr(loader) or loader.name
        assert not in_process_loaders(LOCAL_NAME)

    async def test_all_that_is_kept_can_be_had_and_an_answer_of_before_a_pause_is_not_given_again(self) -> None:
        async with serving() as venue, hub_on(venue, linger_s=0.2) as hub:
            answers = CandleAnswers(hub, lambda: int(time.time() * 1000))

            async def asked(limit: int, **options: Any) -> tuple[str, Any]:
                query = CandlesQuery(limit=limit, **options)
                for _ in range(6):
                    answer = await answers.candles(MARKET, "D1" if limit == 1 else "M1", query)
                    if answer.status == 200:
                        break
                return answer.headers["ETag"], msgspec.json.decode(answer.body)

            assert (await asked(9_999, max_limit=None))[1]["count"] == BUFFER_BARS["M1"]
            assert (await asked(500, closed_only=True))[1]["count"] == 500
            tag, _ = await asked(1)
            await until(lambda: not hub.available(), "the keeper ends when nobody asks")
            assert (await asked(1))[0] != tag

    @pytest.mark.states("A-B6", "A-B7")
    async def test_figures_of_the_status_are_true_at_once_and_without_a_store(self) -> None:
        """The original counted rows of its database, and told nothing in its first five minutes."""
        async with serving() as venue, hub_on(venue, markets=(MARKET,)) as hub:
            await candles_of(hub, MARKET, "M1")
            status = hub.status()
            counts = [series.count for frames in status.series.values() for series in frames.values()]
            assert status.candles_buffered == sum(counts) > 0
            assert status.store_mb == 0
            assert status.memory_mb > 0
            assert status.last_update_ms is not None

    @pytest.mark.states("A-B5")
    async def test_bars_close_with_the_clock_whenever_the_hub_began(self) -> None:
        """The original's refresh ran from its own start: an H4 came up to four hours late."""
        async with serving() as venue:
            begin_ms = (int(time.time()) // 60 * 60 + 37) * 1000  # in the middle of a minute
            fast = FastTime(20.0, begin_ms)
            venue.core.clock = fast  # type: ignore[assignment]
            async with hub_on(venue, clocks=fast.clocks(), sources=WS, markets=(MARKET,)) as hub:
                rows: list[Row] = []
                hub.listen([Kind.OHLCV], [MARKET], rows.append)

                def closed() -> list[BarRow]:
                    return [row for row in rows if isinstance(row, BarRow) and row.candle.closed]

                await until(lambda: len(closed()) >= 2)
                for row in closed():
                    end_ms = row.candle.open_time_ms + row.frame.length_ms
                    assert row.candle.open_time_ms % row.frame.length_ms == 0
                    assert row.received_ms >= end_ms

    @pytest.mark.states("A-B10")
    async def test_a_loop_that_fails_stops_nothing_else(self) -> None:
        """The original's failing clean-up ended everything."""
        async with serving() as venue, hub_on(venue, sources=WS, news_every_s=0.1) as hub:
            rows: list[Row] = []
            hub.listen([Kind.QUOTE], [MARKET], rows.append)
            venue.core.plan.add(FaultSpec(kind=FaultKind.SERVER_ERROR, path="*/info/markets"), venue.core.now_ms())
            await until(lambda: hub.counters["warnings"] >= 2)
            told = len(rows)
            await until(lambda: len(rows) > told)
            assert hub.is_running

    @pytest.mark.states("A-B16")
    async def test_bars_of_a_timeframe_are_published_as_they_form(self) -> None:
        async with serving() as venue, hub_on(venue) as hub:
            rows: list[Row] = []
            listening = hub.listen([Kind.OHLCV], [MARKET], rows.append, timeframe=timeframe("M15"), snapshot=True)
            row = await first(rows, Kind.OHLCV)
            assert isinstance(row, BarRow)
            assert row.frame == timeframe("M15")
            assert b'"is_closed":false' in rows[-1].numbers
            await listening.close()

    async def test_a_market_without_candles_yet_is_warming_up(self) -> None:
        async with serving() as venue, hub_on(venue) as hub:
            with pytest.raises(WarmingUp):
                hub.candles_now(MARKET, "M1")

    async def test_stored_candles_are_served_before_the_exchange_answers(self, tmp_path: Path) -> None:
        async with serving() as venue:
            async with hub_on(venue, markets=(MARKET,), store=tmp_path / "hub.db") as hub:
                before = await candles_of(hub, MARKET, "M1")
            fault = FaultSpec(kind=FaultKind.SERVER_ERROR, path="*/info/candles*")
            venue.core.plan.add(fault, venue.core.now_ms())
            async with hub_on(venue, markets=(MARKET,), store=tmp_path / "hub.db") as hub:
                again = await candles_of(hub, MARKET, "M1")
                assert hub.status().store_mb >= 0
            known = {candle.open_time_ms: candle.prices for candle in again.candles}
            closed = [candle for candle in before.candles if candle.closed and candle.open_time_ms in known]
            assert len(closed) > 40
            assert all(known[candle.open_time_ms] == candle.prices for candle in closed)


class TestJournal:
    async def test_the_past_is_replayed_as_it_was(self, tmp_path: Path) -> None:
        async with serving() as venue:
            async with hub_on(venue, sources=WS, store=tmp_path / "hub.db", journal=True) as hub:
                live: list[Row] = []
                kinds = [Kind.TRADES, Kind.DEPTH, Kind.QUOTE, Kind.MARK, Kind.PRICE]
                hub.listen(kinds, [MARKET], live.append)
                await until(lambda: len([row for row in live if row.kind is Kind.TRADES]) > 10)
                end_ms = int(time.time() * 1000)
                assert hub._store is not None
                await hub._store.flush()
                past = [row async for row in hub.replay(kinds, [MARKET], from_ms=0, to_ms=end_ms)]
                for kind in (Kind.TRADES, Kind.QUOTE, Kind.MARK):
                    then = [row.as_wire() | {"provider": ""} for row in live if row.kind is kind]
                    now = [row.as_wire() | {"provider": ""} for row in past if row.kind is kind]
                    assert now == then[: len(now)]
                    assert len(now) > 2
                assert [row for row in past if row.kind is Kind.PRICE]
                _assert_whole(past)
                middle_ms = past[len(past) // 2].received_ms
                late = [row async for row in hub.replay([Kind.DEPTH], [MARKET], from_ms=middle_ms, to_ms=end_ms)]
                _assert_whole(late)

    async def test_without_a_journal_there_is_no_replay(self) -> None:
        async with serving() as venue, hub_on(venue) as hub:
            with pytest.raises(SettingsError):
                hub.replay([Kind.TRADES], [MARKET], from_ms=0, to_ms=1)


class TestLife:
    async def test_what_needs_a_running_hub_says_so(self) -> None:
        hub = Hub(HubSettings())
        with pytest.raises(NotRunning):
            hub.listen([Kind.QUOTE], [MARKET], lambda _row: None)
        with pytest.raises(NotRunning):
            await hub.run()
        assert not hub.status().running
        assert hub.available() == {}
        await hub.stop()

    @pytest.mark.states("A-B11")
    async def test_b11_restart_leaves_no_task_behind(self) -> None:
        async with serving() as venue:
            before = asyncio.all_tasks()
            for _ in range(2):
                async with hub_on(venue, markets=(MARKET,)) as hub:
                    hub.listen([Kind.QUOTE, Kind.DEPTH], [MARKET], lambda _row: None)
                    await hub.start()
                    await asyncio.sleep(0.3)
            await until(lambda: not {t for t in asyncio.all_tasks() - before if "hub" in t.get_name()})
            left = {task.get_name() for task in asyncio.all_tasks() - before}
            assert not [name for name in left if MARKET in name or name == "hub"]

    async def test_alert_fires_once_and_is_removed(self) -> None:
        async with serving() as venue, hub_on(venue) as hub:
            fired: list[Row] = []
            alert_id = hub.set_alert({"kind": "spread", "symbol": MARKET, "percent": "0.00001"}, fired.append)
            await until(lambda: fired)
            await asyncio.sleep(0.3)
            assert len(fired) == 1
            assert hub.remove_alert(alert_id)
            assert not hub.remove_alert(alert_id)
            with pytest.raises(SettingsError):
                hub.set_alert({"kind": "python", "symbol": MARKET}, fired.append)
