"""The exceptions of the gateway client, one class an error code.

HummingbotClientException(ExtendedError)   message, code, data, retryable, retry_after_s
├─ AuthenticationError       the key is wrong, or may not do this
├─ ConnectionLostError       no connection, or it went away        → outcome of a command: UNKNOWN if it was sent
├─ RequestTimeoutError       no reply in time                      → UNKNOWN
├─ ServerError               the server failed                     → UNKNOWN
├─ OrderStateUnknownError    it is not known whether an order is there; `client_ref` names it
├─ InsufficientFundsError
├─ InvalidOrderError
├─ UnknownMarketError        no such exchange or trading pair
├─ MarketClosedError
├─ OrderNotFoundError
├─ OrderClosedError          `data` is the order as it ended
├─ RateLimitedError          nothing was done; `retry_after_s`
├─ ExchangeUnavailableError  Hummingbot's connector is not ready
└─ NotSupportedError         the server, or the exchange, does not offer this
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, ClassVar

from hummingbot_extended.errors import ExtendedError, Outcome


class ErrorCode(StrEnum):
    """What a server says of a failed request, in a word."""

    AUTH_FAILED = "auth_failed"
    PERMISSION_DENIED = "permission_denied"
    CONNECTION_ERROR = "connection_error"
    TIMEOUT = "timeout"
    SERVER_ERROR = "server_error"
    ORDER_STATE_UNKNOWN = "order_state_unknown"
    INSUFFICIENT_FUNDS = "insufficient_funds"
    INVALID_ORDER = "invalid_order"
    INVALID_REQUEST = "invalid_request"
    UNKNOWN_EXCHANGE = "unknown_exchange"
    UNKNOWN_MARKET = "unknown_market"
    MARKET_CLOSED = "market_closed"
    ORDER_NOT_FOUND = "order_not_found"
    ORDER_CLOSED = "order_closed"
    RATE_LIMIT = "rate_limit"
    NOT_READY = "not_ready"
    NOT_SUPPORTED = "not_supported"
    UNKNOWN_ERROR = "unknown_error"


class HummingbotClientException(ExtendedError):
    """Raised when a request of the client failed. `code` is an `ErrorCode`; `data` is what the server sent along."""

    default_code: ClassVar[ErrorCode] = ErrorCode.UNKNOWN_ERROR
    retryable: ClassVar[bool] = False

    def __init__(
        self,
        message: str,
        *,
        code: ErrorCode | None = None,
        data: Any = None,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.default_code
        self.data = data
        self.retry_after_s = retry_after_s
        self.was_repeated = False  # whether the client had sent the request before, without learning the outcome


class AuthenticationError(HummingbotClientException):
    """Raised when the server refuses the key, or what the key asks for. Never repeated."""

    default_code = ErrorCode.AUTH_FAILED


class ConnectionLostError(HummingbotClientException):
    """Raised when there is no connection, or it went away before the reply; `sent` says whether the request was."""

    default_code = ErrorCode.CONNECTION_ERROR
    retryable = True
    outcome = Outcome.UNKNOWN

    def __init__(self, message: str, *, sent: bool = True) -> None:
        super().__init__(message)
        self.sent = sent


class RequestTimeoutError(HummingbotClientException):
    """Raised when no reply came in time."""

    default_code = ErrorCode.TIMEOUT
    retryable = True
    outcome = Outcome.UNKNOWN


class ServerError(HummingbotClientException):
    """Raised when the server failed while it worked on a request."""

    default_code = ErrorCode.SERVER_ERROR
    outcome = Outcome.UNKNOWN


class OrderStateUnknownError(HummingbotClientException):
    """Raised when it is not known whether an order reached the exchange. Ask by `client_ref` before repeating."""

    default_code = ErrorCode.ORDER_STATE_UNKNOWN
    outcome = Outcome.UNKNOWN

    def __init__(self, message: str, *, client_ref: str | None = None, data: Any = None) -> None:
        super().__init__(message, data=data)
        self.client_ref = client_ref


class InsufficientFundsError(HummingbotClientException):
    """Raised when the balance does not cover an order."""

    default_code = ErrorCode.INSUFFICIENT_FUNDS


class InvalidOrderError(HummingbotClientException):
    """Raised when an order or a request cannot be accepted as it is; repeating it does not help."""

    default_code = ErrorCode.INVALID_ORDER


class UnknownMarketError(HummingbotClientException):
    """Raised when Hummingbot has no such exchange, or the exchange no such trading pair."""

    default_code = ErrorCode.UNKNOWN_MARKET


class MarketClosedError(HummingbotClientException):
    """Raised when the market does not take orders now."""

    default_code = ErrorCode.MARKET_CLOSED


class OrderNotFoundError(HummingbotClientException):
    """Raised when the server knows no such order."""

    default_code = ErrorCode.ORDER_NOT_FOUND


class OrderClosedError(HummingbotClientException):
    """Raised when an order is to be cancelled that has ended already; `data` is the order."""

    default_code = ErrorCode.ORDER_CLOSED


class RateLimitedError(HummingbotClientException):
    """Raised when the server took too many requests; this one was not carried out."""

    default_code = ErrorCode.RATE_LIMIT
    retryable = True


class ExchangeUnavailableError(HummingbotClientException):
    """Raised when Hummingbot's connector is not ready; the request was not carried out."""

    default_code = ErrorCode.NOT_READY


class NotSupportedError(HummingbotClientException):
    """Raised when the server or the exchange does not offer what was asked for."""

    default_code = ErrorCode.NOT_SUPPORTED


_CLASSES: Mapping[ErrorCode, type[HummingbotClientException]] = {
    **{
        kind.default_code: kind
        for kind in (
            AuthenticationError,
            RequestTimeoutError,
            ServerError,
            OrderStateUnknownError,
            InsufficientFundsError,
            InvalidOrderError,
            UnknownMarketError,
            MarketClosedError,
            OrderNotFoundError,
            OrderClosedError,
            RateLimitedError,
            ExchangeUnavailableError,
            NotSupportedError,
        )
    },
    ErrorCode.PERMISSION_DENIED: AuthenticationError,
    ErrorCode.INVALID_REQUEST: InvalidOrderError,
    ErrorCode.UNKNOWN_EXCHANGE: UnknownMarketError,
}


def error_of(
    code: str | None, message: str, data: Any = None, retry_after_s: float | None = None
) -> HummingbotClientException:
    """Return the exception for an error reply. A code this client does not know gives the base class."""
    known = ErrorCode(code) if isinstance(code, str) and code in ErrorCode else None
    if known is ErrorCode.ORDER_STATE_UNKNOWN:
        client_ref = data.get("client_ref") if isinstance(data, Mapping) else None
        return OrderStateUnknownError(message, client_ref=client_ref, data=data)
    if known is ErrorCode.CONNECTION_ERROR:
        return ConnectionLostError(message)
    kind = _CLASSES.get(known, HummingbotClientException) if known else HummingbotClientException
    return kind(message, code=known, data=data, retry_after_s=retry_after_s)
