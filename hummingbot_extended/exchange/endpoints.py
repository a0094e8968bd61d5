"""Where Extended is and what it offers: data, and the functions that read the environment (API reference §1.1, §2, §3).

Paths are relative to a domain's `rest_url`. Nothing is read at import: `find_domain` reads the environment when called.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from ipaddress import ip_address
from typing import Literal
from urllib.parse import quote, urlsplit

from hummingbot_extended.errors import SettingsError

MAINNET_NAME = "extended_perpetual"
TESTNET_NAME = "extended_perpetual_testnet"
LOCAL_NAME = "extended_perpetual_local"

LOCAL_URL_ENV = "EXTENDED_PERPETUAL_LOCAL_URL"
STREAM_URL_ENV = "EXTENDED_PERPETUAL_STREAM_URL"
RELAY_ACCOUNT_ENV = "EXTENDED_PERPETUAL_RELAY_ACCOUNT"
DEFAULT_LOCAL_URL = "http://127.0.0.1:8099"

_REST = "/api/v1"
_STREAM_V1 = "/stream.extended.exchange/v1"
_STREAM_RPC = "/stream.extended.exchange/v2/rpc"

type Method = Literal["GET", "POST", "PATCH", "DELETE"]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One REST endpoint. `path` may hold {names}; `auth` says whether it wants the API key."""

    method: Method
    path: str
    auth: bool = False

    @property
    def limit_id(self) -> str:
        """Name for rate limits and statistics: method and path template."""
        return f"{self.method} {self.path}"

    def url_path(self, **names: str | int) -> str:
        """Return the path with its names filled in and URL-encoded (market names and external ids may need it)."""
        return self.path.format(**{name: quote(str(value), safe="") for name, value in names.items()})


# --- public ---------------------------------------------------------------------------------------------------------
MARKETS = Endpoint("GET", "/info/markets")
MARKET_STATS = Endpoint("GET", "/info/markets/{market}/stats")
ORDER_BOOK = Endpoint("GET", "/info/markets/{market}/orderbook")
PUBLIC_TRADES = Endpoint("GET", "/info/markets/{market}/trades")
CANDLES = Endpoint("GET", "/info/candles/{market}/{candle_type}")
FUNDING_RATES = Endpoint("GET", "/info/{market}/funding")
OPEN_INTERESTS = Endpoint("GET", "/info/{market}/open-interests")
ASSETS = Endpoint("GET", "/info/assets")
ASSET_PRICE = Endpoint("GET", "/info/assets/{asset}/price")
STARKNET_DOMAIN = Endpoint("GET", "/info/starknet")
SETTINGS = Endpoint("GET", "/info/settings")

# --- account --------------------------------------------------------------------------------------------------------
ACCOUNT = Endpoint("GET", "/user/account/info", auth=True)
ACCOUNTS = Endpoint("GET", "/user/accounts", auth=True)
CLIENT = Endpoint("GET", "/user/client/info", auth=True)
BALANCE = Endpoint("GET", "/user/balance", auth=True)
SPOT_BALANCES = Endpoint("GET", "/user/spot/balances", auth=True)
POSITIONS = Endpoint("GET", "/user/positions", auth=True)
POSITIONS_HISTORY = Endpoint("GET", "/user/positions/history", auth=True)
FUNDING_PAYMENTS = Endpoint("GET", "/user/funding/history", auth=True)
FEES = Endpoint("GET", "/user/fees", auth=True)
REBATES = Endpoint("GET", "/user/rebates/stats", auth=True)
LEVERAGE = Endpoint("GET", "/user/leverage", auth=True)
SET_LEVERAGE = Endpoint("PATCH", "/user/leverage", auth=True)
ASSET_OPERATIONS = Endpoint("GET", "/user/assetOperations", auth=True)

# --- orders ---------------------------------------------------------------------------------------------------------
OPEN_ORDERS = Endpoint("GET", "/user/orders", auth=True)
ORDERS_HISTORY = Endpoint("GET", "/user/orders/history", auth=True)
ORDER = Endpoint("GET", "/user/orders/{order_id}", auth=True)
ORDERS_BY_EXTERNAL_ID = Endpoint("GET", "/user/orders/external/{external_id}", auth=True)
ACCOUNT_TRADES = Endpoint("GET", "/user/trades", auth=True)
PLACE_ORDER = Endpoint("POST", "/user/order", auth=True)
PLACE_RFQ_ORDER = Endpoint("POST", "/user/order/rfq", auth=True)
CANCEL_ORDER = Endpoint("DELETE", "/user/order/{order_id}", auth=True)
CANCEL_BY_EXTERNAL_ID = Endpoint("DELETE", "/user/order", auth=True)
MASS_CANCEL = Endpoint("POST", "/user/order/massCancel", auth=True)
DEAD_MANS_SWITCH = Endpoint("POST", "/user/deadmanswitch", auth=True)

ENDPOINTS = tuple(value for value in list(globals().values()) if isinstance(value, Endpoint))


