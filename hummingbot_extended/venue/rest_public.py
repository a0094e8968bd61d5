"""Public REST: markets, books, trades, candles, funding, assets (API reference §2)."""

from collections.abc import Iterable
from decimal import Decimal

from aiohttp import web

from hummingbot_extended.venue.candles import CandleKind
from hummingbot_extended.venue.markets import MarketSpec
from hummingbot_extended.venue.past import made_up_funding, made_up_open_interest
from hummingbot_extended.venue.records import FundingRate, MarketView
from hummingbot_extended.venue.refusals import Refusal, not_found, refusal
from hummingbot_extended.venue.rest import (
    MAX_LIMIT,
    Rest,
    bad_request,
    int_parameter,
    limit_parameter,
    markets_parameter,
    needed_int,
)
from hummingbot_extended.venue.streams_hub import candle_row
from hummingbot_extended.venue.wire import Json, at_most, decimals_of, fixed, money, ok, plain, short

RECENT_TRADES = 50
OPEN_INTEREST_ROWS = 300
OPEN_INTEREST_INTERVALS = {"P1H": 3_600_000, "PT1H": 3_600_000, "P1D": 86_400_000}
NO_LEVELS = {
    side: [{"level": level, "rankingLowerBound": "0.0000"} for level in (1, 2, 3, 4)]
    for side in ("shortPositions", "longPositions")
}


