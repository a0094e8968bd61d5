"""Who may talk to the hub: loopback by default, elsewhere only over TLS with a token; no foreign page of a browser."""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from http import HTTPStatus
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

from hummingbot_extended.errors import SettingsError

# How a browser, which cannot set a header on a WebSocket, gives its token: as a subprotocol, which is a header too.
TOKEN_PROTOCOL = "hub-token."  # noqa: S105 (a prefix, no secret)
MIN_TOKEN_CHARS = 16


@lru_cache(maxsize=256)
def is_loopback_host(host: str) -> bool:
    """Return whether `host` (a name or an address) is this machine."""
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def check_binding(host: str, *, has_tls: bool, token: str | None) -> None:
    """Raise SettingsError for a weak token, and where the hub is reached from elsewhere without TLS and a token."""
    if token is not None and len(token) < MIN_TOKEN_CHARS:
        raise SettingsError(f"the hub's token must have at least {MIN_TOKEN_CHARS} characters")
    if not is_loopback_host(host) and not (has_tls and token):
        raise SettingsError(
            f"the hub listens on {host} only with TLS and a token; use 127.0.0.1, or give a certificate and a token"
        )


def _split(url: str) -> SplitResult:
    """Return the parts of a URL; none of what is no URL."""
    try:
        return urlsplit(url)
    except ValueError:
        return SplitResult("", "", "", "", "")


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request is not let in. `message` says nothing about what would be right."""

    status: HTTPStatus
    message: str


class Gate:
    """Judges requests by their headers, before anything else is done for them.

    `token` is asked of every request when set. `origins` are pages of other hosts that may read, such as
    "https://example.org"; the hub's own page always may. On loopback the Host header must name this machine: else a
    page of a foreign name that resolves to 127.0.0.1 would count as the hub's own.
    """

    def __init__(self, *, host: str, token: str | None = None, origins: frozenset[str] = frozenset()) -> None:
        self._is_loopback = is_loopback_host(host)
        self._token = token
        self._origins = origins

    def __repr__(self) -> str:
        return f"<Gate token={'yes' if self._token else 'no'} origins={sorted(self._origins)}>"

    def refusal(self, headers: Mapping[str, str]) -> Refusal | None:
        """Return why a request with these headers is refused, None when it is let in."""
        host = headers.get("Host", "")
        if self._is_loopback and host and not is_loopback_host(_split(f"//{host}").hostname or ""):
            return Refusal(HTTPStatus.FORBIDDEN, "this host name is not served")
        origin = headers.get("Origin")
        if origin and not self.allows_origin(origin, host):
            return Refusal(HTTPStatus.FORBIDDEN, "this origin is not allowed")
        if self._token is not None and not self._has_token(headers):
            return Refusal(HTTPStatus.UNAUTHORIZED, "a token is needed")
        return None

    def allows_origin(self, origin: str, host: str) -> bool:
        """Return whether a page of `origin` may read from the hub at `host`."""
        return origin in self._origins or (bool(host) and _split(origin).netloc == host)

    def is_foreign_allowed(self, origin: str) -> bool:
        """Return whether `origin` is on the list (its pages then need CORS headers)."""
        return origin in self._origins

    def _has_token(self, headers: Mapping[str, str]) -> bool:
        given = headers.get("Authorization", "").removeprefix("Bearer ")
        if not given:
            offered = (part.strip() for part in headers.get("Sec-WebSocket-Protocol", "").split(","))
            given = next((part.removeprefix(TOKEN_PROTOCOL) for part in offered if part.startswith(TOKEN_PROTOCOL)), "")
        expected = self._token or ""
        return hmac.compare_digest(given.encode("utf-8", "replace"), expected.encode())
