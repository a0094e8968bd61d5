"""What one client, and all clients together, may cost the hub. Sans-I/O."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class FaceLimits:
    """Bounds of the faces. Times in the unit of their names."""

    max_clients: int = 5_000  # beyond: refused with 1013 (WebSocket) or 503
    max_message_bytes: int = 64 * 1024  # of what a client says; beyond: 1009
    messages_per_s: float = 20.0  # of what a client says, on average …
    message_burst: int = 200  # … and at once; beyond: 1008
    max_subscriptions: int = 1_000  # of a connection (W8)
    max_alerts: int = 50  # of a connection
    heartbeat_s: float = 30.0  # between heartbeat messages (W33)
    ping_s: float = 15.0  # between protocol pings; a client that does not answer is gone
    write_deadline_s: float = 10.0  # a reader that takes nothing for so long is closed with 1008
    max_waiting_events: int = 1_000  # trades and news that wait for one subscription; beyond, the oldest are dropped
    max_waiting_bytes: int = 4 * 2**20  # replies and relayed frames that wait for one reader; beyond: 1008
    resume_events: int = 20_000  # events kept for SSE clients that come back


class TokenBucket:
    """Allows `rate` things a second on average and `burst` at once."""

    __slots__ = ("_burst", "_rate", "_since_s", "_tokens")

    def __init__(self, rate: float, burst: int, now_s: float) -> None:
        self._rate = rate
        self._burst = burst
        self._tokens = float(burst)
        self._since_s = now_s

    def take(self, now_s: float) -> bool:
        """Take one; False when there is none left."""
        self._tokens = min(self._burst, self._tokens + (now_s - self._since_s) * self._rate)
        self._since_s = now_s
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True
