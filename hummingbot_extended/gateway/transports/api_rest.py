"""hummingbot-api's REST: one call, one mapping of statuses to errors, one translation of its orders and fills."""

import asyncio
import base64
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp
import msgspec

from hummingbot_extended.gateway.enums import OrderStatus, OrderType
from hummingbot_extended.gateway.errors import (
    AuthenticationError,
    ConnectionLostError,
    ErrorCode,
    ExchangeUnavailableError,
    HummingbotClientException,
    InvalidOrderError,
    OrderNotFoundError,
    RateLimitedError,
    RequestTimeoutError,
    ServerError,
)
from hummingbot_extended.gateway.protocol import decimal_of, plain

PAGE = 1000  # the most it allows
MAX_PAGES = 10

_STATUSES: Mapping[str, OrderStatus] = {
    "SUBMITTED": OrderStatus.OPEN,
    "OPEN": OrderStatus.OPEN,
    "PENDING_CANCEL": OrderStatus.OPEN,
    "PARTIALLY_FILLED": OrderStatus.PARTIALLY_FILLED,
    "FILLED": OrderStatus.FILLED,
    "CANCELLED": OrderStatus.CANCELLED,
    "FAILED": OrderStatus.FAILED,
}
_TYPES: Mapping[str, OrderType] = {
    "LIMIT": OrderType.LIMIT,
    "LIMIT_MAKER": OrderType.LIMIT,
    "MARKET": OrderType.MARKET,
}
_UNACKNOWLEDGED = ("SUBMITTED", "FAILED")
_UNKNOWN = "UNKNOWN"
_UNKNOWN_FIELDS = ("symbol", "side", "type", "order_type", "post_only", "amount", "price")


def basic_auth(username: str, password: str) -> Mapping[str, str]:
    """Return the header that carries user name and password."""
    return {"Authorization": f"Basic {base64.b64encode(f'{username}:{password}'.encode()).decode()}"}


class ApiRest:
    """Calls one hummingbot-api; `credentials` are the headers of every call. Redirects are not followed."""

    def __init__(self, base_url: str, session: aiohttp.ClientSession, credentials: Mapping[str, str]) -> None:
        self._base_url = base_url
        self._session = session
        self._headers = {**credentials, "Content-Type": "application/json"}
        self._ahead_s = 0.0

    def now_s(self) -> float:
        """Return the time by the server's clock, as its last answer told it: its rows are stamped by that."""
        return time.time() + self._ahead_s

    async def get(self, path: str, timeout_s: float) -> Any:
        """Return what a GET answers. Raises as `post`."""
        return await self._call("GET", path, None, timeout_s)

    async def post(self, path: str, body: Mapping[str, Any], timeout_s: float) -> Any:
        """Return what a POST answers. Raises the HummingbotClientException that the status stands for."""
        return await self._call("POST", path, body, timeout_s)

    async def entries(self, path: str, body: Mapping[str, Any], timeout_s: float) -> list[dict[str, Any]]:
        """Return the entries of a paged answer, page after page, at most `MAX_PAGES` of them."""
        entries: list[dict[str, Any]] = []
        cursor: Mapping[str, Any] = {}
        for _ in range(MAX_PAGES):
            answer = await self.post(path, {"limit": PAGE, **body, **cursor}, timeout_s)
            try:
                entries += answer["data"]
                next_cursor = answer["pagination"].get("next_cursor")
            except (KeyError, TypeError, AttributeError):
                raise ServerError(f"{path}: the answer is no page of entries") from None
            if not next_cursor:
                break
            cursor = {"cursor": next_cursor}
        return entries

    async def _call(self, method: str, path: str, body: Mapping[str, Any] | None, timeout_s: float) -> Any:
        if self._session.closed:
            raise ConnectionLostError(f"{method} {path}: the connection was closed", sent=False)
        data = None if body is None else msgspec.json.encode(body)
        url, headers = self._base_url + path, self._headers
        try:
            async with asyncio.timeout(timeout_s):
                call = self._session.request(method, url, data=data, headers=headers, allow_redirects=False)
                async with call as response:
                    raw = await response.read()
                    self._read_clock(response.headers.get("Date"))
        except TimeoutError:
            raise RequestTimeoutError(f"{method} {path}: no answer within {timeout_s:g} s") from None
        except aiohttp.ClientConnectorError as error:
            raise ConnectionLostError(f"no connection to {self._base_url}: {error.strerror}", sent=False) from error
        except aiohttp.ClientError as error:
            raise ConnectionLostError(f"{method} {path}: {type(error).__name__}") from error
        if response.status >= 300:
            raise _error(response.status, _detail(raw), response.headers.get("Retry-After"))
        try:
            return msgspec.json.decode(raw)
        except msgspec.DecodeError as error:
            raise ServerError(f"{method} {path}: the answer is not JSON") from error

    def _read_clock(self, date: str | None) -> None:
        try:
            self._ahead_s = parsedate_to_datetime(date or "").timestamp() - time.time()
        except ValueError:  # no date, or none that can be read
            return


