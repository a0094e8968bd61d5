"""What the client needs of a transport."""

from collections.abc import Mapping
from typing import Any, Protocol

from hummingbot_extended.gateway.errors import HummingbotClientException
from hummingbot_extended.gateway.protocol import Reply, ServerEvent, Welcome


class TransportListener(Protocol):
    """Who hears what a transport receives. Called in the event loop; must not block."""

    def on_event(self, event: ServerEvent) -> None:
        """Receive what the server tells."""
        ...

    def on_lost(self, error: HummingbotClientException) -> None:
        """Learn, once per `open`, that the connection went away without `close`."""
        ...


class GatewayTransport(Protocol):
    """A way to a Hummingbot. One connection at a time; after a loss `open` may be called again."""

    @property
    def name(self) -> str:
        """Where it leads, for logs; holds no secret."""
        ...

    async def open(self, listener: TransportListener, *, timeout_s: float, resume_from: str | None) -> Welcome:
        """Connect and authenticate; events after `resume_from`, a position in the server's journal, come again.

        Raises:
            AuthenticationError: The server refused the key.
            ConnectionLostError: No connection within `timeout_s`.
        """
        ...

    async def request(self, method: str, params: Mapping[str, Any], *, timeout_s: float) -> Reply:
        """Return the successful reply to a request. Cancelling forgets the request; it may still be carried out.

        Raises:
            HummingbotClientException: The class that the server's error code stands for.
            RequestTimeoutError: No reply within `timeout_s`.
            ConnectionLostError: The connection is not there (`sent` is False) or went away before the reply.
        """
        ...

    async def close(self) -> None:
        """Close the connection; requests in flight fail at once. Safe to repeat."""
        ...
