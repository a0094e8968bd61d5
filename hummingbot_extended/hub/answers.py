"""Answers over HTTP, made without a web framework: status, headers and bytes that are encoded once and kept."""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from secrets import token_hex
from typing import Any

import msgspec

from hummingbot_extended.candles.candle import Candle
from hummingbot_extended.candles.timeframes import TIMEFRAMES, Timeframe, timeframe
from hummingbot_extended.errors import SettingsError
from hummingbot_extended.hub.events import iso_z
from hummingbot_extended.hub.interface import CandlesAnswer, MarketDataHub, NotRunning, UnknownMarket, WarmingUp

DEFAULT_LIMIT, MAX_LIMIT = 50, 500
MAX_KEPT = 1_024
MAX_KEPT_BYTES = 32 * 2**20
JSON = "application/json"

_encode = msgspec.json.Encoder(decimal_format="number").encode


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer over HTTP: JSON, or nothing (304)."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


def json_answer(value: Any, status: int = HTTPStatus.OK, **headers: str) -> Answer:
    """Return `value` as JSON; decimals keep their digits."""
    return Answer(status, _encode(value), headers)


def refusal(status: int, error: str, error_code: str, **facts: Any) -> Answer:
    """Return an error as the founding document writes one (A14), all at the top level."""
    retry = {"Retry-After": "1"} if status == HTTPStatus.SERVICE_UNAVAILABLE else {}
    return Answer(status, _encode({"success": False, "error": error, "error_code": error_code, **facts}), retry)


@dataclass(frozen=True, slots=True, kw_only=True)
class CandlesQuery:
    """What is asked of a series. `since_s`: epoch seconds, bars that opened before it are left out."""

    limit: int = DEFAULT_LIMIT
    format: str = "dict"
    order: str = "desc"
    closed_only: bool = False
    since_s: int | None = None
    max_limit: int | None = MAX_LIMIT

    @property
    def clamped(self) -> int:
        """The limit within what is allowed (A2)."""
        return max(1, self.limit if self.max_limit is None else min(self.limit, self.max_limit))


def echoed_name(asked: str, frame: Timeframe) -> str:
    """Return the name of `frame` in the family that was asked for (A4): M1, 1m or PT1M."""
    return next(
        (name for name in (frame.name, frame.interval, frame.code) if name.upper() == asked.upper()), frame.name
    )


