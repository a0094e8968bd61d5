"""Funding payments: each once, whatever the history shows again, late, or at the same time."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hummingbot_extended.connector import funding_payments
from hummingbot_extended.connector.funding_payments import OVERLAP_MS, FundingPayments
from hummingbot_extended.errors import NotFound
from hummingbot_extended.exchange.reading import Records
from test.connector import models

HOUR_MS = 3_600_000


class History:
    """`/user/funding/history`, newest first."""

    def __init__(self):
        self.payments = []
        self.asked_since = []

    async def funding_payments(self, *, start_time_ms, cursor=None, limit=None):
        self.asked_since.append(start_time_ms)
        if self.payments is None:
            raise NotFound(404, None, "")
        since = [each for each in self.payments if each.paid_time_ms >= start_time_ms]
        newest_first = sorted(since, key=lambda each: -each.id)
        page = [each for each in newest_first if cursor is None or each.id < cursor][:limit]
        return Records(page, cursor=page[-1].id if page else None)


class World:
    """A history and a clock."""

    def __init__(self, now_ms=100 * HOUR_MS):
        self.history, self.now_ms = History(), now_ms
        self.payments = FundingPayments(self.history, lambda: self.now_ms)

    def pay(self, payment_id, paid_ms=None):
        self.history.payments.append(models.payment(payment_id, self.now_ms if paid_ms is None else paid_ms))

    def new(self):
        return [each.id for each in asyncio.run(self.payments.fetch_new())]


def test_new_bot_reports_nothing_that_was_paid_before_it():
    world = World()
    world.pay(1, world.now_ms - 1)
    assert world.new() == []
    world.now_ms += 1000
    world.pay(2)
    assert world.new() == [2]
    assert world.new() == []
    assert "until" in repr(world.payments)


def test_account_that_was_never_paid_gets_its_first_payment_reported():
    world = World()
    world.history.payments = None
    assert world.new() == []
    world.history.payments = []
    world.now_ms += 1000
    world.pay(1)
    assert world.new() == [1]


def test_history_that_is_suddenly_not_there_is_no_empty_one():
    world = World()
    world.payments.restore(world.now_ms - HOUR_MS)
    world.history.payments = None
    with pytest.raises(NotFound):
        world.new()
    world.history.payments = []
    world.pay(1, world.now_ms - HOUR_MS // 2)
    assert world.new() == [1]


def test_payment_that_appears_late_is_reported_after_a_restart_in_between():
    world = World()
    world.new()
    world.pay(1, world.now_ms - 2)
    assert world.new() == [1]
    before = world.payments
    world.payments = FundingPayments(world.history, lambda: world.now_ms)
    world.payments.restore(before.reported_until_ms, before.reported_ids)
    assert world.payments.reported_ids == [1]
    world.pay(2, world.now_ms - 1)  # paid before the last look, and not in the history then
    assert world.new() == [2]
    assert world.new() == []


def test_payment_that_appears_late_is_reported():
    world = World()
    world.new()
    world.now_ms += OVERLAP_MS - 1
    world.pay(1, world.now_ms - OVERLAP_MS + 2)
    assert world.new() == [1]


def test_restored_bot_reports_what_was_paid_while_it_was_away_and_no_more_than_a_day():
    world = World()
    world.payments.restore(world.now_ms - 2 * HOUR_MS)
    assert world.payments.reported_until_ms == world.now_ms - 2 * HOUR_MS
    world.pay(1, world.now_ms - 2 * HOUR_MS)
    world.pay(2, world.now_ms - HOUR_MS)
    assert world.new() == [2]
    assert world.payments.reported_until_ms == world.now_ms
    away = World()
    away.payments.restore(1)
    away.new()
    assert away.history.asked_since == [away.now_ms - 24 * HOUR_MS - OVERLAP_MS]


@given(st.lists(st.integers(0, 3), max_size=30))
def test_each_payment_is_reported_once_and_in_order(batches):
    world, paid, reported = World(), 0, []
    world.new()
    for count in batches:
        world.now_ms += 60_000
        for _ in range(count):
            paid += 1
            world.pay(paid)
        reported += world.new()
    assert reported == list(range(1, paid + 1))


def test_payments_of_one_moment_get_timestamps_of_their_own():
    payments = FundingPayments(History(), lambda: 0)
    moments = [payments.timestamp_ms(models.payment(number, 5_000)) for number in (1, 2, 3)]
    assert moments == [5_000, 5_001, 5_002]
    assert payments.timestamp_ms(models.payment(2, 5_000)) == 5_001


def test_what_is_kept_is_bounded(monkeypatch):
    monkeypatch.setattr(funding_payments, "KEPT_IDS", 3)
    world = World()
    world.new()
    for number in range(1, 10):
        world.now_ms += HOUR_MS
        world.pay(number)
        assert world.new() == [number]
    assert len(world.payments._reported) == 3
