"""Candles from a hub over HTTP: the first loader of the chain, where STREAMER_API_URL names one (A21–A30)."""

import asyncio
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from urllib.parse import quote, urlsplit

import aiohttp
import msgspec

from hummingbot_extended.candles.bars import Bar, ordered
from hummingbot_extended.candles.timeframes import TIMEFRAMES, Timeframe
from hummingbot_extended.errors import (
    ConnectFailed,
    MalformedMessage,
    RequestTimedOut,
    ServerUnavailable,
    SettingsError,
)
from hummingbot_extended.exchange.aiohttp_send import read_body
from hummingbot_extended.exchange.relay import read_token

URL_ENV = "STREAMER_API_URL"
TOKEN_ENV = "STREAMER_API_TOKEN"  # noqa: S105  # the name of a variable
TIMEOUT_ENV = "STREAMER_API_TIMEOUT"
DEFAULT_TIMEOUT_S = 1.0
IDLE_S = 5.0
MAX_CANDLES = 500
MAX_REPLY_BYTES = 2 * 2**20
_MINUTE = TIMEFRAMES[0]


class _WireCandle(msgspec.Struct):
    time: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    synthetic: bool = False


class _Reply(msgspec.Struct):
    success: bool
    candles: list[_WireCandle] = []


_decoder = msgspec.json.Decoder(_Reply)


@dataclass(frozen=True, slots=True)
class TimedBar:
    """A bar with its opening time as an aware datetime, as the founding document's consumer has it (A27)."""

    time: datetime
    bar: Bar


