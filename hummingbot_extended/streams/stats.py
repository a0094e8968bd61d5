"""What is counted of a stream. Sans-I/O."""

from dataclasses import dataclass, field

from hummingbot_extended.errors import ExtendedError, SequenceGap

# The quickest message of so many minutes stands for "no lag"; older ones are forgotten, because clocks drift.
SKEW_WINDOW_MS = 600_000


class LagMeter:
    """How late messages are, by the exchange's time, whatever the two clocks say.

    The difference between arrival and the exchange's stamp is skew plus delay; the least difference of the last ten to
    twenty minutes is taken as skew plus the quickest way. The lag is what a message took longer than that.
    """

    __slots__ = ("_least_before_ms", "_least_ms", "_window_from_ms", "last_ms", "max_ms")

    def __init__(self) -> None:
        self.last_ms: float | None = None
        self.max_ms: float | None = None
        self._least_ms: float | None = None
        self._least_before_ms: float | None = None
        self._window_from_ms: float | None = None

    def __repr__(self) -> str:
        return "<LagMeter nothing seen>" if self.last_ms is None else f"<LagMeter {self.last_ms:.0f} ms>"

    def observe(self, exchange_ms: float, arrived_ms: float) -> None:
        """Take a message stamped `exchange_ms` that arrived at `arrived_ms` of the local clock."""
        difference_ms = arrived_ms - exchange_ms
        if self._window_from_ms is None or arrived_ms - self._window_from_ms >= SKEW_WINDOW_MS:
            self._window_from_ms = arrived_ms
            self._least_before_ms, self._least_ms = self._least_ms, difference_ms
        elif self._least_ms is None or difference_ms < self._least_ms:
            self._least_ms = difference_ms
        # Spelled out, because every message passes here.
        least_ms, before_ms = self._least_ms, self._least_before_ms
        if before_ms is not None and before_ms < least_ms:
            least_ms = before_ms
        lag_ms = difference_ms - least_ms
        self.last_ms = lag_ms if lag_ms > 0.0 else 0.0
        if self.max_ms is None or self.last_ms > self.max_ms:
            self.max_ms = self.last_ms


@dataclass(slots=True)
class StreamStats:
    """Counters of one stream over all its connections. Times are of the stream's clock, in seconds."""

    messages: int = 0
    bytes: int = 0
    connects: int = 0
    gaps: int = 0
    errors: int = 0
    stalls: int = 0  # times the stream became STALE
    connected_at_s: float | None = None
    last_message_at_s: float | None = None
    last_error: str | None = None
    lag: LagMeter = field(default_factory=LagMeter)
    # Something arrived since the last `observe_lag`. Of what arrived together one message is enough: to observe each
    # would cost a quarter of what a message costs.
    lag_is_due: bool = False

    @property
    def reconnects(self) -> int:
        """Connections made after the first."""
        return max(0, self.connects - 1)

    def arrived(self, messages: int, size: int, at_s: float) -> None:
        """Count messages that arrived together, `size` bytes."""
        self.messages += messages
        self.bytes += size
        self.last_message_at_s = at_s
        self.lag_is_due = True

    def observe_lag(self, exchange_ms: float, arrived_ms: float) -> None:
        """See LagMeter.observe."""
        self.lag_is_due = False
        self.lag.observe(exchange_ms, arrived_ms)

    def count_error(self, error: ExtendedError) -> None:
        """Count an error that ended a connection or an attempt to make one."""
        self.errors += 1
        self.gaps += isinstance(error, SequenceGap)
        self.last_error = f"{type(error).__name__}: {error}"

    def as_dict(self) -> dict[str, int | float | str | None]:
        """Return the counters by name, for logs, status pages and metrics."""
        return {
            "messages": self.messages,
            "bytes": self.bytes,
            "connects": self.connects,
            "reconnects": self.reconnects,
            "gaps": self.gaps,
            "errors": self.errors,
            "stalls": self.stalls,
            "last_message_at_s": self.last_message_at_s,
            "last_error": self.last_error,
            "lag_ms": self.lag.last_ms,
            "max_lag_ms": self.lag.max_ms,
        }