def _error(status: int, detail: str, retry_after: str | None) -> HummingbotClientException:
    match status:
        case 401:
            return AuthenticationError(f"hummingbot-api refuses user name and password: {detail}")
        case 403:
            return AuthenticationError(detail, code=ErrorCode.PERMISSION_DENIED)
        case 404:
            return OrderNotFoundError(detail)
        case 400 | 422:
            return InvalidOrderError(f"Invalid order: {detail}")
        case 429:
            wait_s = float(retry_after) if retry_after and retry_after.isdigit() else None
            return RateLimitedError(detail, retry_after_s=wait_s)
        case 503:
            return ExchangeUnavailableError(detail)
    return ServerError(f"{detail} (HTTP {status})")


def _detail(raw: bytes) -> str:
    try:
        detail = msgspec.json.decode(raw)["detail"]
    except (msgspec.DecodeError, KeyError, TypeError):
        return raw[:200].decode("utf-8", "replace") or "no reason given"
    if isinstance(detail, list) and all(isinstance(each, dict) and "msg" in each for each in detail):
        return "; ".join(f"{_last(each.get('loc'))}: {each['msg']}" for each in detail)[:500]
    return detail if isinstance(detail, str) else msgspec.json.encode(detail).decode()[:500]


def _last(path: Any) -> str:
    return str(path[-1]) if isinstance(path, list) and path else "body"


def order_of(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return an order of hummingbot-api as our wire has it. `hummingbot_state` is its own word.

    Of an order that failed before Hummingbot called it created, its database knows nothing but that: what it has put in
    for the rest is left out.
    """
    word = str(entry.get("status", "SUBMITTED"))
    status = _STATUSES.get(word, OrderStatus.OPEN)
    amount, filled = text_of(entry.get("amount")), text_of(entry.get("filled_amount")) or "0"
    order_type = str(entry.get("order_type", "LIMIT"))
    order = {
        "order_id": entry.get("order_id"),
        "exchange_order_id": entry.get("exchange_order_id"),
        "symbol": entry.get("trading_pair"),
        "exchange": entry.get("connector_name"),
        "price": text_of(entry.get("price")),
        "amount": amount,
        # Its database loses fills that come at once; an order it calls filled was filled in full.
        "filled": amount if status is OrderStatus.FILLED else filled,
        "side": str(entry.get("trade_type", "")).lower(),
        "type": _TYPES.get(order_type, OrderType.LIMIT).value,
        "order_type": _TYPES.get(order_type, OrderType.LIMIT).value,
        "post_only": order_type == "LIMIT_MAKER",
        "status": status.value,
        "acknowledged": word not in _UNACKNOWLEDGED,
        "cancel_requested": word == "PENDING_CANCEL",
        "hummingbot_state": word,
        "created_at": time_of(entry.get("created_at")),
        "timestamp": time_of(entry.get("updated_at")),
    }
    if entry.get("error_message"):
        order["reason"] = entry["error_message"]
    if entry.get("trading_pair") == _UNKNOWN:
        return {name: value for name, value in order.items() if name not in _UNKNOWN_FIELDS}
    return order


def fill_of(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return a fill of hummingbot-api as our wire has it."""
    fee, asset, order_id = text_of(entry.get("fee_paid")), entry.get("fee_currency"), entry.get("order_id")
    return {
        "trade_id": str(entry.get("trade_id")).removeprefix(f"{order_id}_"),  # the exchange's own id of the trade
        "order_id": order_id,
        "own": True,
        "symbol": entry.get("trading_pair"),
        "exchange": entry.get("connector_name"),
        "price": text_of(entry.get("price")),
        "amount": text_of(entry.get("amount")),
        "side": str(entry.get("trade_type", "")).lower(),
        # A fee that it could not work out it writes as 0 of nothing.
        "fees": [] if fee is None or not asset else [{"asset": asset, "amount": fee}],
        "timestamp": time_of(entry.get("timestamp")),
    }


def position_of(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return a position of hummingbot-api as our wire has it."""
    return {
        "symbol": entry.get("trading_pair"),
        "exchange": entry.get("connector_name"),
        "side": str(entry.get("side", "")).lower(),
        **{name: text_of(entry.get(name)) for name in ("amount", "entry_price", "unrealized_pnl", "leverage")},
    }


def text_of(value: Any) -> str | None:
    """Return a JSON number as a plain decimal text; None for none."""
    number = decimal_of(value)
    return None if number is None else plain(number)


def time_of(value: Any) -> float | None:
    """Return an ISO time (UTC where it names no zone) in epoch seconds; None for what is none."""
    if isinstance(value, int | float):
        return float(value)
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