class CandleAnswers:
    """Candles as JSON, kept as bytes until the series changes."""

    def __init__(self, hub: MarketDataHub | None, now_ms: Any) -> None:
        self._hub = hub
        self._now_ms = now_ms
        self._run = token_hex(4)  # versions begin anew with each run, so tags must differ
        self._kept: OrderedDict[tuple[str, str, CandlesQuery], tuple[int, str, bytes]] = OrderedDict()
        self._kept_bytes = 0

    async def candles(self, symbol: str, asked: str, query: CandlesQuery, if_none_match: str = "") -> Answer:
        """Return the candles, newest first, or why there are none (A12, A13): 304 where the client has them already."""
        if self._hub is None:
            return _NOT_INITIALIZED
        try:
            market = self._market(symbol)
        except NotRunning:
            return _NOT_RUNNING
        if query.format not in ("dict", "raw") or query.order not in ("asc", "desc"):
            return refusal(
                400, "format is dict or raw, order is asc or desc", "INVALID_FORMAT", symbol=market or symbol
            )
        try:
            frame = timeframe(asked)
        except SettingsError:
            names = ", ".join(each.name for each in TIMEFRAMES)
            return refusal(400, f"the timeframe is one of {names}", "INVALID_TIMEFRAME", timeframe=asked[:16])
        name = echoed_name(asked, frame)
        if market is None:
            return refusal(404, "this symbol is not known", "SYMBOL_NOT_FOUND", symbol=symbol[:40], timeframe=name)
        try:
            return await self._answer(market, frame, name, query, if_none_match)
        except WarmingUp:
            return refusal(503, "no candles yet, ask again", "WARMING_UP", symbol=market, timeframe=name)
        except NotRunning:
            return _NOT_RUNNING
        except SettingsError:
            return refusal(400, "this timeframe is not kept here", "INVALID_TIMEFRAME", symbol=market, timeframe=name)

    def _market(self, symbol: str) -> str | None:
        assert self._hub is not None  # noqa: S101 (checked by the caller)
        try:
            return self._hub.resolve(symbol)
        except UnknownMarket:
            return None

    async def _answer(
        self, market: str, frame: Timeframe, name: str, query: CandlesQuery, if_none_match: str
    ) -> Answer:
        assert self._hub is not None  # noqa: S101 (checked by the caller)
        key = market, name, query
        version = self._hub.version(market, frame)
        kept = self._kept.get(key)
        if kept is None or kept[0] != version or version == 0:
            since_ms = None if query.since_s is None else query.since_s * 1000
            ask = query.clamped + query.closed_only
            found = await self._hub.candles(market, frame.name, limit=ask, since_ms=since_ms)
            kept = found.version, f'"{self._run}-{found.version}"', self._encode(found, name, query)
            self._keep(key, kept)
        _, tag, body = kept
        headers = {"ETag": tag, "Cache-Control": "no-cache"}
        if if_none_match and (if_none_match == "*" or tag in if_none_match):
            return Answer(HTTPStatus.NOT_MODIFIED, b"", headers)
        return Answer(HTTPStatus.OK, body, headers)

    def _keep(self, key: tuple[str, str, CandlesQuery], kept: tuple[int, str, bytes]) -> None:
        """Keep an answer; the oldest go where there are too many, or too much of them."""
        before = self._kept.pop(key, None)
        self._kept[key] = kept
        self._kept_bytes += len(kept[2]) - (len(before[2]) if before else 0)
        while len(self._kept) > MAX_KEPT or self._kept_bytes > MAX_KEPT_BYTES:
            _, (_, _, body) = self._kept.popitem(last=False)
            self._kept_bytes -= len(body)

    def _encode(self, found: CandlesAnswer, name: str, query: CandlesQuery) -> bytes:
        candles = [candle for candle in found.candles if candle.closed or not query.closed_only][: query.clamped]
        if query.order == "asc":
            candles.reverse()
        rows = b",".join([candle.json if query.format == "dict" else _raw(candle) for candle in candles])
        head = {"success": True, "symbol": found.market, "timeframe": name, "count": len(candles), "candles": 0}
        tail = {"timestamp": iso_z(self._now_ms()), "source": "streamer_buffer"}
        return b"".join((_encode(head)[:-2], b"[", rows, b"],", _encode(tail)[1:]))

    async def latest(self, symbol: str, asked: str) -> Answer:
        """Return the newest candle alone, as the original's alias does."""
        answer = await self.candles(symbol, asked, CandlesQuery(limit=1))
        if answer.status != HTTPStatus.OK:
            return answer
        whole = msgspec.json.decode(answer.body, type=_One)
        if not whole.candles:
            return refusal(404, "there is no candle", "SYMBOL_NOT_FOUND", symbol=whole.symbol)
        return json_answer(
            {"success": True, "symbol": whole.symbol, "timeframe": whole.timeframe, "candle": whole.candles[0]}
        )


class _One(msgspec.Struct):
    symbol: str
    timeframe: str
    candles: list[msgspec.Raw]


def _raw(candle: Candle) -> bytes:
    return _encode((candle.open_time_ms // 1000, candle.open, candle.high, candle.low, candle.close, candle.volume))


_NOT_INITIALIZED = refusal(503, "Streamer not initialized", "STREAMER_NOT_INITIALIZED")
_NOT_RUNNING = refusal(503, "Streamer not running", "STREAMER_NOT_RUNNING")
