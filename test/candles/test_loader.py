"""The chain of loaders: order, errors, and the hub that puts itself in front."""

from collections.abc import Iterator
from decimal import Decimal

import pytest

from hummingbot_extended.candles.bars import Bar, flat_bar
from hummingbot_extended.candles.loader import (
    FallbackLoader,
    in_process_loaders,
    register_in_process_loader,
    unregister_in_process_loader,
)
from hummingbot_extended.candles.timeframes import Timeframe, timeframe
from hummingbot_extended.errors import ConnectFailed

M1 = timeframe("M1")
BARS = [flat_bar(60_000, Decimal(5))]
DOMAIN = "extended_perpetual_local"


class ListLoader:
    """A source with a fixed answer."""

    def __init__(self, name: str, answer: list[Bar] | Exception) -> None:
        self.name = name
        self.answer = answer
        self.asked: list[tuple[str, str, int, int | None, int | None]] = []

    async def load(
        self, market: str, frame: Timeframe, *, limit: int, start_ms: int | None = None, end_ms: int | None = None
    ) -> list[Bar]:
        self.asked.append((market, frame.name, limit, start_ms, end_ms))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.fixture
def hub() -> Iterator[ListLoader]:
    loader = ListLoader("hub", BARS)
    register_in_process_loader(loader, DOMAIN)
    yield loader
    unregister_in_process_loader(loader, DOMAIN)


async def test_the_hub_of_this_process_answers_before_the_exchange(hub: ListLoader) -> None:
    exchange = ListLoader("exchange", BARS)
    chain = FallbackLoader(exchange, domain=DOMAIN)
    assert await chain.load("BTC-USD", M1, limit=5, start_ms=1, end_ms=2) == BARS
    assert hub.asked == [("BTC-USD", "M1", 5, 1, 2)]
    assert exchange.asked == []
    assert repr(chain) == "<FallbackLoader hub → exchange>"


async def test_a_hub_of_another_domain_is_not_asked(hub: ListLoader) -> None:
    exchange = ListLoader("exchange", BARS)
    await FallbackLoader(exchange, domain="extended_perpetual").load("BTC-USD", M1, limit=5)
    assert hub.asked == []
    assert exchange.asked == [("BTC-USD", "M1", 5, None, None)]


@pytest.mark.parametrize("answer", [[], ConnectFailed("no hub there")])
async def test_a_source_without_candles_leaves_it_to_the_next(answer, hub: ListLoader) -> None:
    hub.answer = answer
    http = ListLoader("http", answer)
    exchange = ListLoader("exchange", BARS)
    assert await FallbackLoader(exchange, domain=DOMAIN, before=[http]).load("BTC-USD", M1, limit=5) == BARS
    assert [len(loader.asked) for loader in (http, hub, exchange)] == [1, 1, 1]


async def test_the_last_error_is_raised() -> None:
    with pytest.raises(ConnectFailed):
        await FallbackLoader(ListLoader("exchange", ConnectFailed("down")), domain=DOMAIN).load("BTC-USD", M1, limit=5)


def test_unregistering_twice_is_harmless(hub: ListLoader) -> None:
    assert list(in_process_loaders(DOMAIN)) == [hub]
    unregister_in_process_loader(hub, DOMAIN)
    unregister_in_process_loader(hub, DOMAIN)
    assert list(in_process_loaders(DOMAIN)) == []
