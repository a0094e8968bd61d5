"""One subscription's place in a feed."""

from collections.abc import Awaitable, Callable
from typing import Any

from hummingbot_extended.client.events import Reconnected
from hummingbot_extended.streams.subscription import Subscription

type OnReconnected = Callable[[Reconnected], Awaitable[None] | None]


class Listener:
    """Gives a subscription the events of one feed, in the form it wants (`view`; an event it turns into None is not
    for it), and tells its owner of reconnects."""

    def __init__(
        self,
        subscription: Subscription,
        *,
        view: Callable[[Any], Any] | None = None,
        on_reconnected: OnReconnected | None = None,
    ) -> None:
        self.subscription = subscription
        self.on_reconnected = on_reconnected
        self._view = view

    def __repr__(self) -> str:
        return f"<Listener of {self.subscription!r}>"

    def give(self, event: Any) -> bool:
        """Put `event` into the subscription's inbox. True when that is full now."""
        if self._view is not None and (event := self._view(event)) is None:
            return False
        return self.subscription.deliver(event)
