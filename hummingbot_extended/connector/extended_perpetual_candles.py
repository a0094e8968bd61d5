"""Candle feeds of the three networks, for CandlesFactory: history by the loader chain, live bars by the stream."""

import asyncio
import contextlib
import math
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from hummingbot.core.api_throttler.data_types import RateLimit
from hummingbot.core.network_iterator import NetworkStatus
from hummingbot.data_feed.candles_feed.candles_base import CandlesBase
from hummingbot.data_feed.candles_feed.data_types import HistoricalCandlesConfig
from numpy.typing import NDArray

from hummingbot_extended.candles.bars import without_gaps
from hummingbot_extended.candles.exchange_loader import ExchangeLoader, bar_of
from hummingbot_extended.candles.hub_loader import hub_loader_from_env
from hummingbot_extended.candles.loader import CandleLoader, FallbackLoader
from hummingbot_extended.candles.timeframes import TIMEFRAMES, timeframe
from hummingbot_extended.connector import extended_perpetual_constants as CONSTANTS
from hummingbot_extended.connector.candle_rows import Row, flat_rows, merged, row_of, table_of
from hummingbot_extended.connector.extended_perpetual_web_utils import (
    build_api_factory,
    public_rest_url,
    public_stream_url,
)
from hummingbot_extended.connector.rest import AssistantSend
from hummingbot_extended.connector.throttler import ExtendedThrottler
from hummingbot_extended.connector.transport import stream_transports
from hummingbot_extended.errors import ExtendedError, ProtocolError
from hummingbot_extended.exchange.channels import candles_path, decode_candles
from hummingbot_extended.exchange.endpoints import CANDLES, MARKET_STATS, find_domain
from hummingbot_extended.exchange.models import Candle
from hummingbot_extended.exchange.reading import read_records
from hummingbot_extended.exchange.rest import MAX_CANDLES, ExtendedRest
from hummingbot_extended.streams.sequence import SequenceChecker
from hummingbot_extended.streams.supervisor import StreamSupervisor
from hummingbot_extended.streams.transport import StreamRequest

if TYPE_CHECKING:
    from hummingbot.connector.connector_base import ConnectorBase

CANDLE_SILENCE_S = 30.0  # the running candle is pushed every 1 to 10 s (API reference §6.1)
RETRY_S = 5.0
POLL_WITHOUT_STREAM_S = 10.0
VERIFIED_BARS = 2
VERIFY_AFTER_S = 2.0  # after a bar closed: the exchange may still add its last trades


