"""What the connector tells about its streams, for `status` and the demo."""

import re

from test.connector.running import PAIR, stage
from test.until import until


async def test_stream_status_names_latency_and_account():
    """A running connector tells how late its book is and that the account stream is current."""
    async with stage() as venue, venue.bot() as bot:
        await until(lambda: "latency" in bot.connector.stream_status()[0])
        book, account = bot.connector.stream_status()
        latency_ms = re.fullmatch(rf"{PAIR} book live, latency (\d+) ms, 0 reconnects, 0 gaps", book)
        assert latency_ms
        assert int(latency_ms[1]) < 60_000
        assert account == "account live"


async def test_stream_status_after_a_gap_counts_it():
    """A lost frame shows as one gap and one reconnect."""
    async with stage(makers=True) as venue, venue.bot() as bot:
        await venue.fault("gap", path="*/orderbooks/*", count=1)
        await until(lambda: "1 reconnects, 1 gaps" in bot.connector.stream_status()[0])
