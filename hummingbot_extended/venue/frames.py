"""Stream frames: one update, encoded once, put into the envelope of whoever listens (API reference §6.1, §6.8).

Only `seq` (and, on the RPC socket, `subscription`) differs between listeners, so `data` is encoded when the update
happens and shared by all of them.
"""

from dataclasses import dataclass
from enum import StrEnum


class Scope(StrEnum):
    """What a stream carries. The values are the RPC socket's scopes; v1 has a path for each."""

    BOOKS = "orderbooks"
    TOP_OF_BOOKS = "orderbooks.1"
    TRADES = "trades"
    FUNDING = "funding-rates"
    MARK = "prices.mark"
    INDEX = "prices.index"
    CANDLES = "candles"
    ACCOUNT = "account"


@dataclass(frozen=True, slots=True)
class Channel:
    """What one can listen to: a scope, a market (None: all), and for candles their kind and interval.

    `detail` is "trades.PT1M"-like for candles and the account id for accounts.
    """

    scope: Scope
    market: str | None = None
    detail: str = ""


RPC_TYPES = {
    (Scope.BOOKS, "SNAPSHOT"): "ORDERBOOKS.SNAPSHOT",
    (Scope.BOOKS, "DELTA"): "ORDERBOOKS.DELTA",
    (Scope.TOP_OF_BOOKS, "SNAPSHOT"): "ORDERBOOKS.SNAPSHOT",
    (Scope.TRADES, ""): "TRADES",
    (Scope.FUNDING, ""): "FUNDING_RATES",
    (Scope.MARK, "MP"): "PRICES.MP",
    (Scope.INDEX, "IP"): "PRICES.IP",
    (Scope.CANDLES, ""): "CANDLE",
}


@dataclass(frozen=True, slots=True)
class Update:
    """One thing to tell: its scope, market, v1 type ("" where v1 has none), encoded `data` and exchange time."""

    scope: Scope
    market: str
    type: str
    data: bytes
    ts_ms: int

    def v1(self, seq: int) -> bytes:
        """Return the frame of a v1 stream, WebSocket or SSE."""
        kind = b'"type":"%s",' % self.type.encode() if self.type else b""
        source = b',"sourceEventId":null' if self.scope in (Scope.MARK, Scope.INDEX) else b""
        return b'{%s"data":%s,"ts":%d,"seq":%d%s}' % (kind, self.data, self.ts_ms, seq, source)

    def rpc(self, seq: int, subscription: str) -> bytes:
        """Return the frame of the v2 JSON-RPC socket."""
        kind = f"ACCOUNT.{self.type}" if self.scope is Scope.ACCOUNT else RPC_TYPES[self.scope, self.type]
        return b'{"type":"%s","data":%s,"ts":%d,"seq":%d,"subscription":"%s"}' % (
            kind.encode(),
            self.data,
            self.ts_ms,
            seq,
            subscription.encode(),
        )
