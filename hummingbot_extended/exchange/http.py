"""REST in three parts: what is asked, what came back, and the one mapping of a reply to a result or an error.

`Send` is the seam: aiohttp (`aiohttp_send.py`), Hummingbot's web assistants (the connector) or a test stand behind it.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import msgspec

from hummingbot_extended.errors import (
    ApiError,
    MalformedMessage,
    NotFound,
    RateLimited,
    ServerUnavailable,
    Unauthorized,
)

type Params = Sequence[tuple[str, str]]  # a repeated key is a multi-value parameter (API reference §1.4)


@dataclass(frozen=True, slots=True, kw_only=True)
class RestRequest:
    """One request: `path` relative to the domain's `rest_url`, `body` a JSON value or None, `auth` wants the key."""

    method: str
    path: str
    params: Params = ()
    body: Any = field(default=None, repr=False)  # holds signatures
    auth: bool = False
    limit_id: str = ""

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RestResponse:
    """One reply, whatever its status. Header names are compared without case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def header(self, name: str) -> str | None:
        """Return the header called `name` or None."""
        wanted = name.lower()
        return next((value for key, value in self.headers.items() if key.lower() == wanted), None)

    @property
    def date(self) -> datetime | None:
        """The server's clock (whole seconds, UTC), for the clock check; None when absent or odd.

        A cache (the exchange has one, API reference §2) hands on an old `Date`, and says by `Age` how old.
        """
        date, age = _http_date(self.header("Date")), (self.header("Age") or "").strip()
        return date + timedelta(seconds=int(age)) if date is not None and age.isdigit() else date


type Send = Callable[[RestRequest], Awaitable[RestResponse]]
"""Sends one request and returns the reply of any status.

Raises only TransportError (nothing came back) and MessageTooLarge; adds User-Agent always and the API key where
`auth`; follows no redirect. Cancelling abandons the request: what it commanded may have happened.
"""


@dataclass(frozen=True, slots=True)
class Reply:
    """What an accepted request brought: the envelope's `data` (JSON bytes, b"null" when absent) and the next cursor."""

    data: bytes
    cursor: int | None = None


class _Envelope(msgspec.Struct):
    """The envelope of every reply (API reference §1.5); `data` stays bytes until its model is known."""

    status: Any = "OK"
    data: msgspec.Raw = msgspec.Raw(b"null")
    error: Any = None
    pagination: Any = None

    @property
    def says_ok(self) -> bool:
        return not self.error and str(self.status).upper() == "OK"

    @property
    def cursor(self) -> int | None:
        cursor = self.pagination.get("cursor") if isinstance(self.pagination, dict) else None
        return int(cursor) if cursor is not None else None


_envelope_decoder = msgspec.json.Decoder(_Envelope)


# Codes that say the thing asked for does not exist (API reference §1.7); some replies have the name instead.
NOT_FOUND_CODES: frozenset[int | str] = frozenset({1000, 1001, 1003, 1004, 1008, 1142, "NOT_FOUND"})
# What a 404 may carry when it is the order that is not there, and not the account or the market.
ORDER_NOT_FOUND_CODES: frozenset[int | str | None] = frozenset({None, 404, 1142, "NOT_FOUND"})
UNHANDLED_ERROR = 1006  # "application error": the server failed, whatever the status


def order_not_found(error: BaseException) -> bool:
    """Return whether `error` says that the order is unknown: not its account, its market, or the network."""
    return isinstance(error, NotFound) and error.code in ORDER_NOT_FOUND_CODES


def unwrap(request: RestRequest, response: RestResponse) -> Reply:
    """Return what `response` brought. THE mapping: status and code together decide (API reference §1.5–§1.7).

    An empty body with a success status is success (PATCH does that). Raises ApiError or a subclass when the exchange
    said no, MalformedMessage when a success status comes with something that is not its envelope.
    """
    envelope = _read_envelope(response.body)
    if not 200 <= response.status < 300:
        raise _api_error(request, response, envelope or _Envelope())
    if envelope is None:
        raise MalformedMessage(f"{request}: HTTP {response.status} with a body that is not JSON", response.body)
    if not envelope.says_ok:
        raise _api_error(request, response, envelope)
    return Reply(bytes(envelope.data), envelope.cursor)


def _read_envelope(body: bytes) -> _Envelope | None:
    """Return the envelope; an empty one for a body without an object, None for no JSON (a proxy's HTML page)."""
    if not body.strip() or body.strip() == b'""':  # the dead man's switch answers an empty string
        return _Envelope()
    try:
        return _envelope_decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _api_error(request: RestRequest, response: RestResponse, envelope: _Envelope) -> ApiError:
    code, message = _code_and_message(envelope.error)
    status = response.status
    message = message or _STATUS_WORDS.get(status, "")
    if status == 429:
        return RateLimited(status, code, message, request=str(request), retry_after_s=retry_after_s(response))
    return _error_class(status, code)(status, code, message, request=str(request))


_STATUS_WORDS = {
    **dict.fromkeys((301, 302, 303, 307, 308), "redirected, which is not followed"),
    400: "bad request",
    401: "the API key is missing or wrong",
    403: "access denied",
    404: "not found",
    422: "invalid data",
    429: "too many requests",
    502: "bad gateway",
    503: "service unavailable",
    504: "gateway timeout",
}


def _error_class(status: int, code: int | str | None) -> type[ApiError]:
    if status in (401, 403):
        return Unauthorized
    if code in NOT_FOUND_CODES or (status == 404 and not _is_business(code)):
        return NotFound
    if code == UNHANDLED_ERROR or (status >= 500 and not _is_business(code)):
        return ServerUnavailable
    return ApiError  # a business code is an answer, whatever the status that carries it


def _is_business(code: int | str | None) -> bool:
    return isinstance(code, int) and code >= 1000


def _code_and_message(error: Any) -> tuple[int | str | None, str]:
    if not isinstance(error, dict):
        return None, error if isinstance(error, str) else ""
    code = error.get("code")
    if isinstance(code, str) and code.isdigit():
        code = int(code)
    return code, str(error.get("message") or "")


def retry_after_s(response: RestResponse) -> float | None:
    """Return how long a reply says to wait (s), whether `Retry-After` states seconds or a date; None without one."""
    text = (response.header("Retry-After") or "").strip()
    if text.isdigit():
        return float(text)
    until, now = _http_date(text), response.date
    return max(0.0, (until - now).total_seconds()) if until and now else None


def _http_date(text: str | None) -> datetime | None:
    try:
        return parsedate_to_datetime(text) if text else None
    except ValueError:
        return None
