"""Which transport a stream uses: `auto`, `websocket` or `sse`, and what is remembered of each host."""

from collections.abc import Callable, Sequence
from time import monotonic
from typing import Literal
from urllib.parse import urlsplit

from hummingbot_extended.errors import SettingsError
from hummingbot_extended.streams.transport import StreamTransport

type TransportSetting = Literal["auto", "websocket", "sse"]

RETRY_BETTER_AFTER_S = 600.0


class TransportChoice:
    """The transports a stream may use, best first; shared by all streams of an application. Sans-I/O.

    What worked for a host is tried first at its next connect. A better one is due again `retry_better_after_s` after
    it last failed there (or after the choice was made).
    """

    def __init__(
        self,
        transports: Sequence[StreamTransport],
        *,
        retry_better_after_s: float = RETRY_BETTER_AFTER_S,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        if not transports:
            raise SettingsError("a stream needs at least one transport")
        self._transports = tuple(transports)
        self._retry_better_after_s = retry_better_after_s
        self._clock = clock
        self._worked: dict[str, StreamTransport] = {}
        self._better_due_s: dict[str, float] = {}

    def __repr__(self) -> str:
        worked = ", ".join(f"{host}: {transport.name}" for host, transport in self._worked.items())
        return f"<TransportChoice {' > '.join(t.name for t in self._transports)}{f'; {worked}' if worked else ''}>"

    @classmethod
    def of(
        cls, setting: TransportSetting, *, websocket: StreamTransport, sse: StreamTransport, may_use_sse: bool = True
    ) -> "TransportChoice":
        """Return the choice for a `transport` setting. `may_use_sse` is False for hosts known to have no SSE.

        Raises:
            SettingsError: The setting is unknown, or asks for SSE where there is none.
        """
        match setting:
            case "auto":
                return cls([websocket, sse] if may_use_sse else [websocket])
            case "websocket":
                return cls([websocket])
            case "sse" if may_use_sse:
                return cls([sse])
            case "sse":
                raise SettingsError("this host streams over WebSocket only; set transport to auto or websocket")
        raise SettingsError(f"transport is {setting!r}; it may be auto, websocket or sse")

    def in_order(self, url: str) -> list[StreamTransport]:
        """Return the transports in the order to try them for `url`: what worked, then the others, best first."""
        worked = self._worked.get(_host(url))
        return sorted(self._transports, key=lambda transport: transport is not worked)

    def succeeded(self, url: str, transport: StreamTransport) -> bool:
        """Remember that `transport` opened `url`. True where another one was remembered before (a switch)."""
        host = _host(url)
        before = self._worked.get(host)
        self._worked[host] = transport
        if before is not transport:
            self._better_due_s[host] = self._clock() + self._retry_better_after_s
        return before is not None and before is not transport

    @property
    def best(self) -> StreamTransport:
        """The transport to prefer."""
        return self._transports[0]

    def better_due_in_s(self, url: str) -> float:
        """Return the seconds until a stream of `url` that lives on another transport should try `best`."""
        if self._worked.get(_host(url)) is self.best:
            return 0.0  # another stream of this host found that it works again
        return max(0.0, self._better_due_s.get(_host(url), 0.0) - self._clock())

    def tries_better(self, url: str) -> None:
        """Take the try that is due: the other streams of the host wait for what comes of it."""
        self._better_due_s[_host(url)] = self._clock() + self._retry_better_after_s


def _host(url: str) -> str:
    return urlsplit(url).netloc
