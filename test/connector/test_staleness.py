"""Silence: a busy market is suspicious soon, a quiet one is not, and nobody may miss the minute's snapshot."""

import pytest

from hummingbot_extended.connector.staleness import SNAPSHOT_DEADLINE_S, Staleness


def after_messages(count: int, every_s: float) -> tuple[Staleness, float]:
    staleness = Staleness(0.0)
    for number in range(count):
        staleness.message(number * every_s)
    return staleness, (count - 1) * every_s


def test_a_busy_market_is_suspicious_after_five_seconds() -> None:
    staleness, now = after_messages(50, 0.1)
    assert staleness.reason(now + 5.0) is None
    assert staleness.reason(now + 5.1) == "no data for 5 s"


def test_a_quiet_market_may_pause_four_times_as_long_as_it_lately_did() -> None:
    staleness, now = after_messages(40, 3.0)
    staleness.snapshot(now)
    assert staleness.limit_s == pytest.approx(12.0)
    assert staleness.reason(now + 11) is None
    assert staleness.reason(now + 13) == "no data for 13 s"


def test_a_young_connection_has_until_the_snapshot_is_due() -> None:
    staleness, now = after_messages(3, 0.1)
    assert staleness.reason(now + 60) is None
    assert staleness.reason(now + 80) == "no data for 80 s"


def test_a_stream_without_the_snapshot_of_the_minute_is_stale_however_busy() -> None:
    staleness, now = after_messages(int(SNAPSHOT_DEADLINE_S * 10) + 20, 0.1)
    assert staleness.reason(now) == "no snapshot for 77 s"
    staleness.snapshot(now)
    assert staleness.reason(now) is None


def test_a_silence_that_was_only_quiet_is_learned() -> None:
    staleness, now = after_messages(50, 0.1)
    staleness.learn_pause(5.5)
    assert staleness.reason(now + 20) is None
    assert staleness.reason(now + 23) == "no data for 23 s"


def test_a_pause_of_long_ago_is_forgotten() -> None:
    staleness, now = after_messages(50, 0.1)
    staleness.learn_pause(10.0)
    for _ in range(11):
        staleness.snapshot(now)
    assert staleness.limit_s == 5.0


def test_a_new_connection_starts_silent_but_keeps_what_was_learned() -> None:
    staleness, now = after_messages(50, 0.1)
    staleness.reset(now + 100)
    assert staleness.reason(now + 104) is None
    assert staleness.reason(now + 106) == "no data for 6 s"
