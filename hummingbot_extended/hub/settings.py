"""Settings of a hub's core, parsed once and frozen. What its faces need (host, TLS, token) is theirs."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from hummingbot_extended.candles.timeframes import TIMEFRAMES, Timeframe, timeframe
from hummingbot_extended.errors import SettingsError
from hummingbot_extended.exchange.endpoints import LOCAL_NAME

type Role = Literal["all", "ingest", "edge", "store"]

ROLES = ("all", "ingest", "edge", "store")
LINGER_S = 30.0
# How many bars of a timeframe are kept in memory; a day of minutes makes every other timeframe's forming bar.
BUFFER_BARS = {"M1": 1_500, "M5": 600, "M15": 500, "M30": 500, "H1": 500, "H2": 500, "H4": 500, "D1": 500}
SOURCES = ("extended_rpc", "extended_ws", "extended_rest")


@dataclass(frozen=True, slots=True, kw_only=True)
class HubSettings:
    """What a hub's core does. Times in the unit of their names. Raises SettingsError for values that cannot be.

    `markets` have their candles kept from the start, and feeds of other markets open when they are asked for.
    `sources` are tried in this order; extended_sse needs `relay_url`, hub needs `hub_url`. `bus` is memory://,
    mqtt://host:port or nats://host:port. An ingest reads sources and publishes to the bus; an edge reads the bus, and
    its own `sources` when the bus is gone; a store keeps candles and the journal; "all" is the three in one process.
    """

    domain: str = LOCAL_NAME
    markets: tuple[str, ...] = ()
    timeframes: tuple[str, ...] = tuple(frame.name for frame in TIMEFRAMES)
    sources: tuple[str, ...] = SOURCES
    hot_sources: int = 1  # sources of a channel that are read at the same time
    relay_url: str | None = None
    hub_url: str | None = None
    role: Role = "all"
    bus: str = "memory://"
    name: str = ""  # of this process on the bus; "" for one made of host and process id
    linger_s: float = LINGER_S  # an upstream outlives its last reader by so much
    stats_every_s: float = 10.0
    news_every_s: float = 60.0
    verify_after_s: float = 2.0  # a bar is final so long after its end, and is then checked by REST
    store: Path | None = None  # SQLite file of candles and journal; None: nothing is stored
    retention_days: float = 30.0
    max_store_mb: float = 500.0
    journal: bool = False
    max_channels: int = 2_000

    def __post_init__(self) -> None:
        if self.role not in ROLES:
            raise SettingsError(f"the role is {self.role!r}; it may be {', '.join(ROLES)}")
        if not self.timeframes:
            raise SettingsError("a hub needs at least one timeframe")
        for name in self.timeframes:
            timeframe(name)
        if not self.sources and self.role not in ("edge", "store"):
            raise SettingsError("a hub needs at least one source")
        for name in ("hot_sources", "max_channels", "stats_every_s", "max_store_mb", "retention_days"):
            if getattr(self, name) <= 0:
                raise SettingsError(f"{name} must be above 0, not {getattr(self, name)}")
        if self.linger_s < 0:
            raise SettingsError(f"linger_s must not be negative, not {self.linger_s}")

    @property
    def frames(self) -> tuple[Timeframe, ...]:
        """The timeframes, shortest first."""
        return tuple(sorted({timeframe(name) for name in self.timeframes}, key=lambda frame: frame.seconds))

    def frame(self, name: str) -> Timeframe:
        """Return a timeframe by any of its names. Raises SettingsError for one that this hub does not serve."""
        frame = timeframe(name)
        if frame not in self.frames:
            names = ", ".join(each.name for each in self.frames)
            raise SettingsError(f"this hub does not serve {frame}; it serves {names}")
        return frame
