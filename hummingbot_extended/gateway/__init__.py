"""`HummingbotClient`: drive a running Hummingbot from another process. Imports no Hummingbot."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hummingbot_extended.gateway.client import HummingbotClient
    from hummingbot_extended.gateway.enums import ConnectionStatus, MarketType, OrderSide, OrderStatus, OrderType
    from hummingbot_extended.gateway.errors import HummingbotClientException
    from hummingbot_extended.gateway.events import AsyncEventListener, Event, EventEngine, EventListener, EventType
    from hummingbot_extended.gateway.transports.api import ApiTransport

__all__ = [
    "ApiTransport",
    "AsyncEventListener",
    "ConnectionStatus",
    "Event",
    "EventEngine",
    "EventListener",
    "EventType",
    "HummingbotClient",
    "HummingbotClientException",
    "MarketType",
    "OrderSide",
    "OrderStatus",
    "OrderType",
]

_HOMES = {
    "ApiTransport": "transports.api",
    "AsyncEventListener": "events",
    "ConnectionStatus": "enums",
    "Event": "events",
    "EventEngine": "events",
    "EventListener": "events",
    "EventType": "events",
    "HummingbotClient": "client",
    "HummingbotClientException": "errors",
    "MarketType": "enums",
    "OrderSide": "enums",
    "OrderStatus": "enums",
    "OrderType": "enums",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
