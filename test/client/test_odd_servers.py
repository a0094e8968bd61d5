"""Servers that are odd in ways the practice venue is not: a second host, an end for good, frames out of place."""

import json
from dataclasses import replace
from decimal import Decimal

import pytest
from aiohttp import web

from hummingbot_extended.client import ExtendedClient
from hummingbot_extended.client.account_interpreter import AccountInterpreter
from hummingbot_extended.client.inlet import Received
from hummingbot_extended.client.market_interpreters import SEEN_TRADES, BookInterpreter, TradeInterpreter, quote_of
from hummingbot_extended.client.order_result import OrderOutcome, OrderResult
from hummingbot_extended.errors import ProtocolError, SettingsError, StreamClosed
from hummingbot_extended.exchange.channels import decode_account, decode_exact_book, decode_trades
from hummingbot_extended.exchange.endpoints import local_domain
from test.client.conftest import Heard, proven_client

QUOTE = {
    "type": "SNAPSHOT",
    "data": {"t": "SNAPSHOT", "m": "BTC-USD", "b": [{"q": "1", "p": "100"}], "a": [], "d": "1"},
    "ts": 1_795_219_200_000,
    "seq": 1,
}


class OddServer:
    """Answers with SSE, each connection by the next of `answers`: how many frames, or a status."""

    def __init__(self, *answers: int) -> None:
        self._answers = list(answers)
        self.requests = 0

    async def __aenter__(self) -> "OddServer":
        app = web.Application()
        app.router.add_get("/{path:.*}", self.answer)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.origin = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        answer = self._answers[min(self.requests, len(self._answers) - 1)]
        self.requests += 1
        if answer >= 200:
            return web.Response(status=answer)
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for seq in range(1, answer + 1):
            await response.write(f"data: {json.dumps(QUOTE | {'seq': seq})}\n\n".encode())
        return response


async def test_a_server_that_has_nothing_more_to_say_ends_the_subscription():
    async with OddServer(1, 204) as server, ExtendedClient(url=server.origin, transport="sse") as client:
        errors, seen = Heard(), Heard()
        subscription = await client.market_data.stream_quotes("BTC-USD", None, errors)

        async def read() -> None:
            async for quote in subscription:
                seen(quote)

        with pytest.raises(StreamClosed):
            await read()
        assert [(quote.bid, quote.ask) for quote in seen.events] == [(Decimal(100), None)]
        assert not subscription.is_active()
        assert isinstance(errors.events[-1], StreamClosed)


async def test_the_second_host_is_asked_where_the_first_refuses(venue):
    async with OddServer(404) as wrong:
        domain = local_domain(venue.origin)
        domain = replace(domain, stream_url=f"{wrong.origin}/v1", stream_fallback_url=domain.stream_url)
        async with proven_client(venue, url=None, domain=domain) as client:
            heard = Heard()
            await client.market_data.stream_quotes("BTC-USD", heard)
            await heard.count(1)
            assert wrong.requests >= 1


def received(decode, **frame) -> Received:
    text = json.dumps({"ts": 1_795_219_200_000, "seq": 1, **frame})
    return Received(decode(text), text)


async def test_a_frame_of_an_unknown_kind_is_no_event():
    unknown = received(decode_exact_book, type="FUTURE", data={})
    assert quote_of(unknown.frame, unknown.raw) is None
    assert list(await BookInterpreter("BTC-USD").take(unknown)) == []
    assert list(BookInterpreter("BTC-USD").present(None)) == []


async def test_a_crossed_book_is_no_book():
    book = BookInterpreter("BTC-USD")
    sides = {"m": "BTC-USD", "b": [{"q": "1", "p": "101"}], "a": [{"q": "1", "p": "100"}], "d": "f"}
    with pytest.raises(ProtocolError, match="lost"):
        await book.take(received(decode_exact_book, type="SNAPSHOT", data=sides))
    book.reset()
    whole = received(decode_exact_book, type="SNAPSHOT", data=sides | {"b": []})
    assert len(await book.take(whole)) == len(list(book.present(None))) == 1
    book.reset()
    assert list(book.present(None)) == []
    with pytest.raises(ProtocolError, match="before the first snapshot"):
        await book.take(received(decode_exact_book, type="DELTA", data=sides | {"b": []}))


async def test_seen_trades_are_forgotten_in_the_end():
    trades = TradeInterpreter("BTC-USD", None)
    rows = [
        {"m": "BTC-USD", "S": "BUY", "tT": "TRADE", "T": number, "p": "1", "q": "1", "i": number}
        for number in range(SEEN_TRADES + 10)
    ]
    assert len(await trades.take(received(decode_trades, data=rows))) == SEEN_TRADES + 10
    assert len(trades._seen) == SEEN_TRADES
    assert await trades.take(received(decode_trades, data=rows[-1:])) == []
    assert len(list(trades.present(None))) == 50


ORDER = {
    "id": 1,
    "externalId": "a",
    "market": "BTC-USD",
    "type": "LIMIT",
    "side": "BUY",
    "status": "NEW",
    "qty": "1",
    "createdTime": 1,
    "updatedTime": 5,
}


async def test_an_order_reply_that_is_older_than_the_stream_is_left_out():
    account = AccountInterpreter(None)
    assert len(await account.take(received(decode_account, type="ORDER", data={"orders": [ORDER]}))) == 1
    older = ORDER | {"updatedTime": 4, "status": "CANCELLED"}
    assert await account.take(received(decode_account, type="ORDER", data={"orders": [older]})) == []
    assert len(list(account.present(None))) == 1


async def test_an_order_that_has_ended_is_not_opened_again_by_what_was_sent_before():
    account = AccountInterpreter(None)
    for state in (ORDER, ORDER | {"status": "CANCELLED", "updatedTime": 6}):
        assert len(await account.take(received(decode_account, type="ORDER", data={"orders": [state]}))) == 1
    for late in (ORDER, ORDER | {"status": "CANCELLED", "updatedTime": 6}):
        assert await account.take(received(decode_account, type="ORDER", data={"orders": [late]})) == []
    assert list(account.present(None)) == []


async def test_an_account_record_that_cannot_be_read_is_logged_and_costs_no_other(caplog):
    orders = [{"id": 2, "status": "UNHEARD-OF"}, ORDER]
    events = await AccountInterpreter(None).take(received(decode_account, type="ORDER", data={"orders": orders}))
    assert [event.order.id for event in events] == [1]
    assert "cannot be read" in caplog.text


def test_a_result_tells_why_it_is_not_accepted():
    assert OrderResult(outcome=OrderOutcome.ACCEPTED, external_id="a").reason == ""
    assert OrderResult(outcome=OrderOutcome.REJECTED, external_id="a", error=SettingsError("no")).reason == "no"


async def test_every_part_shows_its_state_and_no_secret(venue):
    async with proven_client(venue) as client:
        heard = Heard()
        await client.brokerage.stream_balance_changes(heard)
        await heard.count(1)
        feed = client._feeds.all()[0]
        shown = [
            client,
            client._feeds,
            feed,
            feed._inlet,
            *feed.listeners(),
            client._trader,
            client._search,
            client.rest,
        ]
        text = " ".join(map(repr, shown))
        assert "/account" in text
        assert "LIVE" in text
        assert venue.api_key not in text
        assert venue.stark_private_key.removeprefix("0x") not in text


def test_names_are_imported_when_they_are_used():
    import hummingbot_extended.client as package

    assert package.ExtendedClient is ExtendedClient
    assert package.OrderOutcome is OrderOutcome
    with pytest.raises(AttributeError):
        _ = package.Nothing
