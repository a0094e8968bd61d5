"""The stream layer: from bytes to messages that a bot can live on. Knows no venue and no Hummingbot."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hummingbot_extended.streams.manager import StreamManager
    from hummingbot_extended.streams.stream import SSEStream, WebSocketStream
    from hummingbot_extended.streams.subscription import Subscription

__all__ = ["SSEStream", "StreamManager", "Subscription", "WebSocketStream"]

_HOMES = {
    "SSEStream": "stream",
    "StreamManager": "manager",
    "Subscription": "subscription",
    "WebSocketStream": "stream",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used, so that a sans-I/O part costs no HTTP library."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
