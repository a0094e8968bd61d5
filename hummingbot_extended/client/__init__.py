"""Extended for people without Hummingbot: streams with typed events, REST, signed orders. Begin at `ExtendedClient`."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hummingbot_extended.client.client import ExtendedClient
    from hummingbot_extended.client.events import (
        BalanceUpdate,
        Bar,
        Book,
        Event,
        Fill,
        Funding,
        MarkPrice,
        OrderUpdate,
        PositionUpdate,
        Quote,
        Reconnected,
        Trade,
    )
    from hummingbot_extended.client.order_result import OrderOutcome, OrderResult

__all__ = [
    "BalanceUpdate",
    "Bar",
    "Book",
    "Event",
    "ExtendedClient",
    "Fill",
    "Funding",
    "MarkPrice",
    "OrderOutcome",
    "OrderResult",
    "OrderUpdate",
    "PositionUpdate",
    "Quote",
    "Reconnected",
    "Trade",
]

_HOMES = {"ExtendedClient": "client", "OrderOutcome": "order_result", "OrderResult": "order_result"}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES.get(name, 'events')}"), name)
