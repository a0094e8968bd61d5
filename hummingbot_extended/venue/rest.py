"""What all REST endpoints share: envelope, key, User-Agent, rate limit, faults, parameters (API reference §1)."""

import asyncio
import email.utils
import math
from collections.abc import Awaitable, Callable
from enum import StrEnum

from aiohttp import web

from hummingbot_extended.venue.accounts import Account
from hummingbot_extended.venue.faults import REQUEST_FAULTS, Fault, FaultKind
from hummingbot_extended.venue.rate_limit import WINDOW_MS, RateLimit
from hummingbot_extended.venue.records import Page
from hummingbot_extended.venue.refusals import Refusal
from hummingbot_extended.venue.venue_core import VenueCore
from hummingbot_extended.venue.wire import Json, encode, error, ok

API_PREFIX = "/api/v1"
API_KEY_HEADER = "X-Api-Key"
MAX_LIMIT = 10_000
DEFAULT_LIMIT = 100

type Handler = Callable[[web.Request], Awaitable[Json | web.Response]]


class ReplyLost(Exception):
    """Raised when the fault reply_lost takes the reply away."""


class Rest:
    """The frame around every endpoint. Endpoints return an envelope (or a whole response) or raise Refusal."""

    def __init__(self, core: VenueCore) -> None:
        self.core = core
        self.requests: dict[str, int] = {}
        self._limit = RateLimit(core.settings.rate_limit)

    def route(self, method: str, path: str, handler: Handler) -> web.RouteDef:
        """Return the route of an endpoint whose handler runs inside this frame."""

        async def framed(request: web.Request) -> web.StreamResponse:
            return await self._frame(request, f"{method} {path}", handler)

        return web.route(method, API_PREFIX + path, framed)

    async def _frame(self, request: web.Request, name: str, handler: Handler) -> web.StreamResponse:
        self.requests[name] = self.requests.get(name, 0) + 1
        try:
            self._check(request)
            await self.suffer_before(request)
            response = self._respond(await handler(request))
            response = await self._suffer_after(request, response)
        except Refusal as refused:
            response = self.refuse(refused)
        except ReplyLost:
            if request.transport is not None:
                request.transport.abort()
            response = web.Response(status=499)  # goes nowhere: the connection is gone
        except ConnectionError:  # the client went before its request was whole: nothing was done
            response = web.Response(status=499)
        response.headers["Date"] = email.utils.formatdate(self.core.wire_ms() / 1000, usegmt=True)
        return response

    def _check(self, request: web.Request) -> None:
        missing = self.core.variants.missing_user_agent
        if missing != "allow" and not request.headers.get("User-Agent"):
            raise Refusal(int(missing), "BAD_REQUEST", "User-Agent header is missing")
        self._limit.limit = self.core.settings.rate_limit
        ban_ms = WINDOW_MS if self.core.variants.rate_limit_ban == "minute" else 0
        wait_ms = self._limit.allow(request.remote or "", self.core.now_ms(), ban_ms=ban_ms)
        if wait_ms:
            raise Refusal(429, "RATE_LIMITED", f"{math.ceil(wait_ms / 1000)}")

    async def suffer_before(self, request: web.Request) -> None:
        """Let the faults happen that come before a request is looked at. Raises Refusal for those that refuse it."""
        for kind in (FaultKind.SLOW_REPLY, FaultKind.TOO_MANY_REQUESTS, FaultKind.SERVER_ERROR, FaultKind.BARE_404):
            fault = self._fires(request, kind)
            if fault is None:
                continue
            if kind is FaultKind.SLOW_REPLY:
                await asyncio.sleep(fault.value)
            elif kind is FaultKind.TOO_MANY_REQUESTS:
                raise Refusal(429, "RATE_LIMITED", "1")
            elif kind is FaultKind.SERVER_ERROR:
                raise Refusal(int(fault.value), 1006, "Internal Server Error")
            else:
                raise Refusal(404, None, "")

    async def _suffer_after(self, request: web.Request, response: web.Response) -> web.Response:
        if late := self._fires(request, FaultKind.LATE_REPLY):
            await asyncio.sleep(late.value)
        if self._fires(request, FaultKind.REPLY_LOST):
            raise ReplyLost
        fault = self._fires(request, FaultKind.REPLY_ERROR)
        return web.Response(status=int(fault.value), text="Bad Gateway") if fault else response

    def _fires(self, request: web.Request, kind: FaultKind) -> Fault | None:
        if kind not in REQUEST_FAULTS or not self.core.plan.any_live(self.core.now_ms()):
            return None
        account = self.core.engine.queries.account_by_key(request.headers.get(API_KEY_HEADER, ""))
        market = request.query.get("market", request.match_info.get("market", ""))
        path = f"{request.method} {request.path}"
        return self.core.fires(kind, path=path, market=market, account=account.id if account else 0)

    def _respond(self, result: Json | web.Response) -> web.Response:
        if isinstance(result, web.Response):
            return result
        return self._json(result, 200)

    def _json(self, envelope: Json, status: int) -> web.Response:
        if self.core.variants.envelope_case == "lower":
            envelope = {**envelope, "status": envelope["status"].lower()}
        return web.Response(body=encode(envelope), status=status, content_type="application/json")

    def refuse(self, refused: Refusal) -> web.Response:
        """Write a refusal as the exchange would; variants choose what the documents leave open (API reference §11)."""
        variants, status, code, message = self.core.variants, refused.status, refused.code, refused.message
        headers: dict[str, str] = {}
        if status == 429:
            if variants.retry_after:
                headers["Retry-After"] = message
            message = "Too many requests"
            if variants.rate_limit_body == "text":
                return web.Response(status=429, text=message, headers=headers)
        body_of = {401: variants.unauthorized_body, 404: variants.not_found_body, 429: variants.rate_limit_body}
        if code is None or body_of.get(status) == "empty":
            return web.Response(status=status, headers=headers)
        if status == 400 and isinstance(code, int):
            status = int(variants.business_status)
        if isinstance(code, str) and variants.error_code_type == "number":
            code = status
        response = self._json(error(code, message), status)
        response.headers.update(headers)
        return response

    # --- for endpoints ----------------------------------------------------------------------------------------------

    def account(self, request: web.Request) -> Account:
        """Return the account of the request's API key. Raises Refusal 401."""
        account = self.core.engine.queries.account_by_key(request.headers.get(API_KEY_HEADER, ""))
        if account is None:
            raise Refusal(401, "UNAUTHORIZED", "Unauthorized")
        return account


