"""Two connectors trade through one hub's relay; without the hub they read at the venue, and later return."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from decimal import Decimal

import pytest
from hummingbot.core.data_type.common import OrderType, PositionAction

from hummingbot_extended.connector import transport
from hummingbot_extended.exchange.endpoints import STREAM_URL_ENV
from hummingbot_extended.hub.face_settings import FaceSettings
from hummingbot_extended.hub.server import HubServer
from hummingbot_extended.hub.service import Hub
from hummingbot_extended.hub.settings import HubSettings
from test.connector.conftest import data_directory  # noqa: F401  # journals belong to the run
from test.connector.running import PAIR, Bot, Stage, stage
from test.until import until

PUBLIC = ("/orderbooks/", "/publicTrades/", "/funding/", "/prices/")


def public_paths(venue_stage: Stage) -> Counter[str]:
    """How many public streams of the market the venue serves, by path, over v1."""
    counts = venue_stage.venue.core.hub.count_by_path()
    return Counter({path: count for path, count in counts.items() if any(part in path for part in PUBLIC)})


@asynccontextmanager
async def hub_at(port: int = 0) -> AsyncIterator[HubServer]:
    async with Hub(HubSettings(sources=("extended_ws",), linger_s=0.1)) as hub:
        async with HubServer(hub, FaceSettings(port=port)) as server:
            yield server


async def trade(bot: Bot) -> None:
    """Let a bot buy from the venue's makers, and wait until its order is filled."""
    connector = bot.connector
    price = connector.get_price(PAIR, is_buy=True) * Decimal("1.01")
    order_id = connector.buy(PAIR, Decimal("0.01"), OrderType.LIMIT, price, position_action=PositionAction.OPEN)
    await until(lambda: order_id not in connector.in_flight_orders, "the order is filled")


@pytest.mark.slow
async def test_two_connectors_share_the_upstreams_and_survive_the_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "RETURN_AFTER_S", 1.0)
    async with stage(makers=True) as venue_stage, AsyncExitStack() as stack:
        server = await stack.enter_async_context(hub := hub_at())
        monkeypatch.setenv(STREAM_URL_ENV, server.stream_url)
        port = server.port
        bots = [await stack.enter_async_context(venue_stage.bot(bot_id=f"bot{n}")) for n in (1, 2)]
        relays = [each for each in server.faces.listeners if "Relay" in repr(each)]
        assert len(relays) == 10  # five streams each
        assert set(public_paths(venue_stage).values()) == {1}
        for bot in bots:
            await trade(bot)

        await hub.__aexit__(None, None, None)
        await until(lambda: min(public_paths(venue_stage).values(), default=0) == 2, "both read at the venue")
        await until(lambda: all(bot.connector.ready for bot in bots), "both are ready without the hub")
        for bot in bots:
            await trade(bot)

        async with hub_at(port) as again:
            await until(lambda: len(again.faces.listeners) == 10, "both are back at the hub")
            await until(lambda: set(public_paths(venue_stage).values()) == {1}, "one upstream each again")
            await until(lambda: all(bot.connector.ready for bot in bots), "both are ready again")
            for bot in bots:
                await trade(bot)
            await asyncio.gather(*(bot.connector.cancel_all(5) for bot in bots))
            account = await venue_stage.ledger()
            assert Decimal(str(account["positions"][0]["size"])) == Decimal("0.06"), account
            for bot in reversed(bots):
                await bot.connector.stop_network()
