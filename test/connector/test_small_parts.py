"""Clock, fault log, tasks, turns, fills by REST: the connector's small parts."""

import asyncio
import logging
from email.utils import formatdate

import pytest

from hummingbot_extended.connector.clock import ExchangeClock
from hummingbot_extended.connector.fault_log import FaultLog
from hummingbot_extended.connector.fills import LONG_PAGE, PAGE, FillHistory
from hummingbot_extended.connector.tasks import Tasks
from hummingbot_extended.connector.turns import OneATurn
from hummingbot_extended.exchange.http import RestResponse
from hummingbot_extended.exchange.reading import Records
from test.connector import models


def reply(at_s):
    headers = {} if at_s is None else {"Date": formatdate(at_s, usegmt=True)}
    return RestResponse(status=200, headers=headers, body=b"")


def test_clock_within_a_second_is_right_and_one_that_is_off_is_told_once(caplog):
    caplog.set_level(logging.INFO)
    clock = ExchangeClock(lambda: 1_000.7)
    clock.observe(reply(None))
    clock.observe(reply(1_000))
    assert (clock.ms(), clock.offset_s) == (1_000_700, 0.0)
    for _ in range(3):
        clock.observe(reply(1_060))
    assert clock.ms() == 1_060_500
    assert "+59.8 s" in repr(clock)
    clock.observe(reply(1_000))
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]
    assert "behind" in caplog.messages[0]
    clock.observe(reply(900))
    assert "ahead of" in caplog.messages[-1]


def test_reply_from_a_cache_is_as_old_as_it_says():
    clock = ExchangeClock(lambda: 1_000.7)
    cached = RestResponse(status=200, headers={**reply(960).headers, "age": "40"}, body=b"")
    clock.observe(cached)
    assert clock.offset_s == 0.0


def test_fault_is_told_once_and_its_end_once(caplog):
    caplog.set_level(logging.INFO)
    faults = FaultLog(logging.getLogger("test"))
    for error in ("first", "second"):
        faults.failed("Polling", error)
    assert "Polling" in repr(faults)
    for _ in range(2):
        faults.worked("Polling")
    assert caplog.messages == ["Polling failed: first", "Polling works again."]
    assert "no faults" in repr(faults)


async def test_tasks_are_stopped_and_a_failure_is_logged_with_its_name(caplog):
    tasks, ended = Tasks(), []

    async def forever():
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(True)

    async def fail():
        raise ValueError("broken")

    async def stop_the_others():
        await tasks.stop()
        ended.append("stopper")

    tasks.start(forever(), name="endless")
    await asyncio.gather(tasks.start(fail(), name="breaking"), return_exceptions=True)
    assert (len(tasks), repr(tasks)) == (1, "<Tasks ['endless']>")
    await tasks.start(stop_the_others(), name="stopping")
    await asyncio.sleep(0)
    assert ended == [True, "stopper"]
    assert len(tasks) == 0
    assert caplog.messages == ["breaking failed"]


class Trades:
    """`/user/trades`, newest first."""

    def __init__(self, count):
        self.trades = [models.trade(number, number % 2, createdTime=number * 1000) for number in range(1, count + 1)]
        self.pages = 0

    async def trades_page(self, *markets, cursor=None, limit=None):
        self.pages += 1
        newest_first = self.trades[::-1]
        page = [each for each in newest_first if cursor is None or each.id < cursor][:limit]
        return Records(page, cursor=page[-1].id if page else None)


def history(count):
    source = Trades(count)
    rest = type("Rest", (), {"trades": staticmethod(source.trades_page)})()
    return source, FillHistory(rest)


async def ids(fetching):
    return [trade.id for trade in await fetching]


async def test_first_look_without_orders_only_notes_where_the_history_stands():
    source, fills = history(PAGE * 3)
    assert await ids(fills.fetch_new(None)) == []
    assert source.pages == 1
    source.trades += [models.trade(10_001), models.trade(10_002)]
    assert await ids(fills.fetch_new(None)) == [10_001, 10_002]
    assert await ids(fills.fetch_new(None)) == []
    assert "10002" in repr(fills)


async def test_first_look_goes_back_to_the_oldest_order_over_pages():
    source, fills = history(LONG_PAGE * 3)
    found = await ids(fills.fetch_new(since_ms=LONG_PAGE * 1000 + 60_000))
    assert found == list(range(LONG_PAGE, LONG_PAGE * 3 + 1))
    assert source.pages == 3


async def test_empty_history_is_a_place_to_start_from():
    source, fills = history(0)
    assert await ids(fills.fetch_new(None)) == []
    source.trades.append(models.trade(5))
    assert await ids(fills.fetch_new(None)) == [5]


async def test_fills_of_one_order_are_read_back_to_its_creation():
    source, fills = history(LONG_PAGE * 2)
    found = await ids(fills.fetch_order("BTC-USD", 1, created_ms=LONG_PAGE * 2 * 1000))
    assert found == list(range(LONG_PAGE + 1, LONG_PAGE * 2 + 1, 2))
    assert source.pages == 1
    assert await ids(history(0)[1].fetch_order("BTC-USD", 1, created_ms=0)) == []


@pytest.mark.parametrize("count", [1, PAGE, PAGE + 1])
async def test_no_fill_is_skipped_at_the_edge_of_a_page(count):
    source, fills = history(1)
    await fills.fetch_new(None)
    source.trades += [models.trade(number) for number in range(2, count + 2)]
    assert await ids(fills.fetch_new(None)) == list(range(2, count + 2))


async def test_one_passes_a_turn_in_order_and_a_cancelled_one_leaves_the_queue():
    passing, passed, turns = OneATurn(), [], 0

    async def count_turns():
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async def come(name):
        await passing()
        passed.append((name, turns))

    counting = asyncio.create_task(count_turns())
    coming = [asyncio.create_task(come(name)) for name in "abcd"]
    await asyncio.sleep(0)
    coming[1].cancel()
    await asyncio.wait(coming)
    counting.cancel()
    assert [name for name, _ in passed] == ["a", "c", "d"]
    assert len({turn for _, turn in passed}) == 3
    await asyncio.sleep(0)
    assert repr(passing) == "<OneATurn free>"
