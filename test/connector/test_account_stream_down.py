"""While the account stream is down, fills are learned from REST; none is lost when the bot stops then."""

from decimal import Decimal

from hummingbot_extended.exchange.enums import Side
from test.connector.running import stage
from test.until import until

REFUSED = {"kind": "server_error", "path": "*/account", "value": 503, "duration_s": 30}


async def lose_account_stream(venue, bot) -> None:
    await venue.fault(**REFUSED)
    await venue.fault("cut", path="*/account", count=1)
    order_id = bot.buy("0.001", (await venue.mark()) * Decimal("0.98"))  # its frame meets the cut
    await until(lambda: not bot.connector._user_stream.is_live, what=f"the stream is down ({order_id})")


async def test_fill_while_the_account_stream_is_down_comes_from_rest():
    """A resting order fills twice unseen; each fill is reported within seconds, with the stream still down."""
    async with stage() as venue, venue.bot() as bot:
        price = (await venue.mark()).quantize(Decimal(1))
        order_id = bot.sell("0.02", price)
        await bot.until_open(order_id)
        await lose_account_stream(venue, bot)
        other = await venue.trader()
        for filled in ("0.01", "0.02"):
            await other.place(Side.BUY, "0.01", price, ioc=True)
            await until(lambda: bot.filled(order_id) == Decimal(filled))  # noqa: B023
        assert not bot.connector._user_stream.is_live


async def test_cancel_all_while_the_account_stream_is_down_records_the_fills_first():
    """What filled just before the stop is recorded by cancel_all itself: there is no later."""
    async with stage() as venue, venue.bot() as bot:
        price = (await venue.mark()).quantize(Decimal(1))
        order_id = bot.sell("0.01", price)
        await bot.until_open(order_id)
        await lose_account_stream(venue, bot)
        await (await venue.trader()).place(Side.BUY, "0.01", price, ioc=True)
        trader = venue.venue.trader.account.id
        await until(lambda: venue.venue.engine.queries.trades(trader).items)  # matched before anything is cancelled
        await bot.connector.cancel_all(5)
        assert bot.filled(order_id) == Decimal("0.01")
