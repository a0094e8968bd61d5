"""A relay that wants a token: where the token is read, and the transport that gives it to the relay alone."""

import logging
import os
from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import urlsplit

from hummingbot_extended.errors import ConnectFailed, SettingsError, Unauthorized
from hummingbot_extended.exchange.endpoints import STREAM_URL_ENV, is_exchange_host, is_loopback
from hummingbot_extended.streams.transport import StreamConnection, StreamRequest, StreamTransport

logger = logging.getLogger(__name__)

STREAM_TOKEN_ENV = "EXTENDED_PERPETUAL_STREAM_TOKEN"  # noqa: S105  # the name of a variable


def read_token(name: str, url: str, environ: Mapping[str, str] = os.environ) -> str | None:
    """Return the token in the variable `name`, for the server at `url`; None where there is none.

    Raises SettingsError where it would travel in the clear or go to the exchange, which has no such tokens, and for
    what no header can carry.
    """
    token = environ.get(name, "").strip()
    if not token:
        return None
    if is_exchange_host(url):
        raise SettingsError(f"{name} is for a hub; the exchange must not see it")
    if not (urlsplit(url).scheme in ("https", "wss") or is_loopback(url)):
        raise SettingsError(f"{name} would travel in the clear: the hub's URL must be https or wss, or of this machine")
    if not (token.isascii() and token.isprintable()):
        raise SettingsError(f"{name} holds a character that no header can carry")
    return token


class RelayTransport:
    """Opens streams below `base` with its token (contract: `StreamTransport`); what is elsewhere never sees it.

    A token that is refused, or missing, is told once by a warning, and is a ConnectFailed: the streams are somewhere
    else too. A stream with credentials of its own (an account's) is Unauthorized as ever.
    """

    def __init__(self, transport: StreamTransport, base: str, token: str | None) -> None:
        self.name = transport.name
        self._transport = transport
        self._base = _as_http(base).rstrip("/") + "/"
        self._token = token
        self._is_told = False

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name} at {self._base} {'with' if self._token else 'without'} a token>"

    async def open(self, request: StreamRequest) -> StreamConnection:
        """See `StreamTransport.open`."""
        if not _as_http(request.url).startswith(self._base):
            return await self._transport.open(request)
        own = {} if request.headers is None else await request.headers()
        headers = {**own, "Authorization": f"Bearer {self._token}"} if self._token else own

        async def give() -> Mapping[str, str]:
            return headers

        try:
            connection = await self._transport.open(replace(request, headers=give))
        except Unauthorized as error:
            self._tell(error.status)
            if own:
                raise
            raise ConnectFailed(f"the relay refused the token ({error.status})", status=error.status) from None
        self._is_told = False
        return connection

    def _tell(self, status: int) -> None:
        if not self._is_told:
            what = "another" if self._token else "a"
            logger.warning(
                "the relay %s wants %s token (HTTP %d): set %s to the hub's", self._base, what, status, STREAM_TOKEN_ENV
            )
        self._is_told = True


def through_relay(transport: StreamTransport, environ: Mapping[str, str] = os.environ) -> StreamTransport:
    """Return `transport` with the token for the relay that EXTENDED_PERPETUAL_STREAM_URL names, if it does.

    Raises SettingsError as `read_token`.
    """
    relay = environ.get(STREAM_URL_ENV, "").strip().rstrip("/")
    return RelayTransport(transport, relay, read_token(STREAM_TOKEN_ENV, relay, environ)) if relay else transport


def _as_http(url: str) -> str:
    """Return `url` with the scheme that both transports have in common: ws is http, wss is https."""
    return "http" + url[2:] if url.startswith("ws") else url
