"""Private REST but order entry: account, money, positions, orders, fills, funding, fees (API reference §3)."""

from collections.abc import Iterable
from decimal import Decimal, InvalidOperation

from aiohttp import web

from hummingbot_extended.venue.accounts import Account
from hummingbot_extended.venue.enums import OrderType, PositionSide, Side, TradeType
from hummingbot_extended.venue.order_body import decode_object
from hummingbot_extended.venue.orders import Order
from hummingbot_extended.venue.refusals import not_found, refusal
from hummingbot_extended.venue.rest import (
    Rest,
    bad_request,
    enum_parameter,
    int_parameter,
    limit_parameter,
    markets_parameter,
    needed_int,
    page,
)
from hummingbot_extended.venue.wire import Json, ok, short

CLAIM_AMOUNT = Decimal(1000)
OPERATIONS_PER_PAGE = 50
ZERO = Decimal(0)


class PrivateApi:
    """The endpoints of an account, beside order entry."""

    def __init__(self, rest: Rest) -> None:
        self._rest = rest
        self._core = rest.core

    def routes(self) -> Iterable[web.RouteDef]:
        """Return the routes, fixed paths before those with names in them."""
        route = self._rest.route
        return [
            route("GET", "/user/account/info", self.account),
            route("GET", "/user/accounts", self.accounts),
            route("GET", "/user/client/info", self.client),
            route("GET", "/user/balance", self.balance),
            route("GET", "/user/spot/balances", self.spot_balances),
            route("GET", "/user/positions", self.positions),
            route("GET", "/user/positions/history", self.position_history),
            route("GET", "/user/orders", self.open_orders),
            route("GET", "/user/orders/history", self.order_history),
            route("GET", "/user/orders/external/{id}", self.orders_by_external_id),
            route("GET", "/user/orders/{id}", self.order),
            route("GET", "/user/trades", self.trades),
            route("GET", "/user/funding/history", self.funding_payments),
            route("GET", "/user/fees", self.fees),
            route("GET", "/user/rebates/stats", self.rebates),
            route("GET", "/user/leverage", self.leverage),
            route("PATCH", "/user/leverage", self.set_leverage),
            route("GET", "/user/assetOperations", self.asset_operations),
            route("POST", "/user/claim", self.claim),
        ]

    # --- account ----------------------------------------------------------------------------------------------------

    async def account(self, request: web.Request) -> Json:
        """GET /user/account/info."""
        return ok(self._account(self._rest.account(request)))

    async def accounts(self, request: web.Request) -> Json:
        """GET /user/accounts: all sub-accounts of the client."""
        client_id = self._rest.account(request).client_id
        return ok([self._account(account) for account in self._core.engine.queries.accounts(client_id)])

    def _account(self, account: Account) -> Json:
        return {
            "accountId": account.id,
            "description": account.description,
            "accountIndex": account.index,
            "status": "ACTIVE",
            "l2Key": hex(account.public_key),
            "l2Vault": str(account.vault) if self._core.variants.vault_type == "string" else account.vault,
            "bridgeStarknetAddress": f"0x{account.id:064x}",
            "apiKeys": [account.api_key],
            "accountIndexForKeyGeneration": account.index,
        }

    async def client(self, request: web.Request) -> Json:
        """GET /user/client/info."""
        return ok({"id": self._rest.account(request).client_id})

    async def balance(self, request: web.Request) -> Json:
        """GET /user/balance: 404 when there is nothing."""
        account = self._rest.account(request)
        balance = self._core.engine.queries.balance(account.id, self._core.now_ms())
        if not balance.balance and not balance.exposure:
            raise not_found("Balance")
        return ok(self._core.wire.balance(balance))

    async def spot_balances(self, request: web.Request) -> Json:
        """GET /user/spot/balances: the collateral's row."""
        account = self._rest.account(request)
        balance = self._core.engine.queries.balance(account.id, self._core.now_ms())
        if not balance.balance:
            return ok([])
        row = {
            "accountId": account.id,
            "asset": self._core.variants.collateral_name,
            "balance": short(balance.balance),
            "indexPrice": "1",
            "notionalValue": short(balance.balance),
            "contributionFactor": "1",
            "equityContribution": short(balance.balance),
            "availableToWithdraw": short(balance.available_for_withdrawal),
            "updatedAt": balance.updated_ms,
        }
        return ok([row])

    async def positions(self, request: web.Request) -> Json:
        """GET /user/positions[?market&side]: open ones."""
        account = self._rest.account(request)
        side = enum_parameter(request, "side", PositionSide)
        found = self._core.engine.queries.positions(account.id, markets_parameter(request), side)
        return ok([self._core.wire.position(position) for position in found])

    async def position_history(self, request: web.Request) -> Json:
        """GET /user/positions/history[?market&side&cursor&limit]."""
        account = self._rest.account(request)
        listing = self._core.engine.queries.position_history(
            account.id,
            markets=markets_parameter(request),
            side=enum_parameter(request, "side", PositionSide),
            cursor=int_parameter(request, "cursor"),
            limit=limit_parameter(request),
        )
        return page(listing, self._core.wire.position_history)

    # --- orders and fills -------------------------------------------------------------------------------------------

    async def open_orders(self, request: web.Request) -> Json:
        """GET /user/orders[?market&type&side]; like the others it does not show orders that are too young."""
        account = self._rest.account(request)
        found = self._core.engine.queries.open_orders(
            account.id,
            markets_parameter(request),
            enum_parameter(request, "type", OrderType),
            enum_parameter(request, "side", Side),
        )
        return ok([self._core.wire.order(order) for order in found if self._is_visible(order)])

    async def order_history(self, request: web.Request) -> Json:
        """GET /user/orders/history[?market&type&side&id&externalId&cursor&limit&sort]."""
        account = self._rest.account(request)
        try:
            ids = [int(text) for text in request.query.getall("id", [])]
        except ValueError as error:
            raise bad_request("id must be an integer") from error
        listing = self._core.engine.queries.order_history(
            account.id,
            markets=markets_parameter(request),
            type=enum_parameter(request, "type", OrderType),
            side=enum_parameter(request, "side", Side),
            ids=ids,
            external_ids=request.query.getall("externalId", []),
            cursor=int_parameter(request, "cursor"),
            limit=limit_parameter(request),
            by_update=request.query.get("sort") == "UPDATED_AT",
        )
        return page(listing, self._core.wire.order)

    async def order(self, request: web.Request) -> Json:
        """GET /user/orders/{id}: an object; 404 while the order is too young or after it was forgotten."""
        account = self._rest.account(request)
        try:
            order_id = int(request.match_info["id"])
        except ValueError as error:
            raise bad_request("the order id must be an integer") from error
        order = self._core.engine.queries.order(account.id, order_id)
        if order is None or not self._is_visible(order):
            raise not_found("Order")
        return ok(self._core.wire.order(order))

    async def orders_by_external_id(self, request: web.Request) -> Json:
        """GET /user/orders/external/{id}: a list; 404 when it would be empty."""
        account = self._rest.account(request)
        found = self._core.engine.queries.orders_by_external_id(account.id, request.match_info["id"])
        visible = [self._core.wire.order(order) for order in found if self._is_visible(order)]
        if not visible:
            raise not_found("Order")
        return ok(visible)

    def _is_visible(self, order: Order) -> bool:
        return self._core.now_ms() - order.created_ms >= self._core.settings.visibility_delay_ms

    async def trades(self, request: web.Request) -> Json:
        """GET /user/trades[?market&type&side&cursor&limit]."""
        account, wire = self._rest.account(request), self._core.wire
        listing = self._core.engine.queries.trades(
            account.id,
            markets=markets_parameter(request),
            type=enum_parameter(request, "type", TradeType),
            side=enum_parameter(request, "side", Side),
            cursor=int_parameter(request, "cursor"),
            limit=limit_parameter(request),
        )
        return page(listing, lambda trade: wire.account_trade(trade, client_id_name=wire.variants.trade_client_id))

    async def funding_payments(self, request: web.Request) -> Json:
        """GET /user/funding/history?startTime=[&market&side&cursor&limit]."""
        account = self._rest.account(request)
        listing = self._core.engine.queries.funding_payments(
            account.id,
            needed_int(request, "startTime"),
            markets=markets_parameter(request),
            side=enum_parameter(request, "side", PositionSide),
            cursor=int_parameter(request, "cursor"),
            limit=limit_parameter(request),
        )
        if not listing.items and self._core.variants.no_funding_history == "404":
            raise not_found("Funding history")
        return page(listing, self._core.wire.funding_payment)

    # --- fees and leverage ------------------------------------------------------------------------------------------

    def _markets(self, request: web.Request) -> list[str]:
        known = [spec.name for spec in self._core.engine.queries.market_specs()]
        wanted = markets_parameter(request)
        if set(wanted) - set(known):
            raise refusal(1001)
        return wanted or known

    async def fees(self, request: web.Request) -> Json:
        """GET /user/fees[?market&builderId]."""
        account, queries = self._rest.account(request), self._core.engine.queries
        rows = [self._core.wire.fees(name, queries.fees(account.id, name), ZERO) for name in self._markets(request)]
        return ok(rows)

    async def rebates(self, request: web.Request) -> Json:
        """GET /user/rebates/stats: none are earned here."""
        self._rest.account(request)
        names = ("totalPaid", "rebatesRate", "marketShare", "nextTierMakerShare", "nextTierRebateRate")
        return ok(dict.fromkeys(names, "0"))

    async def leverage(self, request: web.Request) -> Json:
        """GET /user/leverage[?market]."""
        account, queries = self._rest.account(request), self._core.engine.queries
        return ok([{"market": n, "leverage": short(queries.leverage(account.id, n))} for n in self._markets(request)])

    async def set_leverage(self, request: web.Request) -> Json | web.Response:
        """PATCH /user/leverage; the reply has a body or, by variant, none."""
        account = self._rest.account(request)
        body = decode_object(await request.read())
        market = body.get("market")
        try:
            leverage = Decimal(str(body.get("leverage")))
        except InvalidOperation as error:
            raise refusal(1053) from error
        if not isinstance(market, str) or not leverage.is_finite():
            raise bad_request("market and leverage are required")
        value = self._core.do(lambda: self._core.engine.set_leverage(account.id, market, leverage, self._core.now_ms()))
        if self._core.variants.leverage_reply == "empty":
            return web.Response(status=200)
        return ok({"market": market, "leverage": short(value)})

    # --- money in ---------------------------------------------------------------------------------------------------

    async def asset_operations(self, request: web.Request) -> Json:
        """GET /user/assetOperations[?id&type&status&startTime&endTime&cursor&limit], newest first."""
        account, query = self._rest.account(request), request.query
        start_ms, end_ms = int_parameter(request, "startTime", 0), int_parameter(request, "endTime")
        cursor, limit = (
            int_parameter(request, "cursor"),
            limit_parameter(request, OPERATIONS_PER_PAGE, OPERATIONS_PER_PAGE),
        )
        rows = [
            row
            for row in reversed(self._core.operations)
            if row["accountId"] == account.id
            and query.get("id") in (None, row["id"])
            and query.get("type") in (None, row["type"])
            and query.get("status") in (None, row["status"])
            and row["time"] >= (start_ms or 0)
            and (end_ms is None or row["time"] <= end_ms)
            and (cursor is None or int(row["id"]) < cursor)
        ][:limit]  # fmt: skip
        return ok(rows, pagination={"cursor": int(rows[-1]["id"]) if rows else None, "count": len(rows)})

    async def claim(self, request: web.Request) -> Json:
        """POST /user/claim: the testnet's faucet, 1,000 USD; here as often as wanted."""
        account = self._rest.account(request)
        operation = self._core.deposit(account.id, CLAIM_AMOUNT, "CLAIM")
        return ok({"id": int(operation["id"])})
