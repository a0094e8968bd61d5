"""Talking to a practice venue over its sockets: orders signed without the package's own signer, replies, frames."""

import asyncio
import itertools
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from decimal import ROUND_DOWN, ROUND_UP, Decimal
from typing import Any

import aiohttp
import fast_stark_crypto

from hummingbot_extended.venue.control import describe_trader
from hummingbot_extended.venue.server import PracticeVenue
from hummingbot_extended.venue.settings import VenueSettings
from test.until import until

MARKET = "BTC-USD"
MILLION = 1_000_000
BTC_ID = 0x4254432D3600000000000000000000
EXPIRY_BUFFER_S = 14 * 86_400
NONCES = itertools.count(1)


def quiet(**settings: Any) -> PracticeVenue:
    """A venue on a free port without makers: nothing happens that the test does not do."""
    return PracticeVenue(VenueSettings(**{"port": 0, "makers": False, "acceptance_delay_ms": 0} | settings))


class Client:
    """One trader at a venue."""

    def __init__(self, venue: PracticeVenue, session: aiohttp.ClientSession, number: int = 0) -> None:
        self.venue = venue
        self.session = session
        while len(venue.core.traders) <= number:
            venue.core.add_trader(Decimal(100_000))
        self.facts = describe_trader(venue.core.traders[number])
        self.account = self.facts["accountId"]

    async def call(self, method: str, path: str, *, key: str | None = "", **options: Any) -> tuple[int, Any]:
        """Return (status, decoded body); `key` None sends none, "" the trader's own."""
        headers = options.pop("headers", {})
        if key is not None:
            headers = {"X-Api-Key": key or self.facts["api_key"], **headers}
        url = self.venue.origin + (path if path.startswith("/practice") else "/api/v1" + path)
        async with self.session.request(method, url, headers=headers, **options) as response:
            raw = await response.read()
        return response.status, json.loads(raw) if raw else None

    async def get(self, path: str, **options: Any) -> Any:
        """Return the `data` of a GET that must succeed."""
        status, body = await self.call("GET", path, **options)
        assert status == 200, (path, status, body)
        return body["data"]

    async def control(self, method: str, path: str, /, **body: Any) -> Any:
        """Return the `data` of a call of the control API that must succeed."""
        status, reply = await self.call(method, f"/practice{path}", json=body or None)
        assert status == 200, (path, status, reply)
        return reply["data"]

    def order(self, side: str, qty: str, price: str, name: str = "", **changes: Any) -> dict[str, Any]:
        """The signed body of a limit order (API reference §4.2, §5.4), computed here."""
        nonce = next(NONCES)
        expiry_ms = (int(time.time()) + 86_400) * 1000
        body = {
            "id": name or f"kit-{nonce}",
            "market": MARKET,
            "type": "LIMIT",
            "side": side,
            "qty": qty,
            "price": price,
            "timeInForce": "GTT",
            "expiryEpochMillis": expiry_ms,
            "fee": "0.0005",
            "nonce": str(nonce),
            "selfTradeProtectionLevel": "ACCOUNT",
        } | changes
        body["settlement"] = self.settlement(body, side, price)
        return body

    def settlement(self, body: dict[str, Any], side: str, price: str) -> dict[str, Any]:
        """The signed part of an order or leg."""
        sign = 1 if side == "BUY" else -1
        value = Decimal(body["qty"]) * Decimal(price) * MILLION
        rounding = ROUND_UP if side == "BUY" else ROUND_DOWN
        rate = Decimal(body["fee"]) + Decimal(body.get("builderFee", "0"))
        public_key = int(self.facts["stark_public_key"], 16)
        message = fast_stark_crypto.get_order_msg_hash(
            position_id=int(self.facts["vault"]),
            base_asset_id=BTC_ID,
            base_amount=sign * int((Decimal(body["qty"]) * MILLION).to_integral_value(rounding)),
            quote_asset_id=1,
            quote_amount=-sign * int(value.to_integral_value(rounding)),
            fee_asset_id=1,
            fee_amount=int((value * rate).to_integral_value(ROUND_UP)),
            expiration=-(-body["expiryEpochMillis"] // 1000) + EXPIRY_BUFFER_S,
            salt=int(body["nonce"]),
            user_public_key=public_key,
            domain_name="Perpetuals",
            domain_version="v0",
            domain_chain_id="SN_SEPOLIA",
            domain_revision="1",
        )
        r, s = fast_stark_crypto.sign(int(self.facts["stark_private_key"], 16), message)
        return {
            "signature": {"r": hex(r), "s": hex(s)},
            "starkKey": hex(public_key),
            "collateralPosition": str(self.facts["vault"]),
        }

    async def place(self, side: str, qty: str, price: str, name: str = "", **changes: Any) -> dict[str, Any]:
        """Place a limit order and return the order as REST shows it once the engine has it."""
        body = self.order(side, qty, price, name, **changes)
        status, reply = await self.call("POST", "/user/order", json=body)
        assert status == 200, reply
        queries = self.venue.engine.queries
        await until(lambda: queries.order(self.account, reply["data"]["id"]))
        return await self.get(f"/user/orders/{reply['data']['id']}")

    @asynccontextmanager
    async def stream(self, path: str, **headers: str) -> AsyncIterator["Frames"]:
        """Open a v1 stream as a WebSocket."""
        sent = {"X-Api-Key": self.facts["api_key"], **headers}
        async with self.session.ws_connect(self.venue.stream_url + path, headers=sent) as socket:
            yield Frames(socket)


class Frames:
    """Reads a WebSocket's JSON frames, each within a deadline."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket

    async def next(self, timeout_s: float = 5.0) -> dict[str, Any]:
        """The next frame."""
        return json.loads(await self.socket.receive_str(timeout=timeout_s))

    async def find(self, wanted: Callable[[dict[str, Any]], object], timeout_s: float = 5.0) -> dict[str, Any]:
        """The next frame that `wanted` accepts."""
        async with asyncio.timeout(timeout_s):
            while True:
                frame = await self.next(timeout_s)
                if wanted(frame):
                    return frame

    async def of_type(self, kind: str) -> dict[str, Any]:
        """The next frame of a type."""
        return await self.find(lambda frame: frame.get("type") == kind)


@asynccontextmanager
async def trading(**settings: Any) -> AsyncIterator[tuple[PracticeVenue, Client]]:
    """A quiet venue with a client of its first trader."""
    async with quiet(**settings) as venue, aiohttp.ClientSession() as session:
        yield venue, Client(venue, session)
