"""`exchange.http.Send` on Hummingbot's web assistants: its throttler, its authenticator, its shared session."""

import asyncio
from typing import Self

import aiohttp
import msgspec
from hummingbot.core.web_assistant.connections.connections_factory import ConnectionsFactory
from hummingbot.core.web_assistant.connections.data_types import RESTMethod, RESTResponse
from hummingbot.core.web_assistant.connections.data_types import RESTRequest as AssistantRequest
from hummingbot.core.web_assistant.connections.rest_connection import RESTConnection
from hummingbot.core.web_assistant.web_assistants_factory import WebAssistantsFactory

from hummingbot_extended.connector.extended_perpetual_constants import ORDER_WAIT_S, REQUEST_TIMEOUT_S
from hummingbot_extended.connector.throttler import ExtendedThrottler
from hummingbot_extended.errors import ConnectFailed, RequestTimedOut, TransportError
from hummingbot_extended.exchange.aiohttp_send import USER_AGENT, read_body
from hummingbot_extended.exchange.endpoints import PLACE_ORDER
from hummingbot_extended.exchange.http import RestRequest, RestResponse, retry_after_s

TOO_MANY_REQUESTS = 429
PUBLIC_HEADERS = {"User-Agent": USER_AGENT, "Accept": "application/json"}


class NoRedirectConnection(RESTConnection):
    """Hummingbot's REST connection, but a redirect is an answer: the API key never follows one to another origin."""

    async def call(self, request: AssistantRequest) -> RESTResponse:
        """Send `request` and return its reply once the headers are there."""
        response = await self._client_session.request(
            method=request.method.value,
            url=request.url,
            params=request.params,
            data=request.data,
            headers=request.headers,
            allow_redirects=False,
        )
        return await self._build_resp(response)


class RestConnections(ConnectionsFactory):
    """Gives `NoRedirectConnection`s on the session that all of Hummingbot shares (which closes it, not we)."""

    def __new__(cls) -> Self:
        """Return an instance of its own: the base class would hand out its singleton."""
        return object.__new__(cls)

    async def get_rest_connection(self) -> NoRedirectConnection:
        """Return a connection on the shared session."""
        return NoRedirectConnection(aiohttp_client_session=await ConnectionsFactory()._get_shared_client())


class AssistantSend:
    """Sends requests through Hummingbot's REST assistant (contract: `exchange.http.Send`).

    Waits for the throttler first, a new order `ORDER_WAIT_S` at most (then ConnectFailed: it was not sent); the
    deadline of `timeout_s` starts when the request may go. HTTP 429 makes the throttler back off. Network errors become
    TransportError, never TimeoutError (Hummingbot reads that one as "has no exchange id yet",
    exchange_py_base.py:541).
    """

    def __init__(
        self,
        factory: WebAssistantsFactory,
        throttler: ExtendedThrottler,
        base_url: str,
        *,
        timeout_s: float = REQUEST_TIMEOUT_S,
    ) -> None:
        self._factory = factory
        self._throttler = throttler
        self._base_url = base_url
        self._timeout_s = timeout_s

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._base_url}, {self._throttler!r})"

    async def __call__(self, request: RestRequest) -> RestResponse:
        """Send `request` and return the reply of any status."""
        await self._wait_for_budget(request)
        try:
            async with asyncio.timeout(self._timeout_s):
                response = await self._exchange(request)
        except aiohttp.ClientConnectorError as error:
            raise ConnectFailed(f"{request}: no connection to {self._base_url} ({error.os_error})") from error
        except TimeoutError as error:
            raise RequestTimedOut(f"{request}: no answer within {self._timeout_s:g} s") from error
        except (aiohttp.ClientError, OSError) as error:
            raise TransportError(f"{request}: the connection broke ({type(error).__name__})") from error
        if response.status == TOO_MANY_REQUESTS:
            self._throttler.back_off(retry_after_s(response))
        elif response.status < 500:
            self._throttler.succeeded()
        return response

    async def _wait_for_budget(self, request: RestRequest) -> None:
        longest_s = ORDER_WAIT_S if request.limit_id == PLACE_ORDER.limit_id else None
        try:
            async with asyncio.timeout(longest_s), self._throttler.execute_task(request.limit_id):
                return
        except TimeoutError as error:
            raise ConnectFailed(f"{request}: not sent, the request budget left no room for {longest_s} s") from error

    async def _exchange(self, request: RestRequest) -> RestResponse:
        assistant = await self._factory.get_rest_assistant()
        reply = await assistant.call(self._translate(request))
        # Not `reply.text()`: it raises on bytes that are no text, and what a proxy answers may be none.
        async with reply._aiohttp_response as response:
            body = await read_body(response)
            return RestResponse(status=response.status, headers=dict(response.headers), body=body)

    def _translate(self, request: RestRequest) -> AssistantRequest:
        headers = dict(PUBLIC_HEADERS)
        if request.body is not None:
            headers["Content-Type"] = "application/json"
        return AssistantRequest(
            method=RESTMethod[request.method],
            url=self._base_url + request.path,
            params=list(request.params) or None,
            data=None if request.body is None else msgspec.json.encode(request.body),
            headers=headers,
            is_auth_required=request.auth,
            throttler_limit_id=request.limit_id,
        )
