"""The timeframes that Extended offers, under the names of everybody who asks for one.

A bar begins at a multiple of its length since the Unix epoch: up to a day that is what the exchange does, and no
daylight saving exists in UTC (API reference §2.5). Weeks and months have no such rule and are not offered.
"""

from dataclasses import dataclass

from hummingbot_extended.errors import SettingsError


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeframe:
    """The length of a bar: `name` in the hub ("M1"), `interval` in Hummingbot ("1m"), `code` on the wire ("PT1M")."""

    name: str
    interval: str
    code: str
    seconds: int

    @property
    def length_ms(self) -> int:
        """The length of a bar in milliseconds."""
        return self.seconds * 1000

    def open_time_ms(self, time_ms: int) -> int:
        """When the bar opened that `time_ms` (epoch milliseconds) falls into."""
        return time_ms - time_ms % self.length_ms

    def __str__(self) -> str:
        return self.name


TIMEFRAMES: tuple[Timeframe, ...] = tuple(
    Timeframe(name=name, interval=interval, code=code, seconds=seconds)
    for name, interval, code, seconds in (
        ("M1", "1m", "PT1M", 60),
        ("M5", "5m", "PT5M", 300),
        ("M15", "15m", "PT15M", 900),
        ("M30", "30m", "PT30M", 1_800),
        ("H1", "1h", "PT1H", 3_600),
        ("H2", "2h", "PT2H", 7_200),
        ("H4", "4h", "PT4H", 14_400),
        ("D1", "1d", "P1D", 86_400),
    )
)

# "PT24H" is the stream documentation's word for a day (API reference §2.5).
_BY_NAME = {alias.upper(): frame for frame in TIMEFRAMES for alias in (frame.name, frame.interval, frame.code)} | {
    "PT24H": TIMEFRAMES[-1]
}


def timeframe(name: str) -> Timeframe:
    """The timeframe called `name` by the hub, Hummingbot or the exchange, in any case but for Hummingbot's `1M`.

    Raises SettingsError, which lists the intervals, where there is none.
    """
    # Hummingbot's "1M" is a month, and only its case tells it from a minute.
    found = None if name == "1M" else _BY_NAME.get(name.upper())
    if found is None:
        offered = ", ".join(frame.interval for frame in TIMEFRAMES)
        raise SettingsError(f"the interval {name!r} is not offered by Extended; choose one of {offered}")
    return found
