"""Settings of the practice venue, parsed once and frozen."""

import re
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from hummingbot_extended.errors import SettingsError
from hummingbot_extended.venue.faults import FaultSpec
from hummingbot_extended.venue.variants import Variants

DEFAULT_PORT = 8099
LOOPBACK_HOSTS = ("127.0.0.1", "localhost", "::1")
HOUR_S = 3600.0
_UNITS_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": HOUR_S, "": 1.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueSettings:
    """Everything that can be chosen about a venue. Times in the unit of their names.

    Raises SettingsError for a host that is not loopback (the venue has no TLS) and for values out of range.
    """

    host: str = "127.0.0.1"
    port: int = DEFAULT_PORT  # 0: a free one
    seed: int = 1  # markets, keys, and what makers and takers do
    book: Path | None = None  # a captured order book that one market starts from
    balance: Decimal = Decimal(10_000)  # of the trader account, in USD
    chain_id: str = "SN_SEPOLIA"  # Starknet domain of the order signatures
    makers: bool = True  # False: books are empty and prices stand still, for tests that place everything themselves
    speed: float = 1.0  # seconds of market life per second of the clock
    funding_interval_s: float = HOUR_S
    acceptance_delay_ms: int = 10  # from HTTP 200 to the matching engine
    visibility_delay_ms: int = 0  # how long GET /user/orders and /user/orders/{id} do not show a new order
    rate_limit: int = 1000  # requests per IP and minute; 0: no limit
    state: Path | None = None  # SQLite file that survives a restart
    faults: tuple[FaultSpec, ...] = ()
    variants: Variants = field(default_factory=Variants)
    # --- streams (API reference §6.1–§6.2)
    book_push_ms: int = 100
    top_push_ms: int = 10
    candle_push_s: float = 1.0
    snapshot_interval_s: float = 60.0
    ping_interval_s: float = 15.0
    pong_timeout_s: float = 10.0
    recent_trades: int = 50  # replayed to each new subscriber of public trades
    max_buffer_bytes: int = 8 * 2**20  # waiting for one reader; beyond, the reader is dropped
    max_buffer_frames: int = 20_000
    compression: bool = False  # permessage-deflate, when the client offers it

    def __post_init__(self) -> None:
        if self.host not in LOOPBACK_HOSTS:
            raise SettingsError(
                f"the practice venue listens on loopback only (it has no TLS): use 127.0.0.1, not {self.host}"
            )
        if not 0 <= self.port <= 65535:
            raise SettingsError(f"a port is a number from 0 to 65535, not {self.port}")
        if self.book is not None and not self.book.is_file():
            raise SettingsError(f"there is no order book file {self.book}")
        for name in ("speed", "funding_interval_s", "book_push_ms", "top_push_ms", "snapshot_interval_s"):
            if getattr(self, name) <= 0:
                raise SettingsError(f"{name} must be above 0, not {getattr(self, name)}")
        for name in ("acceptance_delay_ms", "visibility_delay_ms", "rate_limit", "balance"):
            if getattr(self, name) < 0:
                raise SettingsError(f"{name} must not be negative, not {getattr(self, name)}")


def parse_duration_s(text: str) -> float:
    """Return the seconds of a duration such as "30s", "500ms", "5m", "1h" or "45". Raises SettingsError."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|)", text.strip())
    if match is None:
        raise SettingsError(f"a duration looks like 30s, 500ms, 5m or 1h, not {text!r}")
    return float(match[1]) * _UNITS_S[match[2]]
