"""The HTTP face as FastAPI routers, for the hub's own server and for any other FastAPI application:

    app.include_router(streamer_router(hub))

Answers are bytes that are made already (`answers.py`); FastAPI describes and validates, it encodes nothing.
"""

import time
from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Header, Query, Response

from hummingbot_extended.hub.answers import JSON, MAX_LIMIT, Answer, CandleAnswers, CandlesQuery
from hummingbot_extended.hub.interface import MarketDataHub
from hummingbot_extended.hub.status_answers import StatusAnswers

type Limit = Annotated[int, Query(description="How many candles; out of range is clamped.")]
type Since = Annotated[int | None, Query(description="Epoch seconds: candles that opened before are left out.")]
type IfNoneMatch = Annotated[str, Header()]


def epoch_ms() -> int:
    """The clock of answers."""
    return time.time_ns() // 1_000_000


def response(answer: Answer) -> Response:
    """Return an answer as FastAPI sends it."""
    return Response(answer.body, answer.status, dict(answer.headers), JSON)


def streamer_router(
    hub: MarketDataHub | None, *, candles: CandleAnswers | None = None, now_ms: Callable[[], int] = epoch_ms
) -> APIRouter:
    """Return /streamer/* and the /api/v1 aliases of `hub` (None: answers that say there is none)."""
    router = APIRouter(tags=["streamer"])
    answers = candles or CandleAnswers(hub, now_ms)
    states = StatusAnswers(hub, now_ms)
    _add_candles(router, answers)
    _add_states(router, states)
    return router


def _add_candles(router: APIRouter, answers: CandleAnswers) -> None:
    @router.get("/streamer/candles/{symbol:path}/{timeframe}", summary="Candles, newest first")
    async def candles(
        symbol: str,
        timeframe: str,
        limit: Limit = 50,
        format: Annotated[str, Query(description="dict, or raw for [time,o,h,l,c,v]")] = "dict",
        since: Since = None,
        order: Annotated[str, Query(description="desc or asc")] = "desc",
        closed_only: bool = False,
        if_none_match: IfNoneMatch = "",
    ) -> Response:
        """The first candle is still forming unless `closed`. `ETag` changes with the series: send `If-None-Match`."""
        query = CandlesQuery(limit=limit, format=format, order=order, closed_only=closed_only, since_s=since)
        return response(await answers.candles(symbol, timeframe, query, if_none_match))

    @router.get("/api/v1/candles/{symbol:path}/{timeframe}/latest", summary="The newest candle")
    async def latest(symbol: str, timeframe: str) -> Response:
        return response(await answers.latest(symbol, timeframe))

    @router.get("/api/v1/candles/{symbol:path}/{timeframe}", summary="Candles, with no maximum but what is kept")
    async def alias(
        symbol: str, timeframe: str, limit: Limit = MAX_LIMIT, since: Since = None, if_none_match: IfNoneMatch = ""
    ) -> Response:
        query = CandlesQuery(limit=limit, since_s=since, max_limit=None)
        return response(await answers.candles(symbol, timeframe, query, if_none_match))


def _add_states(router: APIRouter, states: StatusAnswers) -> None:
    @router.get("/streamer/status", summary="Whether it runs, and its figures")
    async def status() -> Response:
        return response(states.status())

    @router.get("/streamer/available", summary="Symbols and timeframes")
    async def available() -> Response:
        return response(states.available())

    @router.get("/streamer/health", summary="200 while candles are fresh, else 503")
    async def health(
        strict: Annotated[bool, Query(description="0: answer 200 also when unhealthy")] = True,
    ) -> Response:
        return response(states.health(strict=strict))

    @router.get("/api/v1/streamer/status", summary="Buffers by symbol and timeframe")
    async def alias_status() -> Response:
        return response(states.alias_status())

    @router.get("/api/v1/markets", summary="The markets of the exchange")
    async def markets() -> Response:
        return response(states.markets())


def probe_router(hub: MarketDataHub | None, *, now_ms: Callable[[], int] = epoch_ms) -> APIRouter:
    """Return /healthz (the process answers) and /readyz (candles are there)."""
    router = APIRouter(tags=["probes"])
    states = StatusAnswers(hub, now_ms)

    @router.get("/healthz", summary="200 while the process answers")
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @router.get("/readyz", summary="200 once candles can be had")
    async def readyz() -> Response:
        return response(states.ready())

    return router