class PublicApi:
    """The endpoints that need no key."""

    def __init__(self, rest: Rest) -> None:
        self._rest = rest
        self._core = rest.core

    def routes(self) -> Iterable[web.RouteDef]:
        """Return the routes, fixed paths before those with names in them."""
        route = self._rest.route
        return [
            route("GET", "/info/markets", self.markets),
            route("GET", "/info/markets/stats", self.all_stats),
            route("GET", "/info/markets/{market}/stats", self.stats),
            route("GET", "/info/markets/{market}/orderbook", self.order_book),
            route("GET", "/info/markets/{market}/trades", self.trades),
            route("GET", "/info/candles/{market}/{kind}", self.candles),
            route("GET", "/info/assets", self.assets),
            route("GET", "/info/assets/{asset}/price", self.asset_price),
            route("GET", "/info/settings", self.settings),
            route("GET", "/info/starknet", self.starknet),
            route("GET", "/info/status", self.status),
            route("GET", "/info/{market}/funding", self.funding),
            route("GET", "/info/{market}/open-interests", self.open_interests),
        ]

    # --- markets ----------------------------------------------------------------------------------------------------

    async def markets(self, request: web.Request) -> Json:
        """GET /info/markets[?market=A&market=B]."""
        wanted = markets_parameter(request)
        specs = self._core.engine.queries.market_specs()
        known = {spec.name for spec in specs}
        for name in wanted:
            if name not in known:
                raise refusal(1001)
        return ok([self._market(spec) for spec in specs if not wanted or spec.name in wanted])

    async def all_stats(self, request: web.Request) -> Json:
        """GET /info/markets/stats, by market (only in the OpenAPI file)."""
        return ok({spec.name: self._stats(spec) for spec in self._core.engine.queries.market_specs()})

    async def stats(self, request: web.Request) -> Json:
        """GET /info/markets/{market}/stats."""
        return ok(self._stats(self._spec(request)))

    def _spec(self, request: web.Request) -> MarketSpec:
        name = request.match_info["market"]
        for spec in self._core.engine.queries.market_specs():
            if spec.name == name:
                return spec
        raise refusal(1001)

    def _market(self, spec: MarketSpec) -> Json:
        view = self._core.engine.queries.market(spec.name)
        return {
            "name": spec.name,
            "type": "PERPETUAL",
            "uiName": spec.name,
            "category": spec.category,
            "subCategory": spec.sub_category,
            "assetName": spec.asset,
            "assetPrecision": spec.asset_precision,
            "collateralAssetName": "USD",
            "collateralAssetPrecision": 6,
            "description": spec.description,
            "active": view.status in ("ACTIVE", "REDUCE_ONLY"),
            "isRfq": spec.is_rfq,
            "isOffHours": False,
            "status": view.status,
            "tradingHours": "CONTINUOUS",
            "marketStats": self._stats(spec),
            "tradingConfig": _trading_config(spec),
            "l2Config": {
                "type": "STARKX",
                "collateralId": hex(spec.collateral_id),
                "syntheticId": hex(spec.synthetic_id),
                "syntheticResolution": spec.synthetic_resolution,
                "collateralResolution": spec.collateral_resolution,
            },
            "visibleOnUi": True,
            "referenceMarket": "null",
            "createdAt": spec.created_ms,
        }

    def _stats(self, spec: MarketSpec) -> Json:
        view, day = self._core.engine.queries.market(spec.name), self._core.candles.day(spec.name)
        lots = decimals_of(spec.step)
        last = view.last_price or spec.start_price
        return {
            "dailyVolume": money(day.volume),
            "dailyVolumeBase": fixed(day.volume_base, lots),
            "dailyPriceChange": short(last - day.first),
            "dailyPriceChangePercentage": fixed((last - day.first) / day.first, 4),
            "dailyLow": short(day.low),
            "dailyHigh": short(day.high),
            "lastPrice": short(last),
            "askPrice": short(view.best_ask or Decimal(0)),
            "bidPrice": short(view.best_bid or Decimal(0)),
            "markPrice": at_most(view.mark_price, 12),
            "indexPrice": at_most(view.index_price, 12),
            "fundingRate": fixed(view.funding_rate, 6),
            "nextFundingRate": view.next_funding_ms,
            "openInterest": money(view.open_interest_base * view.mark_price),
            "openInterestBase": fixed(view.open_interest_base, lots),
            "deleverageLevels": NO_LEVELS,
        }

    async def order_book(self, request: web.Request) -> Json:
        """GET /info/markets/{market}/orderbook: the whole book, long names."""
        spec = self._spec(request)
        bids, asks = self._core.engine.queries.book(spec.name)
        lot = self._core.wire.lot
        return ok(
            {
                "market": spec.name,
                "bid": [{"qty": lot(spec.name, size), "price": plain(price)} for price, size in bids],
                "ask": [{"qty": lot(spec.name, size), "price": plain(price)} for price, size in asks],
            }
        )

    async def trades(self, request: web.Request) -> Json:
        """GET /info/markets/{market}/trades, newest first."""
        recent = self._core.engine.queries.public_trades(self._spec(request).name, RECENT_TRADES)
        return ok([self._core.wire.public_trade(trade) for trade in reversed(recent)])

    # --- history ----------------------------------------------------------------------------------------------------

    async def candles(self, request: web.Request) -> Json:
        """GET /info/candles/{market}/{kind}?interval=&limit=[&endTime=], newest first."""
        spec = self._spec(request)
        if request.match_info["kind"] not in set(CandleKind):
            raise not_found("Candle type")
        kind, interval = CandleKind(request.match_info["kind"]), request.query.get("interval", "")
        limit = needed_int(request, "limit")
        if not 1 <= limit <= MAX_LIMIT:
            raise bad_request(f"limit must be from 1 to {MAX_LIMIT}")
        now_ms = self._core.now_ms()
        self._core.candles.advance(now_ms)
        end_ms = int_parameter(request, "endTime", now_ms) or now_ms
        found = self._core.candles.candles(spec.name, kind, interval, end_ms, limit)
        return ok([candle_row(candle, with_volume=kind is CandleKind.TRADES) for candle in found])

    async def funding(self, request: web.Request) -> Json:
        """GET /info/{market}/funding?startTime=&endTime=[&cursor=&limit=], newest first."""
        spec = self._spec(request)
        start_ms, end_ms = needed_int(request, "startTime"), needed_int(request, "endTime")
        limit, cursor = limit_parameter(request, MAX_LIMIT), int_parameter(request, "cursor")
        applied = self._core.engine.queries.funding_rates(spec.name, start_ms, end_ms).items
        past = made_up_funding(spec, self._core.settings.seed, self._core.started_ms, start_ms, end_ms)
        rows = [row for row in [*applied, *past] if cursor is None or row.id < cursor][:limit]
        shown = [_funding_row(row) for row in rows]
        return ok(shown, pagination={"cursor": rows[-1].id if rows else None, "count": len(shown)})

    async def open_interests(self, request: web.Request) -> Json:
        """GET /info/{market}/open-interests?interval=P1H|P1D&startTime=&endTime=[&limit=]."""
        spec = self._spec(request)
        interval = request.query.get("interval", "")
        if interval not in OPEN_INTEREST_INTERVALS:
            raise Refusal(400, 1005, f"Interval {interval!r} is not supported")
        start_ms, end_ms = needed_int(request, "startTime"), needed_int(request, "endTime")
        limit = limit_parameter(request, OPEN_INTEREST_ROWS, OPEN_INTEREST_ROWS)
        view: MarketView = self._core.engine.queries.market(spec.name)
        step_ms = OPEN_INTEREST_INTERVALS[interval]
        end_ms = min(end_ms, self._core.now_ms())
        rows = made_up_open_interest(self._core.settings.seed, view, start_ms, end_ms, step_ms, limit)
        return ok([{"i": fixed(value, 16), "I": fixed(base, 16), "t": ts_ms} for ts_ms, base, value in rows])

    # --- assets and the exchange ------------------------------------------------------------------------------------

    async def assets(self, request: web.Request) -> Json:
        """GET /info/assets[?type=SPOT|PERPETUAL]."""
        wanted = request.query.get("type")
        specs = self._core.engine.queries.market_specs()
        rows = [_asset(1, "USD", "USD Collateral", 6, 1, "SPOT", is_collateral=True)]
        rows += [
            _asset(number, spec.asset, spec.description, spec.asset_precision, spec.synthetic_id, "PERPETUAL")
            for number, spec in enumerate(specs, 2)
        ]
        return ok([row for row in rows if wanted in (None, row["type"])])

    async def asset_price(self, request: web.Request) -> Json:
        """GET /info/assets/{asset}/price: a bare decimal string."""
        asset = request.match_info["asset"]
        if asset == "USD":
            return ok("1")
        for spec in self._core.engine.queries.market_specs():
            if spec.asset == asset:
                return ok(at_most(self._core.engine.queries.market(spec.name).index_price, 12))
        raise Refusal(404, 1000, "Asset not found")

    async def settings(self, request: web.Request) -> Json:
        """GET /info/settings."""
        return ok({"starkExContractAddress": f"0x{0:064x}"})

    async def starknet(self, request: web.Request) -> Json:
        """GET /info/starknet: the signing domain."""
        return ok({"name": "Perpetuals", "version": "v0", "chainId": self._core.settings.chain_id, "revision": 1})

    async def status(self, request: web.Request) -> Json:
        """GET /info/status (its schema is unknown: API reference §2.9)."""
        return ok({"status": "OPERATIONAL"})


