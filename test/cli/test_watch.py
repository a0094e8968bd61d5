"""`hummingbot-extended watch`, run as people run it."""

import asyncio
import json
import os
import signal
import sys

import pytest
from rich.console import Console

from hummingbot_extended.cli.watch_view import json_line, plain_line, screen
from hummingbot_extended.client.live_markets import LiveMarket, watch_markets
from hummingbot_extended.venue.server import PracticeVenue
from hummingbot_extended.venue.settings import VenueSettings
from test.client.conftest import proven_client
from test.until import until

COMMAND = (sys.executable, "-m", "hummingbot_extended")


@pytest.fixture
async def venue():
    async with PracticeVenue(VenueSettings(port=0, rate_limit=0)) as venue:
        yield venue


async def run(*arguments: str, interrupt_at: bytes = b"", **environment: str) -> tuple[int, str, str]:
    """Return exit code, stdout and stderr of the command, which gets a Ctrl-C when it has said `interrupt_at`."""
    process = await asyncio.create_subprocess_exec(
        *COMMAND,
        *arguments,
        env=os.environ | environment,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    begin = b""
    if interrupt_at:
        begin = await asyncio.wait_for(process.stdout.readuntil(interrupt_at), 150)
        process.send_signal(signal.SIGINT)
    rest, err = await asyncio.wait_for(process.communicate(), 150)
    return process.returncode, (begin + rest).decode(), err.decode()


async def test_json_lines_tell_events_of_every_kind(venue):
    code, out, err = await run("watch", "BTC-USD", "--url", venue.origin, "--json", "--seconds", "2")
    assert (code, err) == (0, "")
    events = [json.loads(line) for line in out.splitlines()]
    assert {event["event"] for event in events} == {"Book", "Trade", "Funding", "MarkPrice"}
    assert all(event["market"] == "BTC-USD" for event in events)
    price = next(event["price"] for event in events if event["event"] == "MarkPrice")
    assert isinstance(price, str)


async def test_plain_lines_and_a_clean_end_by_ctrl_c(venue):
    code, out, err = await run("watch", "BTC-USD", "ETH-USD", "--url", venue.origin, interrupt_at=b"streams live")
    assert (code, err) == (0, "")
    assert "BTC-USD" in out
    assert "ETH-USD" in out
    assert "streams live" in out
    await until(lambda: not venue.core.hub.connections)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("NOPE-USD",), "no market NOPE-USD on extended_perpetual_local; there are BTC-USD"),
        (("BTC-USD", "--transport", "smoke"), "transport is 'smoke'"),
    ],
)
async def test_what_cannot_be_watched_is_one_sentence(venue, arguments, sentence):
    code, out, err = await run("watch", *arguments, "--url", venue.origin)
    assert (code, out) == (1, "")
    assert sentence in err
    assert err.count("\n") == 1


async def test_no_venue_is_one_sentence_with_the_cure():
    code, out, err = await run("watch", "BTC-USD", "--url", "http://127.0.0.1:9")
    assert (code, out) == (1, "")
    assert "no practice venue answers at http://127.0.0.1:9" in err
    assert "hummingbot-extended venue" in err


@pytest.mark.parametrize(
    ("command", "said"), [(("watch", "BTC-USD", "--url", "{url}"), ""), (("hub", "--port", "0"), "stopped")]
)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_ends_a_command_also_while_nobody_answers_it(command, said, number):
    asked = asyncio.Event()

    async def stall(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.set()
        await reader.read()
        writer.close()

    async with await asyncio.start_server(stall, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        process = await asyncio.create_subprocess_exec(
            *COMMAND,
            *(part.format(url=url) for part in command),
            env=os.environ | {"EXTENDED_PERPETUAL_LOCAL_URL": url},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        await asyncio.wait_for(asked.wait(), 60)
        process.send_signal(number)
        out, err = await asyncio.wait_for(process.communicate(), 60)
    assert (process.returncode, err) == (0, b"")  # not the end of a request that nobody waits for
    assert said in out.decode()


@pytest.mark.parametrize("options", [("--json",), ()])
async def test_it_ends_without_a_word_when_nobody_reads_it_any_more(venue, options):
    reading, writing = os.pipe()
    process = await asyncio.create_subprocess_exec(
        *COMMAND, "watch", "BTC-USD", "--url", venue.origin, *options, stdout=writing, stderr=asyncio.subprocess.PIPE
    )
    os.close(writing)
    assert await asyncio.to_thread(os.read, reading, 1)
    os.close(reading)
    _, err = await asyncio.wait_for(process.communicate(), 60)
    assert err == b""


async def test_wrong_usage_is_exit_code_2():
    assert (await run("watch"))[0] == 2


async def test_the_view_shows_book_trades_funding_mark_and_health(venue):
    async with proven_client(venue, api_key=None, stark_private_key=None) as client:
        markets = await watch_markets(client, ["BTC-USD", "ETH-USD"], depth=5)
        await until(lambda: all(m.book and m.mark and m.funding and m.trades for m in markets))
        console = Console(width=160, record=True, file=open(os.devnull, "w"))  # noqa: SIM115
        console.print(screen(markets, client.stats(), "the venue"))
        console.file.close()
        shown = console.export_text()
        for word in ("BTC-USD", "ETH-USD", "mark", "funding", "per hour", "/orderbooks/BTC-USD", "live", "reconnects"):
            assert word in shown
        assert "NOT LIVE" not in shown
        assert str(markets[0].book.bids[0][0]) in shown
        assert str(markets[0].trades[0].price) in shown
        assert "streams live" in plain_line(markets[0], client.stats())
        markets[0].hear(RuntimeError("lost"))
        markets[0].came_back(None)
        assert (markets[0].last_error, markets[0].reconnects) == ("lost", 1)
        assert json.loads(json_line(markets[0].mark))["market"] == "BTC-USD"


async def test_a_book_whose_stream_is_down_is_marked_as_old(venue):
    async with proven_client(venue, api_key=None, stark_private_key=None) as client:
        markets = await watch_markets(client, ["BTC-USD", "ETH-USD"], depth=5)
        await until(lambda: all(market.book for market in markets))
        stats = client.stats()
        stats["/orderbooks/ETH-USD"]["state"] = "backoff"
        with open(os.devnull, "w") as nowhere:
            console = Console(width=160, record=True, file=nowhere)
            console.print(screen(markets, stats, "the venue"))
        btc, _, eth = console.export_text().partition("ETH-USD")
        assert "NOT LIVE" not in btc
        assert "NOT LIVE: these prices are old" in eth


def test_a_market_of_which_nothing_is_known_yet_can_be_shown():
    market = LiveMarket("BTC-USD")
    assert "bid - ask -" in plain_line(market, {})
    with open(os.devnull, "w") as nowhere:
        Console(file=nowhere).print(screen([market], {}, "nowhere"))
