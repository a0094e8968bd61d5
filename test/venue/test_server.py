"""The venue as a whole: start, stop, port, state, and the command line in a process of its own."""

import asyncio
import json
import os
import signal
import sqlite3
import sys
from decimal import Decimal
from pathlib import Path

import aiohttp
import pytest

from hummingbot_extended.errors import SettingsError
from hummingbot_extended.venue.enums import Mode
from hummingbot_extended.venue.server import PracticeVenue
from hummingbot_extended.venue.storage import StateFile
from test.until import until
from test.venue.venue_kit import MARKET, Client, quiet, trading

BOOK = {
    "status": "OK",
    "data": {
        "market": MARKET,
        "bid": [{"qty": "0.5", "price": "84100"}, {"qty": "1", "price": "84099"}],
        "ask": [{"qty": "0.4", "price": "84102.0"}],
    },
}


async def test_a_venues_facts_are_the_designs() -> None:
    async with PracticeVenue() as venue:
        facts = venue.facts()
        assert list(facts) == [
            "rest_url", "stream_url", "api_key", "stark_private_key", "stark_public_key", "vault", "chain_id",
        ]  # fmt: skip
        assert facts["rest_url"] == f"http://127.0.0.1:{venue.port}/api/v1"
        assert facts["stream_url"] == f"ws://127.0.0.1:{venue.port}/stream.extended.exchange/v1"
        assert venue.faults.counts() == {}
        serving = asyncio.create_task(venue.serve())
        await asyncio.sleep(0)
        serving.cancel()


async def test_the_same_seed_gives_the_same_keys_and_another_seed_others() -> None:
    facts = []
    for seed in (1, 1, 2):
        async with quiet(seed=seed) as venue:
            facts.append((venue.api_key, venue.stark_public_key))
    assert facts[0] == facts[1]
    assert facts[0] != facts[2]


async def test_a_taken_port_is_one_clear_sentence() -> None:
    async with quiet() as venue:
        with pytest.raises(SettingsError, match=f"port 127.0.0.1:{venue.port} is in use"):
            async with quiet(port=venue.port):
                pass


async def test_a_captured_book_is_what_its_market_starts_from(tmp_path: Path) -> None:
    path = tmp_path / "book.json"
    path.write_text(json.dumps(BOOK))
    async with trading(makers=True, book=path, speed=0.000001) as (_, client):
        book = await client.get(f"/info/markets/{MARKET}/orderbook")
        assert {"qty": "0.50000", "price": "84100"} in book["bid"]
        stats = await client.get(f"/info/markets/{MARKET}/stats")
        assert stats["markPrice"] == "84101"
    path.write_text(json.dumps(BOOK).replace("BTC", "DOGE"))
    with pytest.raises(SettingsError, match="DOGE-USD"):
        async with quiet(book=path):
            pass


async def test_stopping_tells_streams_and_lets_received_orders_through(tmp_path: Path) -> None:
    state = tmp_path / "venue.sqlite"
    async with aiohttp.ClientSession() as session:
        async with quiet(state=state, acceptance_delay_ms=60_000) as venue:
            client = Client(venue, session)
            socket = await session.ws_connect(f"{venue.stream_url}/orderbooks/{MARKET}")
            await socket.receive()
            status, _ = await client.call("POST", "/user/order", json=client.order("BUY", "0.01", "83000", "pending"))
            assert status == 200
        message = await socket.receive()
        assert (message.type, message.data) == (aiohttp.WSMsgType.CLOSE, 1001)
        async with quiet(state=state) as venue:
            (order,) = await Client(venue, session).get("/user/orders")
            assert order["externalId"] == "pending"


async def test_a_killed_venue_accepts_what_it_had_received_and_keeps_mode_and_prices(tmp_path: Path) -> None:
    state, killed = tmp_path / "venue.sqlite", tmp_path / "killed.sqlite"
    async with trading(state=state) as (venue, client):
        await client.control("POST", "/price", market=MARKET, price="85000")
        await client.control("PATCH", "/settings", acceptance_delay_ms=60_000)
        status, _ = await client.call("POST", "/user/order", json=client.order("BUY", "0.01", "83000", "pending"))
        assert status == 200
        venue.core.set_mode(Mode.POST_ONLY)
        await StateFile(killed).close(venue.core._state())  # what a periodic save has when the venue is killed now
        venue.core.set_mode(Mode.NORMAL)
    async with trading(state=killed) as (venue, client):
        assert venue.core.mode is Mode.POST_ONLY
        stats = await client.get(f"/info/markets/{MARKET}/stats")
        assert stats["markPrice"] == "85000"
        queries = venue.engine.queries
        await until(lambda: queries.orders_by_external_id(client.account, "pending"), "the received order's outcome")
        assert queries.pending_ids() == []