def _funding_row(row: FundingRate) -> Json:
    return {"m": row.market, "f": short(row.rate), "T": row.ts_ms}


def _trading_config(spec: MarketSpec) -> Json:
    return {
        "minOrderSize": short(spec.min_size),
        "minOrderSizeChange": plain(spec.step),
        "minPriceChange": short(spec.tick),
        "maxMarketOrderValue": short(spec.max_market_value),
        "maxLimitOrderValue": short(spec.max_limit_value),
        "maxPositionValue": short(spec.max_position_value),
        "maxLeverage": fixed(spec.max_leverage, 2),
        "hourlyFundingRateCap": short(spec.funding_cap_percent),
        "openInterestLimit": "0",
        "maxNumOrders": str(spec.max_orders),
        "limitPriceCap": short(spec.price_cap),
        "limitPriceFloor": short(spec.price_floor),
        "riskFactorConfig": [
            {
                "upperBound": short(band.upper_bound),
                "riskFactor": short(band.risk_factor),
                "isAvailableForUsers": band.is_available,
            }
            for band in spec.bands
        ],
        "uPnlWithdrawable": True,
        "postWithdrawalMarginFactor": "0.1",
    }


def _asset(
    number: int, name: str, description: str, precision: int, asset_id: int, kind: str, *, is_collateral: bool = False
) -> Json:
    return {
        "id": number,
        "name": name,
        "symbol": name,
        "description": description,
        "precision": precision,
        "isActive": True,
        "isCollateral": is_collateral,
        "starkexId": hex(asset_id),
        "starkexResolution": 1_000_000,
        "l1Id": f"0x{0:040x}",
        "l1Resolution": 1_000_000,
        "version": 3,
        "createdAt": 1_752_829_532_673,
        "type": kind,
        "canBeUsedAsCollateral": is_collateral,
        "riskFactors": [],
        "availableForTradeFactors": [],
    }