class HubLoader:
    """Asks `GET {base_url}/streamer/candles/{symbol}/{timeframe}` on one pooled session.

    Without `session` it opens one by need, and closes it when nobody has called for `IDLE_S`: a candle feed is never
    told that it has ended. `token` goes into a header. One attempt of `timeout_s` a call: the next loader is as good.
    """

    name = "hub over HTTP"

    def __init__(
        self,
        base_url: str,
        *,
        session: aiohttp.ClientSession | None = None,
        timeout_s: float = DEFAULT_TIMEOUT_S,
        token: Callable[[], str] | None = None,
    ) -> None:
        parts = urlsplit(base_url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query:
            raise SettingsError(f"{URL_ENV} must be an http URL such as http://localhost:8000, without user or query")
        self._base_url = base_url.rstrip("/")
        self._session = session
        self._is_own = session is None
        self._idle: asyncio.TimerHandle | None = None
        self._closing: asyncio.Task[None] | None = None
        self._timeout_s = timeout_s
        self._token = token

    def __repr__(self) -> str:
        return f"<HubLoader {self._base_url}>"

    async def load(
        self, market: str, frame: Timeframe, *, limit: int, start_ms: int | None = None, end_ms: int | None = None
    ) -> list[Bar]:
        """See CandleLoader.load; empty where the window is further back than the hub answers for.

        Raises ConnectFailed, RequestTimedOut, ServerUnavailable (any status but 200), MalformedMessage and
        MessageTooLarge.
        """
        now_ms = int(datetime.now(UTC).timestamp() * 1000)
        until_ms = frame.open_time_ms(now_ms if end_ms is None else min(end_ms, now_ms))
        since_ms = until_ms - (limit - 1) * frame.length_ms
        if start_ms is not None:
            since_ms = max(since_ms, -(-start_ms // frame.length_ms) * frame.length_ms)
        # The bar that forms now may have begun here but not there, so one more is asked for.
        count = (frame.open_time_ms(now_ms) - since_ms) // frame.length_ms + 2
        if count > MAX_CANDLES:
            return []
        bars = await self._get_candles_from_api(market, frame, count)
        return _window(bars, frame, since_ms, until_ms, may_lack_last=until_ms == frame.open_time_ms(now_ms))

    async def _get_m1_candles(self, symbol: str, limit: int = 50) -> list[TimedBar]:
        """Return the newest minutes, oldest first, as the founding document's consumer calls it (A24). Raises as
        `load`."""
        bars = await self._get_candles_from_api(symbol, _MINUTE, limit)
        return [TimedBar(datetime.fromtimestamp(bar.open_time_ms / 1000, UTC), bar) for bar in bars]

    async def _get_candles_from_api(self, symbol: str, frame: Timeframe, limit: int) -> list[Bar]:
        """Return at most `limit` bars, oldest first. Raises as `load`."""
        url = f"{self._base_url}/streamer/candles/{quote(symbol, safe='')}/{frame.name}"
        headers = {"Authorization": f"Bearer {self._token()}"} if self._token else {}
        timeout = aiohttp.ClientTimeout(total=self._timeout_s)
        try:
            async with self._opened().get(
                url, params={"limit": str(limit)}, headers=headers, timeout=timeout, allow_redirects=False
            ) as response:
                body = await read_body(response, MAX_REPLY_BYTES)
        except TimeoutError as exc:
            raise RequestTimedOut(f"{self!r} did not answer within {self._timeout_s:g} s") from exc
        except aiohttp.ClientError as exc:
            raise ConnectFailed(f"{self!r} is not there ({type(exc).__name__})") from exc
        if response.status != 200:
            raise ServerUnavailable(response.status, _code(body), "the hub has no candles", request=f"GET {url}")
        return _read(body)

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None or self._session.closed:
            self._session = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar())
        if self._is_own:
            if self._idle is not None:
                self._idle.cancel()
            self._idle = asyncio.get_running_loop().call_later(IDLE_S + self._timeout_s, self._close_idle)
        return self._session

    def _close_idle(self) -> None:
        self._closing = asyncio.ensure_future(self.close())

    async def close(self) -> None:
        """Close the session where it is this loader's own. Safe to repeat."""
        if self._idle is not None:
            self._idle.cancel()
        if self._is_own and self._session is not None:
            session, self._session = self._session, None
            await session.close()


def hub_loader_from_env(environ: Mapping[str, str] = os.environ) -> HubLoader | None:
    """Return the loader that STREAMER_API_URL, STREAMER_API_TIMEOUT (seconds, 1) and STREAMER_API_TOKEN ask for.

    None without a URL. Raises SettingsError where they cannot be read, or the token would travel in the clear.
    """
    url = environ.get(URL_ENV, "").strip()
    if not url:
        return None
    try:
        timeout_s = float(environ.get(TIMEOUT_ENV) or DEFAULT_TIMEOUT_S)
    except ValueError:
        raise SettingsError(f"{TIMEOUT_ENV} is a number of seconds") from None
    token = read_token(TOKEN_ENV, url, environ)
    return HubLoader(url, timeout_s=timeout_s, token=None if token is None else lambda: token)


def _read(body: bytes) -> list[Bar]:
    try:
        reply = _decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise MalformedMessage("the hub's answer holds no candles", body) from None
    if not reply.success:
        raise MalformedMessage("the hub reports a failure", body)
    return ordered(
        Bar(
            open_time_ms=candle.time * 1000,
            open=candle.open,
            high=candle.high,
            low=candle.low,
            close=candle.close,
            volume=candle.volume,
            synthetic=candle.synthetic,
        )
        for candle in reply.candles
    )


def _window(bars: list[Bar], frame: Timeframe, since_ms: int, until_ms: int, *, may_lack_last: bool) -> list[Bar]:
    """Return the bars of the window, none at all where one of them is missing (but for the one that just began)."""
    chosen = [bar for bar in bars if since_ms <= bar.open_time_ms <= until_ms]
    wanted = (until_ms - since_ms) // frame.length_ms + 1
    if not chosen or chosen[0].open_time_ms != since_ms:
        return []
    is_whole = (chosen[-1].open_time_ms - since_ms) // frame.length_ms + 1 == len(chosen)
    return chosen if is_whole and len(chosen) >= wanted - may_lack_last else []


def _code(body: bytes) -> str | None:
    try:
        code = json.loads(body).get("error_code")
    except (ValueError, AttributeError):
        return None
    return code if isinstance(code, str) else None
