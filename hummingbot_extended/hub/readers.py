"""The open channels of a hub: opened by need, counted by reader, closed some time after the last one left."""

from collections.abc import Callable, Iterable, Sequence

from hummingbot_extended.errors import SettingsError, StreamLimitReached
from hummingbot_extended.exchange.channels import CandleFrame
from hummingbot_extended.hub.arbiter import Switch
from hummingbot_extended.hub.channel_reader import ChannelReader, Clocks
from hummingbot_extended.hub.events import Row
from hummingbot_extended.hub.interface import ChannelStatus
from hummingbot_extended.hub.kinds import Channel
from hummingbot_extended.hub.settings import HubSettings
from hummingbot_extended.hub.sources.base import Source


class Readers:
    """One `ChannelReader` a channel, whoever asks for it. The owner calls `tick` once a second."""

    def __init__(
        self,
        sources: Sequence[Source],
        settings: HubSettings,
        *,
        publish: Callable[[Row], None],
        on_candles: Callable[[str, CandleFrame, str], None],
        on_switch: Callable[[ChannelReader, Switch], None],
        on_closed: Callable[[Channel], None],
        clocks: Clocks,
    ) -> None:
        self._sources = sources
        self._settings = settings
        self._publish = publish
        self._on_candles = on_candles
        self._on_switch = on_switch
        self._on_closed = on_closed
        self._clocks = clocks
        self._open: dict[Channel, ChannelReader] = {}

    def __len__(self) -> int:
        return len(self._open)

    def __repr__(self) -> str:
        return f"<Readers {len(self._open)} channels>"

    def find(self, channel: Channel) -> ChannelReader | None:
        """Return the reader of an open channel."""
        return self._open.get(channel)

    def offers(self, channel: Channel) -> bool:
        """Whether any source has the channel."""
        return any(source.offers(channel) for source in self._sources)

    def acquire(self, channel: Channel) -> ChannelReader:
        """Count one more reader, opening the channel for the first. Raises SettingsError and StreamLimitReached."""
        reader = self._open.get(channel)
        if reader is None:
            if len(self._open) >= self._settings.max_channels:
                raise StreamLimitReached(self._settings.max_channels)
            reader = self._make(channel)
            if not reader.has_sources:
                raise SettingsError(f"none of the hub's sources has {channel}")
            self._open[channel] = reader
            reader.start()
        reader.readers += 1
        reader.unread_since_s = None
        return reader

    def release(self, channel: Channel) -> None:
        """Undo one `acquire`; the channel lingers without readers."""
        if (reader := self._open.get(channel)) is None:
            return
        reader.readers -= 1
        if reader.readers <= 0:
            reader.unread_since_s = self._clocks.steady()

    async def tick(self) -> None:
        """Look after all channels, and close those that nobody has read for `linger_s`."""
        now_s = self._clocks.steady()
        for channel, reader in list(self._open.items()):
            since_s = reader.unread_since_s
            if since_s is not None and now_s - since_s >= self._settings.linger_s:
                del self._open[channel]
                await reader.close()
                self._on_closed(channel)
            else:
                reader.tick()

    async def close(self) -> None:
        """Close all channels."""
        readers = list(self._open.values())
        self._open.clear()
        for reader in readers:
            await reader.close()

    def statuses(self) -> Iterable[ChannelStatus]:
        """Return what is true of each open channel."""
        return [reader.status() for reader in self._open.values()]

    def _make(self, channel: Channel) -> ChannelReader:
        return ChannelReader(
            channel,
            self._sources,
            publish=self._publish,
            on_candles=lambda frame, provider: self._on_candles(channel.market, frame, provider),
            on_switch=self._on_switch,
            hot_sources=self._settings.hot_sources,
            linger_s=self._settings.linger_s,
            clocks=self._clocks,
        )
