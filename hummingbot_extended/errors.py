"""Every exception of this package.

    ExtendedError
    ├─ SettingsError(ValueError)         a setting or an argument is wrong; nothing was sent
    │  └─ StreamLimitReached             the stream manager is full
    ├─ TransportError(ConnectionError)   nothing came back             → outcome of a command: UNKNOWN
    │  ├─ ConnectFailed
    │  ├─ RequestTimedOut                not a TimeoutError, on purpose: Hummingbot reads that as "no exchange id yet"
    │  ├─ StreamClosed                   code, reason
    │  │  └─ NotConnected(RuntimeError)  there is no connection to send on
    │  └─ GaveUp                         attempts
    ├─ ProtocolError                     something came back that the documents do not allow
    │  ├─ MalformedMessage               excerpt
    │  ├─ MessageTooLarge                limit_bytes
    │  └─ SequenceGap                    expected, received
    ├─ SubscriptionError                 goes to an error_callback: the subscriber's own code is at fault
    │  ├─ CallbackFailed                 __cause__ is what it raised
    │  └─ InboxFull                      limit
    └─ ApiError(OSError)                 the exchange said no          → outcome: REJECTED, but for two subclasses
       ├─ Unauthorized
       ├─ NotFound
       ├─ RateLimited                    retry_after_s                 → outcome: UNKNOWN
       └─ ServerUnavailable              5xx                           → outcome: UNKNOWN

`outcome` is what the error says of a command (an order, a cancel) that raised it. The double parents are what
Hummingbot's loops look for: ConnectionError ends a stream, OSError (IOError) is a failed request.
"""

from enum import Enum
from typing import ClassVar

EXCERPT_CHARS = 200


class Outcome(Enum):
    """What is known of a command after an error."""

    REJECTED = "rejected"
    UNKNOWN = "unknown"


class ExtendedError(Exception):
    """Base of every exception of this package."""

    outcome: ClassVar[Outcome] = Outcome.REJECTED


class SettingsError(ExtendedError, ValueError):
    """Raised when a setting or an argument is wrong. Nothing was sent."""


class StreamLimitReached(SettingsError):
    """Raised when a stream manager holds as many connections as it may."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"the limit of {limit} concurrent streams is reached; close one or raise the limit")
        self.limit = limit


class TransportError(ExtendedError, ConnectionError):
    """Raised when nothing came back: the outcome of a command is unknown."""

    outcome = Outcome.UNKNOWN


class ConnectFailed(TransportError):
    """Raised when no connection could be made, or the peer refused to open the stream."""

    def __init__(self, message: str, *, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class RequestTimedOut(TransportError):
    """Raised when a peer did not answer, or sent no data, within its deadline."""


class StreamClosed(TransportError):
    """Raised when a stream ended: by its peer (code, reason) or by the network (code 1006)."""

    def __init__(self, code: int, reason: str = "") -> None:
        super().__init__(f"the stream was closed (code {code}{f', {reason}' if reason else ''})")
        self.code = code
        self.reason = reason


class NotConnected(StreamClosed, RuntimeError):
    """Raised when something is sent on a stream that has no connection."""


class GaveUp(TransportError):
    """Raised when a stream reached its limit of attempts to connect in a row. `__cause__` is the last one's error."""

    def __init__(self, name: str, attempts: int) -> None:
        super().__init__(f"{name}: gave up after {attempts} attempts to connect")
        self.attempts = attempts


class ProtocolError(ExtendedError):
    """Raised when something came back that the documents do not allow."""

    outcome = Outcome.UNKNOWN


class MalformedMessage(ProtocolError):
    """Raised when a message cannot be decoded. `excerpt` is its beginning."""

    def __init__(self, message: str, raw: bytes | str = b"") -> None:
        text = raw.decode("utf-8", "replace") if isinstance(raw, bytes) else raw
        self.excerpt = text[:EXCERPT_CHARS]
        super().__init__(f"{message}: {self.excerpt!r}" if self.excerpt else message)


class MessageTooLarge(ProtocolError):
    """Raised when a line, an event or a frame is larger than its bound."""

    def __init__(self, what: str, limit_bytes: int) -> None:
        super().__init__(f"{what} is larger than {limit_bytes:,} bytes")
        self.limit_bytes = limit_bytes


class SequenceGap(ProtocolError):
    """Raised when a stream's `seq` is not the one expected: messages were lost, repeated or reordered."""

    def __init__(self, expected: int, received: int, stream: str = "") -> None:
        super().__init__(f"{stream or 'stream'}: expected seq {expected}, received {received}")
        self.expected = expected
        self.received = received


class SubscriptionError(ExtendedError):
    """Reported to an `error_callback` when a subscriber does not keep up with, or fails on, what it subscribed to."""


class CallbackFailed(SubscriptionError):
    """Reported when a callback raised; `__cause__` is what. The stream and the other callbacks go on."""


class InboxFull(SubscriptionError):
    """Reported when a subscriber is so slow that its inbox overflowed. `limit` is the messages it may hold."""

    def __init__(self, subscription: str, limit: int, consequence: str) -> None:
        super().__init__(f"{subscription}: {limit} messages wait for its callback; {consequence}")
        self.limit = limit


class ApiError(ExtendedError, OSError):
    """Raised when the exchange answered with an error.

    `status` is the HTTP status, `code` the business code (an int, a name such as "NOT_FOUND", or None), `message` its
    text, `request` the verb and path without its query.
    """

    def __init__(self, status: int, code: int | str | None, message: str, *, request: str = "") -> None:
        self.status = status
        self.code = code
        self.message = message
        self.request = request
        shown = message or "no message"
        super().__init__(
            f"{request + ': ' if request else ''}{shown} (HTTP {status}{f', code {code}' if code is not None else ''})"
        )


class Unauthorized(ApiError):
    """Raised on HTTP 401 and 403: the API key is missing, wrong, revoked or of another network."""


class NotFound(ApiError):
    """Raised on HTTP 404 and the documented not-found codes."""


class RateLimited(ApiError):
    """Raised on HTTP 429. The exchange does not say whether a command was executed: its outcome is unknown."""

    outcome = Outcome.UNKNOWN

    def __init__(
        self,
        status: int,
        code: int | str | None,
        message: str,
        *,
        request: str = "",
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(status, code, message, request=request)
        self.retry_after_s = retry_after_s


class ServerUnavailable(ApiError):
    """Raised on HTTP 5xx: a command may have been executed before the server failed."""

    outcome = Outcome.UNKNOWN
