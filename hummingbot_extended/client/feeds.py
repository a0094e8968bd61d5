"""All feeds of a client: one for each channel, shared by the subscriptions that read it."""

from collections.abc import Awaitable, Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any, TypedDict

from hummingbot_extended.client.channel import Channel
from hummingbot_extended.client.feed import Feed, Interpreter
from hummingbot_extended.client.inlet import Source
from hummingbot_extended.client.listener import Listener, OnReconnected
from hummingbot_extended.errors import NotConnected
from hummingbot_extended.streams.inbox import Policy
from hummingbot_extended.streams.subscription import Callback, ErrorCallback, Subscription
from hummingbot_extended.streams.supervisor import NO_CONNECTION


@dataclass(frozen=True, slots=True, kw_only=True)
class Inbox:
    """What happens when a subscriber is slow (`streams.inbox`), by the kind of its events."""

    policy: Policy
    limit: int
    key: Callable[[Any], Hashable] | None = None


# The present is worth more than the past: a waiting event is replaced by its market's newer one.
LATEST = Inbox(policy="conflate", limit=1024, key=lambda event: event.market)
# The oldest go, and `error_callback` is told.
HISTORY = Inbox(policy="drop_oldest", limit=10_000)
# Nobody should trade on an account with holes: the subscription ends, and the next begins with snapshots.
WHOLE = Inbox(policy="error", limit=10_000)


class StreamOptions(TypedDict, total=False):
    """What every stream method takes besides: `on_reconnected(mark)` is called before what was missed is handed out;
    `policy` and `limit` choose what happens when the callback is slow (`streams.inbox`)."""

    on_reconnected: OnReconnected | None
    policy: Policy | None
    limit: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What a subscriber said: whom to call, how to wait. None for a policy or a limit: the kind's own."""

    name: str
    inbox: Inbox
    callback: Callback | None = None
    error_callback: ErrorCallback | None = None
    on_reconnected: OnReconnected | None = None
    policy: Policy | None = None
    limit: int | None = None
    matches: Callable[[Any], bool] | None = None
    view: Callable[[Any], Any] | None = None


class Feeds:
    """Opens feeds when they are needed and closes them when they are not. `close` ends every subscription."""

    def __init__(self) -> None:
        self._feeds: dict[Channel, Feed] = {}
        self._is_closed = False

    def __repr__(self) -> str:
        return f"<Feeds {', '.join(map(repr, self._feeds.values())) or 'none'}>"

    def all(self) -> tuple[Feed, ...]:
        """The feeds that are open or opening."""
        return tuple(self._feeds.values())

    def of(self, channel: Channel, interpreter: Callable[[], Interpreter], source: Source) -> Feed:
        """Return the feed of a channel; a new one is made where nobody reads it. Raises NotConnected after `close`."""
        if self._is_closed:
            raise NotConnected(NO_CONNECTION, "the client is closed")
        feed = self._feeds.get(channel)
        if feed is None:
            feed = self._feeds[channel] = Feed(channel, interpreter(), source, on_idle=self._forget)
        return feed

    async def subscribe(
        self,
        feeds: Sequence[Feed],
        wishes: Wishes,
        opening: Callable[[Feed], Awaitable[Any]] | None = None,
    ) -> Subscription:
        """Return a subscription to all of `feeds`, opened. Where one does not open, nothing stays subscribed.

        `opening` is awaited with each opened feed before its first event: what it returns goes to the interpreter.
        """
        held: list[tuple[Feed, Listener | None]] = []

        async def release(_: Subscription) -> None:
            for feed, listener in held:
                await feed.let_go(listener)
            held.clear()

        def make_room(_: Subscription) -> None:
            for feed, _listener in held:
                feed.make_room()

        inbox = wishes.inbox
        policy = wishes.policy or inbox.policy
        subscription = Subscription(
            error_callback=wishes.error_callback,
            matches=wishes.matches,
            policy=policy,
            limit=wishes.limit or inbox.limit,
            key=inbox.key if policy == "conflate" else None,
            release=release,
            on_room=make_room,
            name=wishes.name,
        )
        try:
            for feed in feeds:
                await feed.hold()
                held.append((feed, None))
                start = await opening(feed) if opening is not None else None
                listener = Listener(subscription, view=wishes.view, on_reconnected=wishes.on_reconnected)
                held[-1] = (feed, listener)
                feed.join(listener, start)
        except BaseException:
            await subscription.unsubscribe()
            for feed in feeds:
                feed.check_idle()
            raise
        if wishes.callback is not None:
            subscription.add_callback(wishes.callback)
        return subscription

    async def close(self) -> None:
        """End every subscription and close every feed. Safe to repeat."""
        self._is_closed = True
        feeds, self._feeds = self.all(), {}
        subscriptions = {listener.subscription for feed in feeds for listener in feed.listeners()}
        for subscription in subscriptions:
            await subscription.aclose()
        for feed in feeds:
            await feed.close()

    def _forget(self, feed: Feed) -> None:
        if self._feeds.get(feed.channel) is feed:
            del self._feeds[feed.channel]
