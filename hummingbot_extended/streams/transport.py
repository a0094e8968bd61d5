"""What a stream is to the rest of the package: a request, a connection, a transport that turns one into the other."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

CONNECT_TIMEOUT_S = 10.0
DATA_TIMEOUT_S = 60.0
HEARTBEAT_S = 15.0
MAX_MESSAGE_BYTES = 16 * 2**20

type HeadersProvider = Callable[[], Awaitable[Mapping[str, str]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamRequest:
    """What to open. Nothing secret belongs into `url`; `headers` is asked at every connect and never logged.

    `url` names the path by http(s) or ws(s), as it comes: each transport turns the scheme into its own.
    `data_timeout_s` is for messages, `heartbeat_s` for the transport: a peer that answers pings (or sends comments) but
    no message is silent, one that does not is gone. None turns either off.
    """

    url: str
    headers: HeadersProvider | None = field(default=None, repr=False)
    connect_timeout_s: float = CONNECT_TIMEOUT_S
    data_timeout_s: float | None = DATA_TIMEOUT_S
    heartbeat_s: float | None = HEARTBEAT_S
    max_message_bytes: int = MAX_MESSAGE_BYTES
    last_event_id: str = ""  # where an event stream resumes; what the last connection said


class StreamConnection(Protocol):
    """An open stream. One reader at a time; `close` may come from any task."""

    @property
    def last_event_id(self) -> str:
        """The id of the last event that was received (SSE); "" where there is none."""
        ...

    @property
    def retry_after_s(self) -> float | None:
        """The reconnection time the server asked for, or None."""
        ...

    async def receive(self) -> Sequence[bytes | str]:
        """Wait for a message; return its JSON text with those of all that are here behind it, in order.

        Cancelling loses no message.

        Raises:
            StreamClosed: The peer (its code) or the network (code 1006) ended the stream.
            RequestTimedOut: No message came for `data_timeout_s`; the connection itself still stands.
            ProtocolError: What came is no message (MalformedMessage, MessageTooLarge).
        """
        ...

    async def send(self, text: str) -> None:
        """Send a text message.

        Raises:
            StreamClosed: The stream has ended.
            ProtocolError: The transport cannot send (SSE).
        """
        ...

    async def close(self) -> None:
        """Close the connection and free what it holds, in bounded time. Safe to repeat."""
        ...


class StreamTransport(Protocol):
    """A way to open streams: "websocket" or "sse"."""

    @property
    def name(self) -> str:
        """Name for settings and logs."""
        ...

    async def open(self, request: StreamRequest) -> StreamConnection:
        """Open a stream within `connect_timeout_s`; cancelling leaves nothing open.

        Raises:
            ConnectFailed: No connection, or refused with a `status`.
            Unauthorized: Refused with 401 or 403.
            RateLimited: Refused with 429.
            StreamClosed: The server said that there is nothing to come back for (SSE: 204); code 1000.
            SettingsError: The URL names no host.
        """
        ...
