"""The steps that need no key: hosts, clock, markets, books, streams. Nothing is changed."""

import asyncio
import time
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from itertools import pairwise
from typing import Any

import aiohttp

from hummingbot_extended.client.client import ExtendedClient
from hummingbot_extended.client.events import Book, Quote
from hummingbot_extended.exchange.channels import Topic, decode_exact_book, stream_url
from hummingbot_extended.exchange.http import RestResponse
from hummingbot_extended.field_check.findings import Notebook, Step, StepFailed, StepSkipped
from hummingbot_extended.streams.rpc_stream import RpcStream
from hummingbot_extended.streams.stream import WebSocketStream
from hummingbot_extended.streams.subscription import Subscription

LISTEN_S = 3.0
FIRST_EVENT_S = 15.0
CLOCK_LIMIT_S = 5.0
PRICE_TOLERANCE = Decimal("0.01")


class PublicSteps:
    """Reads a network as anybody may."""

    def __init__(self, client: ExtendedClient, notebook: Notebook, clock: "ServerClock") -> None:
        self._client = client
        self._notes = notebook
        self._clock = clock

    def steps(self) -> Iterator[Step]:
        """The steps, in order."""
        yield Step("REST answers", self.rest_answers)
        yield Step("the clock agrees", self.clock_agrees)
        yield Step("signing domain", self.signing_domain)
        yield Step("markets can be read", self.markets)
        yield Step("order book over REST", self.rest_book)
        yield Step("order book stream", self.book_stream)
        yield Step("quotes stream", self.quotes)
        yield Step("trades, funding, mark and bars streams", self.other_streams)
        yield Step("v2 socket (JSON-RPC)", self.rpc)
        yield Step("request without User-Agent", self.no_user_agent)
        yield Step("seq of the all-markets book stream", self.all_books_seq)

    async def rest_answers(self) -> str:
        """One request, and how long it took."""
        began = time.perf_counter()
        stats = await self._client.rest.market_stats(self._notes.market)
        took_ms = (time.perf_counter() - began) * 1000
        return f"{self._client.domain.rest_url} in {took_ms:.0f} ms; last price {stats.last_price}"

    async def clock_agrees(self) -> str:
        """The Date header against this machine."""
        ahead_s = self._clock.ahead_s
        if ahead_s is None:
            raise StepSkipped("no reply had a Date header")
        seen = f"this machine is {abs(ahead_s):.1f} s {'ahead' if ahead_s > 0 else 'behind'} (to about a second)"
        if abs(ahead_s) > CLOCK_LIMIT_S:
            raise StepFailed(f"{seen}; set it right, e.g. with sudo timedatectl set-ntp true")
        return seen

    async def signing_domain(self) -> str:
        """What orders must be signed for."""
        info = await self._client.rest.starknet_info()
        if info.chain_id != self._client.domain.chain_id:
            raise StepFailed(f"the network signs for {info.chain_id}, expected {self._client.domain.chain_id}")
        return f"{info.name} {info.version} {info.chain_id} revision {info.revision}"

    async def markets(self) -> str:
        """All of them, with what could not be read."""
        markets = await self._client.rest.markets()
        tradable = sum(market.is_tradable for market in markets)
        if self._notes.market not in {market.name for market in markets}:
            raise StepFailed(f"no market {self._notes.market} among {len(markets)}")
        bad = "".join(f"; cannot read {bad.name}: {bad.reason}" for bad in markets.bad)
        return f"{len(markets)} markets, {tradable} tradable{bad}"

    async def rest_book(self) -> str:
        """Not crossed, both sides there."""
        book = await self._client.rest.order_book(self._notes.market)
        if not book.bid or not book.ask:
            raise StepFailed("a side of the book is empty")
        bid, ask = max(level.price for level in book.bid), min(level.price for level in book.ask)
        if bid >= ask:
            raise StepFailed(f"the book is crossed: {bid} / {ask}")
        return f"{bid} / {ask}, {len(book.bid)} bids, {len(book.ask)} asks"

    async def book_stream(self) -> str:
        """A snapshot, then deltas without a gap, near the REST price."""
        books = await self._collect(await self._client.market_data.stream_order_book(self._notes.market, depth=5))
        book: Book = books[-1]
        if not book.bids or not book.asks:
            raise StepFailed("a side of the streamed book is empty")
        stats = await self._client.rest.market_stats(self._notes.market)
        if abs(book.bids[0][0] - stats.mark_price) > PRICE_TOLERANCE * stats.mark_price:
            raise StepFailed(f"best bid {book.bids[0][0]} is far from the mark {stats.mark_price}")
        return f"{len(books)} books in {LISTEN_S:g} s, best {book.bids[0][0]} / {book.asks[0][0]}"

    async def quotes(self) -> str:
        """depth=1."""
        quotes = await self._collect(await self._client.market_data.stream_quotes(self._notes.market))
        quote: Quote = quotes[-1]
        return f"{len(quotes)} quotes in {LISTEN_S:g} s, best {quote.bid} / {quote.ask}"

    async def other_streams(self) -> str:
        """Each must open; a quiet one may say nothing."""
        data, market = self._client.market_data, self._notes.market
        counted = {
            "trades": await self._collect(await data.stream_time_and_sales(market), must=False),
            "funding": await self._collect(await data.stream_funding(market), must=False),
            "mark": await self._collect(await data.stream_mark_price(market), must=False),
            "bars": await self._collect(await data.stream_bars(market, "1m", history=10), must=False),
        }
        return ", ".join(f"{len(events)} {name}" for name, events in counted.items())

    async def rpc(self) -> str:
        """One topic over v2."""
        frames: list[bytes | str] = []
        async with RpcStream(self._client.domain.rpc_url) as stream:
            await stream.listen(Topic.orderbook(self._notes.market), frames.append)
            await stream.ping()
            await asyncio.sleep(LISTEN_S / 2)
        if not frames:
            raise StepFailed("the subscription was confirmed, but no frame came")
        first = decode_exact_book(frames[0])
        return f"confirmed; {len(frames)} frames, the first is {first.kind} with seq {first.seq}"

    async def no_user_agent(self) -> str:
        """Which status a request without User-Agent gets (API reference §1.2)."""
        url = f"{self._client.domain.rest_url}/info/settings"
        async with (
            aiohttp.ClientSession(skip_auto_headers=["User-Agent"]) as session,
            session.get(url, timeout=aiohttp.ClientTimeout(total=10), allow_redirects=False) as response,
        ):
            status = response.status
        self._notes.settle("Exact HTTP status when User-Agent is missing:", f"HTTP {status}")
        return f"HTTP {status}"

    async def all_books_seq(self) -> str:
        """Whether `seq` of `/orderbooks` counts per market or over the connection."""
        frames: list[Any] = []
        url = stream_url(self._client.domain.stream_url, "/orderbooks")
        async with WebSocketStream(url, decode=decode_exact_book) as stream:
            stream.set_callback(frames.append)
            await asyncio.sleep(LISTEN_S / 2)
        markets = {frame.market for frame in frames}
        if len(markets) < 2:
            raise StepSkipped(f"{len(frames)} frames of {len(markets)} markets tell nothing")
        steps = {after.seq - before.seq for before, after in pairwise(frames)}
        answer = "over the connection" if steps == {1} else "not over the connection: per market"
        self._notes.settle("v1 all-markets order-book: is seq per market?", f"it counts {answer}")
        return f"{len(frames)} frames of {len(markets)} markets; seq counts {answer}"

    async def _collect(self, subscription: Subscription, *, must: bool = True) -> list[Any]:
        """Return the events of a few seconds. Raises StepFailed when one must come and none does."""
        events: list[Any] = []
        first = asyncio.Event()

        def take(event: Any) -> None:
            events.append(event)
            first.set()

        async with subscription:
            subscription.add_callback(take)
            try:
                async with asyncio.timeout(FIRST_EVENT_S if must else LISTEN_S):
                    await first.wait()
            except TimeoutError:
                if must:
                    raise StepFailed(f"no event came within {FIRST_EVENT_S:g} s") from None
            else:
                await asyncio.sleep(LISTEN_S if must else LISTEN_S / 3)
        return events


class ServerClock:
    """How far this machine is ahead of the server, by the Date headers of its replies."""

    def __init__(self) -> None:
        self.ahead_s: float | None = None

    def see(self, response: RestResponse) -> None:
        """Take a reply: its Date is in whole seconds, half a second old on average."""
        date: datetime | None = response.date
        if date is not None:
            self.ahead_s = time.time() - date.timestamp() - 0.5
