"""What every source is to a hub. All speak the exchange's frames (`exchange.channels`), whatever they read."""

from typing import Any, Protocol

from hummingbot_extended.errors import ExtendedError
from hummingbot_extended.hub.kinds import Channel


class Sink(Protocol):
    """Who takes what a source reads of a channel; called on the loop, in order."""

    def connected(self) -> None:
        """A connection was made: what comes now begins anew (a book with a snapshot)."""
        ...

    def take(self, frame: Any, completeness: float = 1.0) -> None:
        """Take a frame, or a MarketStats for the stats feed. Raises ProtocolError: the connection is worth nothing."""
        ...

    def lost(self, error: ExtendedError) -> None:
        """The connection was lost, or an attempt to make one has failed."""
        ...


class Upstream(Protocol):
    """An open channel of a source, kept alive until it is closed."""

    def request_reconnect(self, reason: str) -> None:
        """Begin anew: what it carries cannot be trusted."""
        ...

    async def close(self) -> None:
        """End it; the sink hears nothing any more. Safe to repeat."""
        ...


class Source(Protocol):
    """A way to read channels."""

    @property
    def name(self) -> str:
        """Its name in settings, rows and metrics."""
        ...

    def offers(self, channel: Channel) -> bool:
        """Whether it can read `channel`."""
        ...

    def open(self, channel: Channel, sink: Sink) -> Upstream:
        """Begin to read `channel`, and go on until the upstream is closed. Never raises for the network's sake."""
        ...

    async def close(self) -> None:
        """Free what the source itself holds, after its upstreams. Safe to repeat."""
        ...