@dataclass(frozen=True, slots=True, kw_only=True)
class Domain:
    """One deployment of the exchange. URLs carry no trailing slash; v1 stream paths follow `stream_url`."""

    name: str
    rest_url: str
    stream_url: str
    stream_fallback_url: str | None = None
    rpc_url: str
    chain_id: str
    max_expiry_days: int

    @property
    def is_local(self) -> bool:
        """Whether this is the practice venue."""
        return self.name == LOCAL_NAME


MAINNET = Domain(
    name=MAINNET_NAME,
    rest_url=f"https://api.starknet.extended.exchange{_REST}",
    stream_url=f"wss://api.starknet.extended.exchange{_STREAM_V1}",
    rpc_url=f"wss://api.starknet.extended.exchange{_STREAM_RPC}",
    chain_id="SN_MAIN",
    max_expiry_days=90,
)
TESTNET = Domain(
    name=TESTNET_NAME,
    rest_url=f"https://api.starknet.sepolia.extended.exchange{_REST}",
    stream_url=f"wss://api.starknet.sepolia.extended.exchange{_STREAM_V1}",
    stream_fallback_url=f"wss://starknet.sepolia.extended.exchange{_STREAM_V1}",  # the documents' host (§10)
    rpc_url=f"wss://api.starknet.sepolia.extended.exchange{_STREAM_RPC}",
    chain_id="SN_SEPOLIA",
    max_expiry_days=28,
)
DOMAIN_NAMES = (MAINNET_NAME, TESTNET_NAME, LOCAL_NAME)
# Hosts whose streams are WebSocket only: SSE is never tried there (API reference §7).
EXCHANGE_DOMAIN_SUFFIX = ".extended.exchange"


def is_exchange_host(url: str) -> bool:
    """Return whether `url` points at the exchange itself."""
    host = urlsplit(url).hostname or ""
    return host.endswith(EXCHANGE_DOMAIN_SUFFIX) or host == EXCHANGE_DOMAIN_SUFFIX[1:]


def is_loopback(url: str) -> bool:
    """Return whether `url` points at this machine."""
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def local_domain(url: str) -> Domain:
    """Return the practice venue's domain at `url` ("http://127.0.0.1:8099", "/api/v1" allowed at its end).

    Its chain is SN_SEPOLIA, so that nothing signed for practice is valid with real money.
    Raises SettingsError unless the URL is http(s) on loopback.
    """
    base = url.strip().rstrip("/").removesuffix(_REST)
    if urlsplit(base).scheme not in ("http", "https") or not is_loopback(base):
        raise SettingsError(f"{LOCAL_URL_ENV} must be an http URL of this machine, such as {DEFAULT_LOCAL_URL}")
    socket = base.replace("http", "ws", 1)
    return Domain(
        name=LOCAL_NAME,
        rest_url=base + _REST,
        stream_url=socket + _STREAM_V1,
        rpc_url=socket + _STREAM_RPC,
        chain_id=TESTNET.chain_id,
        max_expiry_days=MAINNET.max_expiry_days,
    )


def find_domain(name: str, environ: Mapping[str, str] = os.environ) -> Domain:
    """Return the domain called `name`; the local one is where EXTENDED_PERPETUAL_LOCAL_URL says, now.

    Raises SettingsError on an unknown name or a local URL that is not loopback.
    """
    if name == LOCAL_NAME:
        return local_domain(environ.get(LOCAL_URL_ENV) or DEFAULT_LOCAL_URL)
    for domain in (MAINNET, TESTNET):
        if domain.name == name:
            return domain
    raise SettingsError(f"unknown domain {name!r}; known are {', '.join(DOMAIN_NAMES)}")


def with_relay(domain: Domain, environ: Mapping[str, str] = os.environ) -> Domain:
    """Return `domain` with its public v1 streams at the relay that EXTENDED_PERPETUAL_STREAM_URL names, if it does."""
    relay = environ.get(STREAM_URL_ENV, "").strip().rstrip("/")
    if not relay:
        return domain
    if urlsplit(relay).scheme not in ("http", "https", "ws", "wss"):
        raise SettingsError(f"{STREAM_URL_ENV} must be an http or ws URL")
    return replace(domain, stream_url=relay, stream_fallback_url=None)


def account_stream_domain(domain: Domain, environ: Mapping[str, str] = os.environ) -> Domain:
    """Return where `/account` is read: the exchange, unless the relay may see the API key.

    It may when EXTENDED_PERPETUAL_RELAY_ACCOUNT=1 and the relay is loopback or TLS. Raises SettingsError when it is
    asked for and neither holds.
    """
    if environ.get(RELAY_ACCOUNT_ENV) != "1":
        return domain
    relayed = with_relay(domain, environ)
    if urlsplit(relayed.stream_url).scheme in ("https", "wss") or is_loopback(relayed.stream_url):
        return relayed
    raise SettingsError(f"{RELAY_ACCOUNT_ENV}=1 needs a relay on this machine or with TLS: it would see the API key")
