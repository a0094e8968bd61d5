"""StreamRPC v2: calls, topics, errors, one sequence for everything."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from hummingbot_extended.venue.variants import Variants
from test.venue.venue_kit import MARKET, Client, Frames, trading


class Rpc(Frames):
    """An RPC socket."""

    async def call(self, method: str, params: Any = None, call_id: str = "1") -> dict[str, Any]:
        """Make a call and return its answer, passing over frames."""
        call = {"jsonrpc": "2.0", "id": call_id, "method": method}
        await self.socket.send_json(call if params is None else call | {"params": params})
        return await self.find(lambda frame: "subscription" not in frame)

    async def subscribe(self, scope: str, *, method: str = "subscribe", **selector: Any) -> dict[str, Any]:
        """Subscribe and return the answer."""
        api_key = selector.pop("api_key", None)
        params = {"scope": scope, "selector": selector} | ({"apiKey": api_key} if api_key else {})
        return await self.call(method, params)


@asynccontextmanager
async def connected(**settings: Any) -> AsyncIterator[tuple[Client, Rpc]]:
    async with trading(**settings) as (venue, client), client.session.ws_connect(venue.rpc_url) as ws:
        yield client, Rpc(ws)


async def test_topics_have_the_documented_names_and_share_one_sequence_from_zero() -> None:
    async with connected() as (client, rpc):
        wanted = {
            "orderbooks.BTC-USD": ("orderbooks", {"market": MARKET, "depth": "full"}),
            "orderbooks.BTC-USD.rfq": ("orderbooks", {"market": MARKET, "depth": "full", "rfqOnly": True}),
            "orderbooks.1.BTC-USD": ("orderbooks", {"market": MARKET, "depth": "1"}),
            "funding-rates.all": ("funding-rates", {"market": None}),
            "prices.mark.BTC-USD": ("prices", {"type": "mark", "market": MARKET}),
            "prices.index.all": ("prices", {"type": "index", "market": None}),
            "candles.last.BTC-USD.PT1M": ("candles", {"type": "last", "market": MARKET, "interval": "PT1M"}),
            "account.10001": ("account", {"account": "10001", "api_key": client.facts["api_key"]}),
        }
        for topic, (scope, selector) in wanted.items():
            answer = await rpc.subscribe(scope, **selector)
            assert answer["result"] == {"method": "subscribe", "status": "OK", "subscription": topic}
        listed = await rpc.call("list-subscriptions")
        assert listed["result"]["subscriptions"] == sorted(wanted)


async def test_frames_carry_their_topic_and_one_sequence() -> None:
    async with connected() as (client, rpc):
        await rpc.subscribe("prices", type="mark", market=MARKET)
        await rpc.subscribe("account", account=str(client.account), api_key=client.facts["api_key"])
        seen = [await rpc.next() for _ in range(2)]
        await client.control("POST", "/price", market=MARKET, price="85000")
        seen += [await rpc.next() for _ in range(2)]
        assert [frame["seq"] for frame in seen] == [1, 2, 3, 4]
        kinds = {frame["type"] for frame in seen}
        assert kinds == {"ACCOUNT.ORDER", "ACCOUNT.BALANCE", "ACCOUNT.POSITION", "PRICES.MP"}
        assert seen[-1]["subscription"] == f"prices.mark.{MARKET}"


async def test_subscribing_again_sends_the_snapshot_again_and_only_one_stream() -> None:
    async with connected() as (client, rpc):
        for _ in range(2):
            await rpc.subscribe("orderbooks", market=MARKET, depth="full")
        assert (await rpc.next())["type"] == "ORDERBOOKS.SNAPSHOT"
        await client.place("BUY", "0.01", "83000")
        delta = await rpc.next()
        assert (delta["type"], delta["seq"]) == ("ORDERBOOKS.DELTA", 2)
        await client.place("BUY", "0.01", "83001")
        assert (await rpc.next())["seq"] == 3


async def test_unsubscribing_ends_a_topic_only() -> None:
    async with connected() as (client, rpc):
        await rpc.subscribe("prices", type="mark", market=MARKET)
        await rpc.next()
        await rpc.subscribe("prices", type="index", market=MARKET)
        await rpc.next()
        answer = await rpc.subscribe("prices", method="unsubscribe", type="mark", market=MARKET)
        assert answer["result"]["method"] == "unsubscribe"
        await client.control("POST", "/price", market=MARKET, price="85000")
        frame = await rpc.next()
        assert (frame["type"], frame["seq"]) == ("PRICES.IP", 2)


ERRORS: list[tuple[str, int]] = [
    ("{", -32700),
    ("[]", -32600),
    ('{"id":"1"}', -32600),
    ('{"id":"1","method":"fly"}', -32601),
    ('{"id":"1","method":"subscribe"}', -32602),
    ('{"id":"1","method":"subscribe","params":{"scope":"news","selector":{}}}', -32602),
    ('{"id":"1","method":"subscribe","params":{"scope":"trades","selector":{"market":"NO-USD"}}}', -32602),
    ('{"id":"1","method":"subscribe","params":{"scope":"prices","selector":{"type":"last"}}}', -32602),
    (
        '{"id":"1","method":"subscribe","params":{"scope":"candles","selector":'
        '{"type":"last","market":"BTC-USD","interval":"PT7M"}}}',
        -32602,
    ),
    ('{"id":"1","method":"subscribe","params":{"scope":"trades","selector":{"market":["BTC-USD"]}}}', -32602),
    ('{"id":"1","method":"subscribe","params":{"scope":"candles","selector":{"type":{},"market":"BTC-USD"}}}', -32602),
    ('{"id":"1","method":"subscribe","params":{"scope":"account","selector":{"account":"1"}}}', -32001),
    ('{"id":"1","method":"subscribe","params":{"scope":"account","selector":{"account":"1"},"apiKey":"no"}}', -32001),
]


@pytest.mark.parametrize(("call", "code"), ERRORS)
async def test_a_bad_call_gets_its_error_code(call: str, code: int) -> None:
    async with connected() as (_, rpc):
        await rpc.socket.send_str(call)
        answer = await rpc.next()
        assert answer["error"]["code"] == code
        assert answer["error"]["data"] is None
        assert (await rpc.call("ping"))["result"] == {"method": "ping", "status": "OK"}


async def test_a_bad_depth_gets_no_answer_at_all() -> None:
    async with connected() as (_, rpc):
        params = {"scope": "orderbooks", "selector": {"market": MARKET, "depth": "20"}}
        await rpc.socket.send_json({"jsonrpc": "2.0", "id": "1", "method": "subscribe", "params": params})
        answer = await rpc.call("ping", call_id="2")
        assert answer["id"] == "2"


@pytest.mark.parametrize(("variant", "works"), [("account", "account"), ("vault", "vault")])
async def test_the_account_selector_is_a_variant(variant: str, works: str) -> None:
    async with connected(variants=Variants(rpc_account_selector=variant)) as (client, rpc):
        ids = {"account": str(client.account), "vault": client.facts["vault"]}
        for name, value in ids.items():
            answer = await rpc.subscribe("account", account=value, api_key=client.facts["api_key"])
            assert ("result" in answer) == (name == works)


async def test_an_rpc_socket_without_topics_is_kept_alive_and_dropped_when_silent() -> None:
    async with trading(ping_interval_s=0.1, pong_timeout_s=0.2) as (venue, client):
        async with client.session.ws_connect(venue.rpc_url, autoping=False) as ws:
            async with asyncio.timeout(30):
                while not venue.core.stats.dropped_no_pong:
                    await ws.receive()
        assert venue.core.hub.connections == set()
