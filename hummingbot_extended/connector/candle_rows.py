"""Bars as the rows of Hummingbot's candle feeds: ten floats, the first the open time in seconds. Sans-I/O."""

from collections.abc import Iterable
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from hummingbot_extended.candles.bars import Bar
from hummingbot_extended.candles.timeframes import Timeframe

type Row = NDArray[np.float64]

COLUMNS = 10
CLOSE = 4


def row_of(bar: Bar) -> Row:
    """The bar's row. Quote volume, number of trades and taker volumes are not told by the exchange: they are zero."""
    return np.array(
        [bar.open_time_ms / 1000, bar.open, bar.high, bar.low, bar.close, bar.volume, 0, 0, 0, 0], dtype=np.float64
    )


def table_of(bars: Iterable[Bar]) -> NDArray[np.float64]:
    """The bars' rows as one array of shape (n, 10), also when there are none."""
    rows = [row_of(bar) for bar in bars]
    return np.array(rows, dtype=np.float64) if rows else np.empty((0, COLUMNS))


def merged(current: Iterable[Row], loaded: Iterable[Row], frame: Timeframe, *, final_before_s: float) -> list[Row]:
    """`current` with `loaded` put in, oldest first and at equal distances.

    A loaded row replaces a current one only where the bar had closed when the loading began (`final_before_s`, the time
    of the first bar that had not): until then the stream knows better.
    """
    rows = {int(row[0]): row for row in current}
    for row in loaded:
        time_s = int(row[0])
        if time_s < final_before_s or time_s not in rows:
            rows[time_s] = row
    return filled([rows[time_s] for time_s in sorted(rows)], frame)


def filled(rows: list[Row], frame: Timeframe) -> list[Row]:
    """The rows (oldest first), with flat ones for the times between them that have none."""
    complete = rows[:1]
    for before, after in pairwise(rows):
        complete.extend(flat_rows(before, int(after[0]), frame))
        complete.append(after)
    return complete


def flat_rows(before: Row, until_s: int, frame: Timeframe) -> list[Row]:
    """Flat rows at the last close for the times after `before` and before `until_s`."""
    price = before[CLOSE]
    times = range(int(before[0]) + frame.seconds, until_s, frame.seconds)
    return [np.array([time_s, price, price, price, price, 0, 0, 0, 0, 0], dtype=np.float64) for time_s in times]
