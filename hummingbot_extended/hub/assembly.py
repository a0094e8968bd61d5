"""What a hub is made of by its settings: sessions, the exchange's REST, sources, history."""

import os
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import aiohttp

from hummingbot_extended.candles.exchange_loader import ExchangeLoader
from hummingbot_extended.candles.loader import CandleLoader
from hummingbot_extended.errors import SettingsError
from hummingbot_extended.exchange.endpoints import Domain, find_domain, is_exchange_host
from hummingbot_extended.exchange.relay import STREAM_TOKEN_ENV, RelayTransport, read_token
from hummingbot_extended.exchange.rest import AiohttpSend, ExtendedRest
from hummingbot_extended.hub.bus.base import Bus, make_bus
from hummingbot_extended.hub.settings import HubSettings
from hummingbot_extended.hub.sources.base import Source
from hummingbot_extended.hub.sources.bus import BusSource
from hummingbot_extended.hub.sources.paths import PathSource
from hummingbot_extended.hub.sources.rest import RestSource
from hummingbot_extended.hub.sources.rpc import RpcSource
from hummingbot_extended.streams.aiohttp_transport import AiohttpSSETransport, AiohttpWebSocketTransport, stream_session
from hummingbot_extended.streams.transport_choice import TransportChoice

CCXT = "ccxt:"
STREAM_PREFIX = "/stream.extended.exchange/v1"


@dataclass(frozen=True, slots=True)
class Parts:
    """What `Hub` runs on. Whoever makes them by hand (tests, an embedding program) closes what they hold."""

    rest: ExtendedRest
    sources: tuple[Source, ...]
    history: CandleLoader | None
    bus: Bus | None = None


async def make_parts(settings: HubSettings, stack: AsyncExitStack, *, environ: Mapping[str, str] = os.environ) -> Parts:
    """Make the parts of `settings`; `stack` closes what they hold. Raises SettingsError."""
    domain = find_domain(settings.domain, environ)
    session = await stack.enter_async_context(aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()))
    streams = await stack.enter_async_context(stream_session())
    rest = ExtendedRest(AiohttpSend(session, domain.rest_url))
    websocket, sse = AiohttpWebSocketTransport(streams), AiohttpSSETransport(streams)

    def choice(setting: Any, url: str) -> TransportChoice:
        return TransportChoice.of(setting, websocket=websocket, sse=sse, may_use_sse=not is_exchange_host(url))

    def relay(name: str, setting: Any, url: str) -> PathSource:
        token = read_token(STREAM_TOKEN_ENV, url, environ)
        both = [RelayTransport(transport, url, token) for transport in (websocket, sse)]
        return PathSource(name, url, TransportChoice.of(setting, websocket=both[0], sse=both[1]))

    def make(name: str) -> Source:
        match name:
            case "extended_rpc":
                return RpcSource(domain.rpc_url, choice("websocket", domain.rpc_url))
            case "extended_ws":
                return PathSource(name, domain.stream_url, choice("websocket", domain.stream_url))
            case "extended_rest":
                return RestSource(rest, stats_s=settings.stats_every_s)
            case "extended_sse":
                return relay(name, "sse", _needed(settings.relay_url, name, "relay_url").rstrip("/"))
            case "hub":
                return relay(name, "auto", _needed(settings.hub_url, name, "hub_url").rstrip("/") + STREAM_PREFIX)
        if name.startswith(CCXT):
            return _ccxt_source(name)
        raise SettingsError(f"there is no source {name!r}")

    sources = tuple(make(name) for name in settings.sources)
    bus = make_bus(settings.bus)
    if bus is not None:
        await stack.enter_async_context(bus)
        if settings.role in ("edge", "store"):
            sources = (BusSource(bus, settings.domain), *sources)
    elif settings.role != "all":
        raise SettingsError(f"a hub that is {settings.role} only needs a bus, such as mqtt://localhost:1883")
    return Parts(rest, sources, ExchangeLoader(rest), bus)


def domain_of(settings: HubSettings) -> Domain:
    """Return the exchange that a hub reads."""
    return find_domain(settings.domain)


def _ccxt_source(name: str) -> Source:
    """Return an exchange of ccxt, which is an extra: it is imported where it is wanted."""
    try:
        from hummingbot_extended.hub.sources.ccxt import CcxtSource, exchange_of
    except ModuleNotFoundError as error:
        if error.name != "ccxt":
            raise
        raise SettingsError(f"the source {name} needs ccxt: pip install 'hummingbot-extended[ccxt]'") from None
    return CcxtSource(exchange_of(name.removeprefix(CCXT)), name=name)


def _needed(value: str | None, source: str, setting: str) -> str:
    if value is None:
        raise SettingsError(f"the source {source} needs {setting}")
    return value
