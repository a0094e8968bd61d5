"""How much a price is to be trusted, through a hub: the sources' prices are compared, and none is ever averaged."""

import itertools
import time
from decimal import Decimal

import pytest

from hummingbot_extended.exchange.channels import TradesFrame
from hummingbot_extended.exchange.enums import Side, TradeType
from hummingbot_extended.exchange.models import PublicTrade
from hummingbot_extended.hub.events import PriceRow, Row
from hummingbot_extended.hub.interface import SourceStatus
from hummingbot_extended.hub.kinds import Channel, Feed, Kind
from hummingbot_extended.hub.service import Hub
from hummingbot_extended.hub.sources.base import Sink
from test.hub.core_kit import MARKET, hub_on, serving
from test.until import until


class OtherVenue:
    """A source of trades whose prices the test says."""

    name = "other"

    def __init__(self) -> None:
        self.sinks: list[Sink] = []
        self._ids = itertools.count(10**15)

    def offers(self, channel: Channel) -> bool:
        return channel.feed is Feed.TRADES

    def open(self, channel: Channel, sink: Sink) -> "OtherVenue":
        self.sinks.append(sink)
        sink.connected()
        return self

    def request_reconnect(self, reason: str) -> None:
        pass

    async def close(self) -> None:
        self.sinks.clear()

    def trade(self, price: Decimal) -> None:
        now_ms = int(time.time() * 1000)
        trade = PublicTrade(
            id=next(self._ids),
            market=MARKET,
            side=Side.BUY,
            type=TradeType.TRADE,
            time_ms=now_ms,
            price=price,
            qty=price,
        )
        for sink in self.sinks:
            sink.take(TradesFrame(trades=[trade], ts_ms=now_ms, seq=1))


def sources_of(hub: Hub) -> dict[str, SourceStatus]:
    reader = hub._readers.find(Channel(Feed.TRADES, MARKET))
    return {source.name: source for source in reader.status().sources} if reader else {}


@pytest.mark.states("W42", "W-B12")
async def test_a_source_that_disagrees_lowers_the_confidence_and_never_the_price() -> None:
    """W42: the score is measured. §4.4: confidence is the score times the agreement of the other live sources."""
    other = OtherVenue()
    async with serving() as venue, hub_on(venue, sources=("extended_ws",), more_sources=(other,), hot_sources=2) as hub:
        rows: list[Row] = []
        hub.listen([Kind.PRICE], [MARKET], rows.append)
        await until(lambda: sources_of(hub)["extended_ws"].state == "live")
        await until(lambda: [row for row in rows if isinstance(row, PriceRow)])
        agreed, told = rows[-1], len(rows)
        assert isinstance(agreed, PriceRow)
        assert agreed.provider == "extended_ws"
        assert agreed.confidence > 0.5

        far = (agreed.price * 2).quantize(Decimal(1))
        other.trade(far)
        await until(lambda: len(rows) > told)
        doubted = rows[-1]
        assert isinstance(doubted, PriceRow)
        assert doubted.confidence == 0
        assert doubted.provider == "extended_ws"
        assert abs(doubted.price / agreed.price - 1) < Decimal("0.1")  # nowhere near the mean of the two
        assert sources_of(hub)["other"].confidence == 0
        assert sources_of(hub)["other"].score > 50
