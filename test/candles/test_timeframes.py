"""Timeframes: the three spellings, and where a bar begins."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hummingbot_extended.candles.timeframes import TIMEFRAMES, timeframe
from hummingbot_extended.errors import SettingsError


@pytest.mark.parametrize(
    ("name", "code"),
    [("M1", "PT1M"), ("1m", "PT1M"), ("pt1m", "PT1M"), ("1h", "PT1H"), ("1D", "P1D"), ("PT24H", "P1D"), ("h4", "PT4H")],
)
def test_timeframe_of_any_spelling(name: str, code: str) -> None:
    assert timeframe(name).code == code


@pytest.mark.parametrize("name", ["1M", "3m", "1w", "", "PT12H"])
def test_timeframe_that_is_not_offered_lists_those_that_are(name: str) -> None:
    with pytest.raises(SettingsError, match="choose one of 1m, 5m, 15m, 30m, 1h, 2h, 4h, 1d"):
        timeframe(name)


@given(st.sampled_from(TIMEFRAMES), st.integers(min_value=0, max_value=4_102_444_800_000))
def test_open_time_is_the_last_multiple(frame, time_ms: int) -> None:
    opened = frame.open_time_ms(time_ms)
    assert opened <= time_ms < opened + frame.length_ms
    assert opened % frame.length_ms == 0
