"""The account's streams: one connection for all of them (M19)."""

from typing import Unpack

from hummingbot_extended.client import channel
from hummingbot_extended.client.account_interpreter import AccountInterpreter
from hummingbot_extended.client.events import BalanceUpdate, Event, PositionUpdate
from hummingbot_extended.client.feeds import WHOLE, Feeds, StreamOptions, Wishes
from hummingbot_extended.client.inlet import Source
from hummingbot_extended.errors import SettingsError
from hummingbot_extended.exchange.rest import ExtendedRest
from hummingbot_extended.streams.subscription import Callback, ErrorCallback, Subscription


class AccountStreams:
    """Subscriptions to the account's connection, which is opened for the first and closed after the last.

    A newcomer gets the present state first. A subscriber 10,000 events behind is ended (InboxFull): subscribe again, to
    begin with the state, instead of trading on an account with holes.
    """

    def __init__(self, feeds: Feeds, source: Source | None, rest: ExtendedRest) -> None:
        self._feeds = feeds
        self._source = source
        self._rest = rest

    async def subscribe(
        self,
        kind: type[Event],
        callback: Callback | None,
        error_callback: ErrorCallback | None,
        **options: Unpack[StreamOptions],
    ) -> Subscription:
        """Return a subscription to the events of one `kind`. Raises SettingsError without an API key."""
        if self._source is None:
            raise SettingsError("the account's streams need api_key")
        feed = self._feeds.of(channel.ACCOUNT, lambda: AccountInterpreter(self._rest), self._source)
        return await self._feeds.subscribe(
            [feed],
            Wishes(
                name="account",
                inbox=WHOLE,
                callback=callback,
                error_callback=error_callback,
                matches=lambda event: isinstance(event, kind),
                **options,
            ),
        )


class Brokerage:
    """`client.brokerage`: positions and balance of the account, or everything of it."""

    def __init__(self, streams: AccountStreams) -> None:
        self._streams = streams

    async def stream_position_changes(
        self,
        callback: Callback | None = None,
        error_callback: ErrorCallback | None = None,
        **options: Unpack[StreamOptions],
    ) -> Subscription:
        """Stream `PositionUpdate`s: the present ones first (`is_snapshot`), then every change."""
        return await self._streams.subscribe(PositionUpdate, callback, error_callback, **options)

    async def stream_balance_changes(
        self,
        callback: Callback | None = None,
        error_callback: ErrorCallback | None = None,
        **options: Unpack[StreamOptions],
    ) -> Subscription:
        """Stream `BalanceUpdate`s: the present one first (`is_snapshot`), then every change."""
        return await self._streams.subscribe(BalanceUpdate, callback, error_callback, **options)

    async def stream_account_events(
        self,
        callback: Callback | None = None,
        error_callback: ErrorCallback | None = None,
        **options: Unpack[StreamOptions],
    ) -> Subscription:
        """Stream every event of the account in the order in which it happened: orders, fills, positions, balance."""
        return await self._streams.subscribe(Event, callback, error_callback, **options)