class ExtendedPerpetualCandles(CandlesBase):
    """Candles of one market: `candles_df` as every feed of Hummingbot, also before `start` through `fetch_candles`.

    Rows are at equal distances: a time without trades is a flat row. A dropped connection loses nothing: the rows stay,
    what was missed is loaded, and REST keeps the last row alive meanwhile. `ready` once history is loaded, as far as
    the market has one. A bar that closed is checked by REST. Raises SettingsError (a ValueError) on another interval.
    """

    domain = CONSTANTS.DEFAULT_DOMAIN
    _listen_candles_task: asyncio.Task[None] | None

    def __init__(self, trading_pair: str, interval: str = "1m", max_records: int = 150) -> None:
        self._frame = timeframe(interval)
        super().__init__(trading_pair, self._frame.interval, max_records)
        self._api_factory = build_api_factory()
        self._hub_loader = hub_loader_from_env()
        self._has_history = False
        self._is_streaming = False
        self._history_wanted = asyncio.Event()
        self._misses_bars = False
        self._sequence = SequenceChecker()

    def __repr__(self) -> str:
        state = "streaming" if self._is_streaming else "not streaming"
        return f"<{type(self).__name__} {self._trading_pair} {self.interval}: {len(self._candles)} candles, {state}>"

    # --- what a feed is ---------------------------------------------------------------------------------------------

    @property
    def name(self) -> str:
        """Name of the feed, also of its CSV file."""
        return f"{self.domain}_{self._trading_pair}"

    @property
    def rest_url(self) -> str:
        """Where the exchange's REST interface is."""
        return find_domain(self.domain).rest_url

    @property
    def wss_url(self) -> str:
        """The stream of this market and interval."""
        return public_stream_url(candles_path(self._ex_trading_pair, self._frame.code), self.domain)

    @property
    def health_check_url(self) -> str:
        """What `check_network` asks."""
        return public_rest_url(MARKET_STATS.url_path(market=self._ex_trading_pair), self.domain)

    @property
    def candles_url(self) -> str:
        """Where past candles are."""
        return public_rest_url(CANDLES.url_path(market=self._ex_trading_pair, candle_type="trades"), self.domain)

    @property
    def candles_endpoint(self) -> str:
        """The rate limit of `candles_url`."""
        return CANDLES.limit_id

    @property
    def candles_max_result_per_rest_request(self) -> int:
        """Rows of one request; `fetch_candles` asks as often as it must."""
        return MAX_CANDLES

    @property
    def rate_limits(self) -> list[RateLimit]:
        """The exchange's limits, which a feed shares with its connector where it has one."""
        return CONSTANTS.RATE_LIMITS

    @property
    def intervals(self) -> dict[str, str]:
        """The exchange's code of each interval."""
        return {frame.interval: frame.code for frame in TIMEFRAMES}

    @property
    def ready(self) -> bool:
        """Whether history is loaded: `max_records` candles, or as many as the market has."""
        return self._has_history and len(self._candles) > 0

    def get_exchange_trading_pair(self, trading_pair: str) -> str:
        """The exchange names its perpetuals as Hummingbot does."""
        return trading_pair

    def attach_connector(self, connector: "ConnectorBase") -> None:
        """Share the connector's symbols, and its budget of requests where it is one of ours."""
        self._connector = connector
        if isinstance(throttler := getattr(connector, "throttler", None), ExtendedThrottler):
            self._api_factory = build_api_factory(throttler)

    async def check_network(self) -> NetworkStatus:
        """CONNECTED where the market answers. Raises what ExtendedRest.market_stats raises."""
        await self._rest.market_stats(self._ex_trading_pair)
        return NetworkStatus.CONNECTED

    # --- history ----------------------------------------------------------------------------------------------------

    async def fetch_candles(
        self, start_time: int | None = None, end_time: int | None = None, limit: int | None = None
    ) -> NDArray[np.float64]:
        """Up to `limit` (1,000) candles as rows, oldest first; times in seconds, both ends included.

        With an end the newest before it, never older than the start; with a start alone those that follow it. Works
        before `start`. Raises ValueError without either, and what the last loader raises.
        """
        if start_time is None and end_time is None:
            raise ValueError("Either the start time or end time must be specified.")
        await self.initialize_exchange_data()
        count = max(1, self.candles_max_result_per_rest_request if limit is None else limit)
        if end_time is None and start_time is not None:
            end_time = start_time + self.interval_in_seconds * (count - 1)
        bars = await self._loader.load(
            self._ex_trading_pair,
            self._frame,
            limit=count,
            start_ms=None if start_time is None else int(start_time * 1000),
            end_ms=None if end_time is None else int(end_time * 1000),
        )
        return table_of(bars)

    async def get_historical_candles(self, config: HistoricalCandlesConfig) -> pd.DataFrame:
        """The candles from `config.start_time` to `config.end_time` (s), for backtesting; the feed is untouched."""
        span_s = max(0, config.end_time - config.start_time)
        count = span_s // self.interval_in_seconds + 1
        rows = await self.fetch_candles(start_time=config.start_time, end_time=config.end_time, limit=count)
        return pd.DataFrame(rows, columns=self.columns, dtype=float)

    @property
    def _rest(self) -> ExtendedRest:
        return ExtendedRest(AssistantSend(self._api_factory, self._api_factory.throttler, self.rest_url))

    @property
    def _loader(self) -> CandleLoader:
        before = () if self._hub_loader is None else (self._hub_loader,)
        return FallbackLoader(ExchangeLoader(self._rest), domain=self.domain, before=before)

    # --- live -------------------------------------------------------------------------------------------------------

    async def stop_network(self) -> None:
        """End the stream and wait for its end. The candles stay."""
        task, self._listen_candles_task = self._listen_candles_task, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task])
        self._exchange_data_initialized = False

    async def listen_for_subscriptions(self) -> None:
        """Keep the candles up to date until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._keep_history())
            group.create_task(self._stream().run())

    async def _keep_history(self) -> None:
        """Load history, what a lost connection missed, and the bars that closed; poll while there is no stream."""
        while True:
            self._history_wanted.clear()
            self._misses_bars = False
            try:
                await self._load_history()
            except (OSError, ProtocolError) as error:
                self.logger().warning(f"No {self._trading_pair} {self.interval} candles: {error}. Trying again.")
                await self._sleep(RETRY_S)
                continue
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(None if self._is_streaming else POLL_WITHOUT_STREAM_S):
                    await self._history_wanted.wait()
            if self._is_streaming and not self._misses_bars:
                await self._sleep(VERIFY_AFTER_S)

    async def _load_history(self) -> None:
        now_s = time.time()
        final_before_s = now_s - now_s % self.interval_in_seconds
        limit = self.max_records
        if self._has_history and self._candles:
            missed_s = final_before_s - self._candles[-1][0]
            limit = min(limit, int(missed_s // self.interval_in_seconds) + 1 + VERIFIED_BARS)
        rows = await self.fetch_candles(end_time=int(now_s), limit=limit)
        if not self._is_streaming:
            final_before_s = math.inf
        complete = merged(self._candles, rows, self._frame, final_before_s=final_before_s)
        if complete:  # a time that REST does not have by now had no trades
            complete.extend(flat_rows(complete[-1], int(now_s - now_s % self.interval_in_seconds), self._frame))
        self._replace(complete)
        self._has_history = True
        self._ws_candle_available.set()

    def _replace(self, rows: list[Row]) -> None:
        """Put `rows` into the deque that others hold on to."""
        self._candles.clear()
        self._candles.extend(rows)

    def _stream(self) -> StreamSupervisor:
        async def connected() -> None:
            self._sequence = SequenceChecker()
            self._history_wanted.set()

        return StreamSupervisor(
            StreamRequest(url=self.wss_url, data_timeout_s=CANDLE_SILENCE_S),
            stream_transports(self._api_factory, url=self.wss_url),
            on_message=self._handle,
            on_connected=connected,
            on_disconnected=self._disconnected,
        )

    def _disconnected(self, _error: ExtendedError) -> None:
        """REST takes over: `_keep_history` looks whether there is a stream each time it waits."""
        self._is_streaming = False
        self._history_wanted.set()

    def _handle(self, message: bytes | str) -> None:
        """Take a message of the stream. Raises ProtocolError, upon which the stream reconnects."""
        frame = decode_candles(message)
        self._sequence.check(frame.seq)
        self._is_streaming = True
        for candle in frame.candles:
            self._take(row_of(bar_of(candle)))

    def _take(self, row: Row) -> None:
        """Replace the bar of the same time in place, or begin the next one, upon which REST checks what closed.

        A bar that does not follow the last one waits until REST has told what lies between: nobody shall trade on bars
        that only look flat because they were missed.
        """
        candles = self._candles
        if not candles:
            candles.append(row)
        elif row[0] > candles[-1][0]:
            self._misses_bars = row[0] > candles[-1][0] + self.interval_in_seconds
            if not self._misses_bars:
                candles.append(row)
            self._history_wanted.set()
        elif (steps := int((candles[-1][0] - row[0]) // self.interval_in_seconds)) < len(candles):
            candles[-1 - steps] = row

    # --- Hummingbot's own way, for who hands in the exchange's JSON -------------------------------------------------

    def _get_rest_candles_params(
        self, start_time: int | None = None, end_time: int | None = None, limit: int | None = None
    ) -> dict[str, str | int]:
        """The parameters of one request; the exchange knows no start (API reference §2.5)."""
        params: dict[str, str | int] = {"interval": self._frame.code, "limit": limit or MAX_CANDLES}
        if end_time is not None:
            params["endTime"] = int(end_time * 1000)
        return params

    def _parse_rest_candles(self, data: Mapping[str, Any], end_time: int | None = None) -> list[list[float]]:
        """The rows of a reply's JSON, oldest first, those after `end_time` (seconds) left out."""
        bars = without_gaps((bar_of(candle) for candle in read_records(data.get("data"), Candle)), self._frame)
        return [row_of(bar).tolist() for bar in bars if end_time is None or bar.open_time_ms <= end_time * 1000]

    def ws_subscription_payload(self) -> dict[str, str]:
        """Nothing is sent: the stream's URL is the subscription (API reference §6.1)."""
        return {}

    def _parse_websocket_message(self, data: Mapping[str, Any]) -> dict[str, float] | None:
        """The newest candle of a frame's JSON by column; None for what holds none."""
        candles = read_records(data.get("data"), Candle)
        if not candles:
            return None
        newest = max(candles, key=lambda candle: candle.time_ms)
        return dict(zip(self.columns, row_of(bar_of(newest)).tolist(), strict=True))


class ExtendedPerpetualTestnetCandles(ExtendedPerpetualCandles):
    """Candles of the testnet."""

    domain = CONSTANTS.TESTNET_DOMAIN


class ExtendedPerpetualLocalCandles(ExtendedPerpetualCandles):
    """Candles of the practice venue, where EXTENDED_PERPETUAL_LOCAL_URL says."""

    domain = CONSTANTS.LOCAL_DOMAIN