def bad_request(message: str) -> Refusal:
    """Make the 400 of a missing or malformed parameter."""
    return Refusal(400, "BAD_REQUEST", message)


def int_parameter(request: web.Request, name: str, default: int | None = None, *, required: bool = False) -> int | None:
    """Return an integer query parameter. Raises Refusal 400 when it is malformed, or missing though required."""
    text = request.query.get(name)
    if text is None or text == "":
        if required:
            raise bad_request(f"{name} is required")
        return default
    try:
        return int(text)
    except ValueError as malformed:
        raise bad_request(f"{name} must be an integer") from malformed


def needed_int(request: web.Request, name: str) -> int:
    """Return a required integer query parameter. Raises Refusal 400."""
    value = int_parameter(request, name, required=True)
    return 0 if value is None else value


def limit_parameter(request: web.Request, default: int = DEFAULT_LIMIT, maximum: int = MAX_LIMIT) -> int:
    """Return the page size asked for, within 1 and `maximum`."""
    value = int_parameter(request, "limit", default)
    return max(1, min(value if value is not None else default, maximum))


def enum_parameter[E: StrEnum](request: web.Request, name: str, words: type[E]) -> E | None:
    """Return a query parameter that is one of the exchange's words. Raises Refusal 400 for another one."""
    text = request.query.get(name)
    if not text:
        return None
    try:
        return words(text)
    except ValueError as unknown:
        raise bad_request(f"{name} must be one of {', '.join(words)}") from unknown


def markets_parameter(request: web.Request) -> list[str]:
    """Return the repeated `market` parameter (API reference §1.4)."""
    return request.query.getall("market", [])


def page[T](listing: Page[T], write: Callable[[T], Json]) -> Json:
    """Write a page with its pagination (API reference §1.5, §1.9)."""
    rows = [write(item) for item in listing.items]
    return ok(rows, pagination={"cursor": listing.cursor, "count": len(rows)})
