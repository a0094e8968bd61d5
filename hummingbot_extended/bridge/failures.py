"""Why an order failed, in a word that clients understand."""

import re

from hummingbot_extended.gateway.errors import ErrorCode

# The exchange's codes (API reference §1.6), as `ApiError` ends its text.
_CODE = re.compile(r"\(HTTP (\d+), code (-?\w+)\)$")
_FUNDS_CODES = {"1127", "1140", "1147", "1148"}
_CLOSED_CODES = {"1010", "1011", "1012", "1014", "1145"}

# Hummingbot's `error_type`: the class of an exception, or the exchange's reason for a late rejection.
_TYPES = {
    "NOT_ENOUGH_FUNDS": ErrorCode.INSUFFICIENT_FUNDS,
    "InsufficientFunds": ErrorCode.INSUFFICIENT_FUNDS,
    "DISABLED_MARKET": ErrorCode.MARKET_CLOSED,
    "TRADING_OFF_MODE": ErrorCode.MARKET_CLOSED,
    "REDUCE_ONLY_MODE": ErrorCode.MARKET_CLOSED,
    "POST_ONLY_MODE": ErrorCode.MARKET_CLOSED,
    "MarketClosed": ErrorCode.MARKET_CLOSED,
    "RateLimited": ErrorCode.RATE_LIMIT,
    "Unauthorized": ErrorCode.PERMISSION_DENIED,
    "ServerUnavailable": ErrorCode.SERVER_ERROR,
    "ConnectFailed": ErrorCode.NOT_READY,
}
_INVALID_TYPES = {"OrderRefused", "ValueError", "ApiError", "NotFound"}
# Other connectors give nothing but their exchange's words.
_FUNDS = re.compile(
    r"insufficient|not enough|exceeds? (the )?(available )?balance|balance.{0,20}(low|less)", re.IGNORECASE
)

_PHRASES = {
    ErrorCode.INSUFFICIENT_FUNDS: "Insufficient funds",
    ErrorCode.INVALID_ORDER: "Invalid order",
    ErrorCode.MARKET_CLOSED: "Market closed",
}


def classify(error_type: str | None, message: str | None) -> tuple[ErrorCode, str]:
    """Return the code of a failure, and its sentence with the phrase that clients look for."""
    code = _code(error_type or "", message or "")
    reason = message or "Hummingbot gives no reason; look into its log"
    phrase = _PHRASES.get(code, "Order failed")
    return code, reason if reason.startswith(phrase) else f"{phrase}: {reason}"


def _code(error_type: str, message: str) -> ErrorCode:
    if error_type in _TYPES:
        return _TYPES[error_type]
    if found := _CODE.search(message):
        if found[2] in _FUNDS_CODES:
            return ErrorCode.INSUFFICIENT_FUNDS
        if found[2] in _CLOSED_CODES:
            return ErrorCode.MARKET_CLOSED
    elif _FUNDS.search(message):
        return ErrorCode.INSUFFICIENT_FUNDS
    if error_type in _INVALID_TYPES or error_type.isupper():
        return ErrorCode.INVALID_ORDER
    return ErrorCode.UNKNOWN_ERROR
