"""Which streams there are and how to ask for them: v1 paths, v2 topics (API reference §6). Frames: `frames.py`.

v1: one WebSocket a path, the URL is the subscription. v2: one WebSocket, JSON-RPC requests, a topic each.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote

import msgspec

from hummingbot_extended.errors import MalformedMessage
from hummingbot_extended.exchange.book_frames import (
    BookFrame,
    BookLevel,
    ExactBookFrame,
    ExactLevel,
    decode_book,
    decode_exact_book,
)
from hummingbot_extended.exchange.enums import CandleType, PriceType
from hummingbot_extended.exchange.frames import (
    AccountFrame,
    CandleFrame,
    FundingFrame,
    OtherFrame,
    Price,
    PriceFrame,
    TradesFrame,
    decode_account,
    decode_candles,
    decode_funding,
    decode_price,
    decode_trades,
)
from hummingbot_extended.exchange.reading import parse, read

__all__ = [
    "ACCOUNT_PATH",
    "AccountFrame",
    "BookFrame",
    "BookLevel",
    "CandleFrame",
    "ExactBookFrame",
    "ExactLevel",
    "FundingFrame",
    "OtherFrame",
    "Price",
    "PriceFrame",
    "RpcReply",
    "Topic",
    "TradesFrame",
    "candles_path",
    "decode_account",
    "decode_book",
    "decode_candles",
    "decode_exact_book",
    "decode_funding",
    "decode_price",
    "decode_rpc",
    "decode_trades",
    "funding_path",
    "orderbook_path",
    "price_path",
    "stream_url",
    "trades_path",
]

# --- v1 -------------------------------------------------------------------------------------------------------------

ACCOUNT_PATH = "/account"


def stream_url(base: str, path: str) -> str:
    """Return the http(s) URL of a v1 stream below `base` (a domain's `stream_url`); transports choose the scheme."""
    return base.replace("ws", "http", 1) + path if base.startswith("ws") else base + path


def orderbook_path(market: str | None = None, *, best_only: bool = False) -> str:
    """Return the path of a book, or of all; `best_only` is depth=1: each 10 ms, always a snapshot."""
    return _of("/orderbooks", market) + ("?depth=1" if best_only else "")


def trades_path(market: str | None = None) -> str:
    """Return the path of public trades; recent ones come first, again after each connect."""
    return _of("/publicTrades", market)


def funding_path(market: str | None = None) -> str:
    """Return the path of funding rates."""
    return _of("/funding", market)


def price_path(price_type: PriceType, market: str | None = None) -> str:
    """Return the path of mark or index prices."""
    return _of(f"/prices/{price_type}", market)


def candles_path(market: str, interval: str, candle_type: CandleType = CandleType.TRADES) -> str:
    """Return the path of candles of `interval` ("PT1M" …)."""
    return f"/candles/{quote(market, safe='')}/{candle_type}?interval={interval}"


def _of(path: str, market: str | None) -> str:
    return path if market is None else f"{path}/{quote(market, safe='')}"


# --- v2 -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Topic:
    """One v2 subscription: what to ask for (`scope`, `selector`) and the `name` its frames carry as `subscription`."""

    name: str
    scope: str
    selector: Mapping[str, object] = field(hash=False)

    @classmethod
    def orderbook(cls, market: str | None = None, *, best_only: bool = False, rfq_only: bool = False) -> "Topic":
        """Return the topic of a book, or of all (API reference §6.8); an odd depth would get no reply at all."""
        name = ".".join(["orderbooks", *(["1"] if best_only else []), market or "all", *(["rfq"] if rfq_only else [])])
        selector: dict[str, object] = {"market": market, "depth": "1" if best_only else "full"}
        return cls(name, "orderbooks", selector if best_only else selector | {"rfqOnly": rfq_only})

    @classmethod
    def trades(cls, market: str | None = None) -> "Topic":
        """Return the topic of public trades; the last 50 come first."""
        return cls(f"trades.{market or 'all'}", "trades", {"market": market})

    @classmethod
    def funding(cls, market: str | None = None) -> "Topic":
        """Return the topic of funding rates."""
        return cls(f"funding-rates.{market or 'all'}", "funding-rates", {"market": market})

    @classmethod
    def price(cls, price_type: PriceType, market: str | None = None) -> "Topic":
        """Return the topic of mark or index prices."""
        return cls(f"prices.{price_type}.{market or 'all'}", "prices", {"type": str(price_type), "market": market})

    @classmethod
    def candles(cls, market: str, interval: str, candle_type: CandleType = CandleType.TRADES) -> "Topic":
        """Return the topic of candles."""
        kind = {CandleType.TRADES: "last", CandleType.MARK_PRICES: "mark", CandleType.INDEX_PRICES: "index"}[
            candle_type
        ]
        selector = {"type": kind, "market": market, "interval": interval}
        return cls(f"candles.{kind}.{market}.{interval}", "candles", selector)

    @classmethod
    def account(cls, account: str) -> "Topic":
        """Return the topic of an account; which number the exchange wants is not known (API reference §11)."""
        return cls(f"account.{account}", "account", {"account": account})

    def request(self, method: str, request_id: int, *, api_key: str | None = None) -> str:
        """Return the text of a "subscribe" or "unsubscribe" request. The key belongs to the account topic only."""
        params = {"scope": self.scope, "selector": dict(self.selector)} | ({"apiKey": api_key} if api_key else {})
        return rpc_request(method, request_id, params)


def rpc_request(method: str, request_id: int, params: object = None) -> str:
    """Return the text of a v2 request, such as "ping" and "list-subscriptions"."""
    request = {"method": method, "id": str(request_id), "jsonrpc": "2.0"}
    return msgspec.json.encode(request | ({"params": params} if params is not None else {})).decode()


@dataclass(frozen=True, slots=True)
class RpcReply:
    """Answer to a v2 request. `error` is (code, message) when it was refused (codes: API reference §6.8)."""

    request_id: int | None
    method: str = ""
    topics: tuple[str, ...] = ()
    error: tuple[int, str] | None = None


type RpcMessage = (
    RpcReply | BookFrame | TradesFrame | FundingFrame | PriceFrame | CandleFrame | AccountFrame | OtherFrame
)


class _RpcHead(msgspec.Struct, gc=False):
    subscription: str | None = None


_head_decoder = msgspec.json.Decoder(_RpcHead)
_DECODERS: Mapping[str, Callable[[bytes | str], RpcMessage]] = {
    "orderbooks": decode_book,
    "trades": decode_trades,
    "funding-rates": decode_funding,
    "prices": decode_price,
    "candles": decode_candles,
    "account": decode_account,
}


def decode_rpc(raw: bytes | str) -> RpcMessage:
    """Return what a v2 message is: a reply, or a topic's frame; `seq` counts over the whole connection, from 0.

    Raises MalformedMessage, and ProtocolError for a frame that reports an error. A refused request is a reply.
    """
    try:
        topic = _head_decoder.decode(raw).subscription
    except (msgspec.DecodeError, UnicodeDecodeError):
        topic = None
    if topic is None:
        return _decode_reply(raw)
    decode = _DECODERS.get(topic.partition(".")[0])
    return decode(raw) if decode else read(parse(raw), OtherFrame)


class _RpcResult(msgspec.Struct, frozen=True):
    method: str = ""
    subscription: str | None = None
    subscriptions: tuple[str, ...] = ()


class _RpcError(msgspec.Struct):
    code: int = 0
    message: str = ""


class _RpcReply(msgspec.Struct):
    id: int | None = None
    result: _RpcResult = _RpcResult()
    error: _RpcError | None = None


def _decode_reply(raw: bytes | str) -> RpcReply:
    value = parse(raw)
    if not isinstance(value, dict) or not value.keys() & {"result", "error", "id"}:
        raise MalformedMessage("neither a reply nor a frame of a topic", raw)
    reply = read(value, _RpcReply)
    topics = (reply.result.subscription,) if reply.result.subscription else reply.result.subscriptions
    error = reply.error and (reply.error.code, reply.error.message)
    return RpcReply(reply.id, reply.result.method, topics, error or None)
