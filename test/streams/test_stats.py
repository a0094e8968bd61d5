import pytest
from hypothesis import given
from hypothesis import strategies as st

from hummingbot_extended.errors import SequenceGap, StreamClosed
from hummingbot_extended.streams.stats import SKEW_WINDOW_MS, LagMeter, StreamStats


@given(st.floats(-1e6, 1e6), st.lists(st.floats(0, 5000), min_size=1, max_size=20))
def test_lag_is_the_delay_beyond_the_quickest_whatever_the_skew(skew_ms, delays_ms):
    meter = LagMeter()
    for number, delay_ms in enumerate(delays_ms):
        sent = 1_795_000_000_000 + number * 100
        meter.observe(sent, sent + skew_ms + delay_ms)
        least = min(delays_ms[: number + 1])
        assert meter.last_ms == pytest.approx(delay_ms - least, abs=0.01)
    assert meter.max_ms >= meter.last_ms


def test_the_quickest_message_is_forgotten_after_two_windows():
    """A clock that was set right counts from then on, not for ever against the old one."""
    meter = LagMeter()
    meter.observe(0, 0)
    for window in (1, 2):
        meter.observe(window * SKEW_WINDOW_MS, window * SKEW_WINDOW_MS + 5000)
    meter.observe(3 * SKEW_WINDOW_MS, 3 * SKEW_WINDOW_MS + 5000)
    assert meter.last_ms == 0
    assert meter.max_ms == 5000
    assert repr(meter) == "<LagMeter 0 ms>"
    assert repr(LagMeter()) == "<LagMeter nothing seen>"


def test_count_error_tells_gaps_from_others():
    stats = StreamStats()
    stats.count_error(StreamClosed(1006))
    stats.count_error(SequenceGap(2, 4, "book"))
    assert (stats.errors, stats.gaps) == (2, 1)
    assert stats.last_error == "SequenceGap: book: expected seq 2, received 4"
    assert stats.reconnects == 0
    assert stats.as_dict()["gaps"] == 1


def test_lag_is_due_once_for_what_arrived_together():
    stats = StreamStats()
    assert not stats.lag_is_due
    stats.arrived(2, 5, 7.5)
    assert (stats.messages, stats.bytes, stats.last_message_at_s, stats.lag_is_due) == (2, 5, 7.5, True)
    stats.observe_lag(1_000, 1_040)
    assert (stats.lag.last_ms, stats.lag_is_due) == (0, False)
    stats.arrived(1, 2, 8.0)
    assert stats.lag_is_due