async def test_state_survives_a_restart_to_the_last_digit(tmp_path: Path) -> None:
    state = tmp_path / "venue.sqlite"
    async with trading(state=state, seed=5) as (venue, client):
        other = Client(venue, client.session, 1)
        await other.place("SELL", "0.01", "84100")
        await client.place("BUY", "0.01", "84100")
        await client.place("BUY", "0.01", "83000")
        before = await client.get("/practice/ledger")
        candles = await client.get(f"/info/candles/{MARKET}/trades?interval=PT1M&limit=30")
    async with trading(state=state, seed=5) as (venue, client):
        assert len(venue.core.traders) == 2
        after = await client.get("/practice/ledger")
        for ledger in (before, after):
            ledger.pop("ts")
        assert after == before
        again = await client.get(f"/info/candles/{MARKET}/trades?interval=PT1M&limit=40")
        (traded,) = [candle for candle in again if candle["T"] == candles[0]["T"]]
        assert (traded["h"], traded["v"]) == (candles[0]["h"], "0.01")
        other = Client(venue, client.session, 1)
        await other.place("SELL", "0.01", "83000")
        assert Decimal((await client.get("/user/positions"))[0]["size"]) == Decimal("0.02")


async def test_a_restarted_house_goes_on_with_its_quotes(tmp_path: Path) -> None:
    state = tmp_path / "venue.sqlite"
    async with quiet(state=state, makers=True) as venue:
        resting = {market: len(house.model.quotes["BUY"]) for market, house in venue.core.house.items()}
    async with quiet(state=state, makers=True) as venue:
        bids, asks = venue.engine.queries.book(MARKET)
        assert bids[0][0] < asks[0][0]
        assert all(len(house.model.quotes["BUY"]) > 30 for house in venue.core.house.values())
        assert resting.keys() == venue.core.house.keys()


async def test_a_place_that_the_state_cannot_be_written_to_is_told_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="there is no folder"):
        async with quiet(state=tmp_path / "nowhere" / "venue.sqlite"):
            pass


@pytest.mark.parametrize("content", [b"not a database at all, but long enough to look", None])
async def test_a_foreign_state_file_is_refused(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "state"
    if content is None:
        with sqlite3.connect(path) as database:
            database.execute("CREATE TABLE venue (id INTEGER, format INT, saved_ms INT, state BLOB)")
            database.execute("INSERT INTO venue VALUES (1, 999, 0, '{}')")
        database.close()
    else:
        path.write_bytes(content)
    with pytest.raises(SettingsError, match="state"):
        async with quiet(state=path):
            pass


# --- the command -----------------------------------------------------------------------------------------------------


async def start(*options: str) -> asyncio.subprocess.Process:
    pipe = asyncio.subprocess.PIPE
    command = [sys.executable, "-m", "hummingbot_extended", "venue", *options]
    return await asyncio.create_subprocess_exec(*command, stdout=pipe, stderr=pipe, env=os.environ | {"COLUMNS": "120"})


async def test_the_command_prints_one_line_of_json_and_ends_cleanly_on_sigterm() -> None:
    process = await start("--json", "--port", "0", "--fault", "gap,count=1,path=*mark*", "--variant", "retry_after=yes")
    assert process.stdout is not None
    facts = json.loads(await process.stdout.readline())
    async with aiohttp.ClientSession() as session:
        async with session.get(f"{facts['rest_url']}/info/markets") as reply:
            assert reply.status == 200
        origin = facts["rest_url"].removesuffix("/api/v1")
        async with session.get(f"{origin}/practice/faults") as reply:
            assert (await reply.json())["data"][0]["kind"] == "gap"
        async with session.get(f"{origin}/practice/variants") as reply:
            assert (await reply.json())["data"]["retry_after"] is True
    process.send_signal(signal.SIGTERM)
    out, err = await process.communicate()
    assert (process.returncode, out) == (0, b"")
    assert err == b"The practice venue has stopped.\n"


async def test_the_command_greets_with_what_one_needs_to_connect() -> None:
    process = await start("--port", "0")
    assert process.stdout is not None
    shown = b""
    async with asyncio.timeout(20):
        while b"fills" not in shown:
            shown += await process.stdout.readline()
    process.send_signal(signal.SIGINT)
    out, err = await process.communicate()
    assert (process.returncode, err) == (0, b"")
    assert out.endswith(b"The practice venue has stopped.\n")
    for needed in (b"/api/v1", b"API key", b"Stark private key", b"connect extended_perpetual_local"):
        assert needed in shown


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--host", "0.0.0.0"), "loopback only"),
        (("--port", "70000"), "from 0 to 65535"),
        (("--book", "/no/such/file"), "there is no order book file"),
        (("--funding-interval", "soon"), "a duration looks like"),
        (("--fault", "flood"), "no fault 'flood'"),
        (("--fault", "gap,often"), "a fault looks like"),
        (("--variant", "x"), "a variant looks like"),
        (("--variant", "x=y"), "no variant 'x'"),
        (("--balance", "much"), "a balance is a number"),
        (("--speed", "0"), "speed must be above 0"),
        (("--rate-limit", "-1"), "rate_limit must not be negative"),
    ],
)
async def test_a_wrong_option_is_one_sentence_and_exit_code_1(options: tuple[str, ...], sentence: str) -> None:
    process = await start("--port", "0", *options)
    out, err = await process.communicate()
    assert (process.returncode, out) == (1, b"")
    assert err.count(b"\n") == 1
    assert sentence in err.decode()


async def test_a_taken_port_ends_the_command_with_exit_code_1() -> None:
    async with quiet() as venue:
        process = await start("--json", "--port", str(venue.port))
        out, err = await process.communicate()
    assert (process.returncode, out) == (1, b"")
    assert f"port 127.0.0.1:{venue.port} is in use" in err.decode()
