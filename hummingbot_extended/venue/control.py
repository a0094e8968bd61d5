"""The control API at `/practice/…` (loopback, like the whole venue): faults, variants, accounts, ledger, prices.

`GET /practice` lists what there is. Replies use the exchange's envelope; money in the ledger is exact.
"""

from collections.abc import Awaitable, Callable, Iterable
from decimal import Decimal, InvalidOperation

from aiohttp import web

from hummingbot_extended.errors import SettingsError
from hummingbot_extended.venue.accounts import Account
from hummingbot_extended.venue.enums import AccountKind, MarketStatus, Mode
from hummingbot_extended.venue.faults import FaultKind, parse_fault
from hummingbot_extended.venue.order_body import decode_object
from hummingbot_extended.venue.records import FeeRates, Page
from hummingbot_extended.venue.refusals import Refusal
from hummingbot_extended.venue.rest import Rest, bad_request
from hummingbot_extended.venue.variants import describe_variants
from hummingbot_extended.venue.venue_core import Trader
from hummingbot_extended.venue.wire import Json, encode, error, ok, plain

CONTROL_PREFIX = "/practice"
PAGE = 10_000
LIVE_SETTINGS = {"acceptance_delay_ms": int, "visibility_delay_ms": int, "rate_limit": int, "speed": float}
HELP = {
    "GET /practice/ledger[?account=ID]": "accounts with balance, orders, trades, fundingPayments, positions",
    "GET /practice/stats": "connections, frames, requests, faults by kind, as the venue counted them",
    "GET /practice/faults": "every fault that was set, with how often it met an opportunity (seen) and fired",
    "POST /practice/faults": "{kind, path, market, account, count, probability, seed, after, duration_s, value}",
    "DELETE /practice/faults[/ID]": "end one or all; their counts stay readable",
    "GET|PATCH /practice/variants": "undocumented behaviours: read, or change {name: value}",
    "GET|PATCH /practice/settings": "acceptance_delay_ms, visibility_delay_ms, rate_limit, speed",
    "GET|POST /practice/accounts": "traders with their keys; open one more: {balance}",
    "POST /practice/deposit": "{account, amount}; a negative amount withdraws",
    "POST /practice/transfer": "{from, to, amount}: money from one account to another",
    "POST /practice/fees": "{account, maker, taker[, market]}: what the account pays, fractions of the value",
    "POST /practice/price": "{market, price}: the market jumps there; or {market, change: 0.01}",
    "POST /practice/funding": "pay funding now: {} or {market}; or fix the rate: {market, rate}",
    "POST /practice/market": "{market, status}: ACTIVE, REDUCE_ONLY, DELISTED, PRELISTED, DISABLED",
    "POST /practice/mode": "{mode}: normal, post_only, reduce_only, maintenance",
    "POST /practice/pause": "{paused}: makers and takers stand still, or go on",
}

type Handler = Callable[[web.Request], Awaitable[object]]


class ControlApi:
    """The endpoints of the control API."""

    def __init__(self, rest: Rest) -> None:
        self._rest = rest
        self._core = rest.core

    def routes(self) -> Iterable[web.RouteDef]:
        """Return the routes."""
        return [
            self._route("GET", "", self.help),
            self._route("GET", "/ledger", self.ledger),
            self._route("GET", "/stats", self.stats),
            self._route("GET", "/faults", self.faults),
            self._route("POST", "/faults", self.set_fault),
            self._route("DELETE", "/faults", self.end_faults),
            self._route("DELETE", "/faults/{id}", self.end_faults),
            self._route("GET", "/variants", self.variants),
            self._route("PATCH", "/variants", self.set_variants),
            self._route("GET", "/settings", self.settings),
            self._route("PATCH", "/settings", self.set_settings),
            self._route("GET", "/accounts", self.accounts),
            self._route("POST", "/accounts", self.open_account),
            self._route("POST", "/deposit", self.deposit),
            self._route("POST", "/transfer", self.transfer),
            self._route("POST", "/fees", self.set_fees),
            self._route("POST", "/price", self.move_price),
            self._route("POST", "/funding", self.funding),
            self._route("POST", "/market", self.set_market),
            self._route("POST", "/mode", self.set_mode),
            self._route("POST", "/pause", self.pause),
        ]

    def _route(self, method: str, path: str, handler: Handler) -> web.RouteDef:
        async def framed(request: web.Request) -> web.Response:
            try:
                envelope, status = ok(await handler(request)), 200
            except Refusal as refused:
                envelope, status = error(refused.code, refused.message), refused.status
            except SettingsError as wrong:
                envelope, status = error("BAD_REQUEST", str(wrong)), 400
            return web.Response(body=encode(envelope), status=status, content_type="application/json")

        return web.route(method, CONTROL_PREFIX + path, framed)

    async def help(self, request: web.Request) -> Json:
        """GET /practice: what there is."""
        return {"endpoints": HELP, "faults": list(FaultKind), "variants": describe_variants()}

    # --- faults, variants, settings -----------------------------------------------------------------------------------

    async def faults(self, request: web.Request) -> object:
        """GET /practice/faults."""
        return self._core.plan.report(self._core.now_ms())

    async def set_fault(self, request: web.Request) -> object:
        """POST /practice/faults."""
        spec = parse_fault(decode_object(await request.read()))
        return self._core.plan.add(spec, self._core.now_ms()).as_dict(self._core.now_ms())

    async def end_faults(self, request: web.Request) -> object:
        """DELETE /practice/faults[/ID]."""
        text = request.match_info.get("id")
        return {"ended": self._core.plan.remove(int(text) if text and text.isdigit() else None)}

    async def variants(self, request: web.Request) -> object:
        """GET /practice/variants."""
        return self._core.variants.as_dict()

    async def set_variants(self, request: web.Request) -> object:
        """PATCH /practice/variants."""
        body = decode_object(await request.read())
        words = {name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in body.items()}
        self._core.set_variants(self._core.variants.with_values(words))
        return self._core.variants.as_dict()

    async def settings(self, request: web.Request) -> object:
        """GET /practice/settings."""
        return {name: getattr(self._core.settings, name) for name in LIVE_SETTINGS}

    async def set_settings(self, request: web.Request) -> object:
        """PATCH /practice/settings."""
        body = decode_object(await request.read())
        unknown = set(body) - set(LIVE_SETTINGS)
        if unknown:
            raise bad_request(f"settings that may change are {', '.join(LIVE_SETTINGS)}, not {', '.join(unknown)}")
        try:
            values = {name: LIVE_SETTINGS[name](value) for name, value in body.items()}
        except (TypeError, ValueError) as wrong:
            raise bad_request("settings are numbers") from wrong
        self._core.change_settings(**values)
        return await self.settings(request)

    # --- accounts and ledger ------------------------------------------------------------------------------------------

    async def accounts(self, request: web.Request) -> object:
        """GET /practice/accounts."""
        return [describe_trader(trader) for trader in self._core.traders]

    async def open_account(self, request: web.Request) -> object:
        """POST /practice/accounts."""
        body = decode_object(await request.read())
        return describe_trader(self._core.add_trader(_decimal(body, "balance", "0")))

    async def deposit(self, request: web.Request) -> object:
        """POST /practice/deposit."""
        body = decode_object(await request.read())
        amount = _decimal(body, "amount")
        kind = "DEPOSIT" if amount > 0 else "WITHDRAWAL"
        return self._core.deposit(_integer(body, "account"), amount, kind)

    async def transfer(self, request: web.Request) -> object:
        """POST /practice/transfer: money from one account to another."""
        body = decode_object(await request.read())
        sender, receiver, amount = _integer(body, "from"), _integer(body, "to"), _decimal(body, "amount")
        if amount <= 0:
            raise bad_request("amount must be positive")
        self._core.engine.queries.account(receiver)  # refuse before any money moves
        self._core.deposit(sender, -amount, "TRANSFER", counterparty=receiver)
        return self._core.deposit(receiver, amount, "TRANSFER", counterparty=sender)

    async def set_fees(self, request: web.Request) -> object:
        """POST /practice/fees: what an account pays from now on, on one market or everywhere else."""
        body = decode_object(await request.read())
        rates = FeeRates(maker=_decimal(body, "maker"), taker=_decimal(body, "taker"))
        if not all(0 <= rate < 1 for rate in (rates.maker, rates.taker)):
            raise bad_request("maker and taker are fractions of the value, such as 0.00025")
        market = body.get("market")
        self._core.engine.set_fees(_integer(body, "account"), rates, None if market is None else str(market))
        return {"maker": plain(rates.maker), "taker": plain(rates.taker)}

    async def ledger(self, request: web.Request) -> object:
        """GET /practice/ledger: what the venue holds to be true, for audits."""
        wanted = request.query.get("account")
        queries = self._core.engine.queries
        users = [a for a in queries.accounts() if a.kind is AccountKind.USER and wanted in (None, str(a.id))]
        total = sum((account.balance for account in queries.accounts()), Decimal(0))
        return {
            "ts": self._core.now_ms(),
            "accounts": [self._ledger(account) for account in users],
            "totalBalance": plain(total),
            "markPrices": {s.name: plain(queries.market(s.name).mark_price) for s in queries.market_specs()},
        }

    def _ledger(self, account: Account) -> Json:
        queries, wire, now_ms = self._core.engine.queries, self._core.wire, self._core.now_ms()
        balance = queries.balance(account.id, now_ms)
        closed = _everything(lambda cursor: queries.order_history(account.id, cursor=cursor, limit=PAGE))
        trades = _everything(lambda cursor: queries.trades(account.id, cursor=cursor, limit=PAGE))
        payments = _everything(lambda cursor: queries.funding_payments(account.id, 0, cursor=cursor, limit=PAGE))
        orders = sorted([*queries.open_orders(account.id), *closed], key=lambda order: order.id)
        exact = {"balance": balance.balance, "equity": balance.equity, "unrealisedPnl": balance.unrealised_pnl}
        return {
            "accountId": account.id,
            "vault": str(account.vault),
            "balance": {**wire.balance(balance), **{name: plain(value) for name, value in exact.items()}},
            "orders": [wire.order(order) for order in orders],
            "trades": [wire.account_trade(trade, client_id_name="externalId") for trade in reversed(trades)],
            "fundingPayments": [wire.funding_payment(payment) for payment in reversed(payments)],
            "positions": [wire.position(position) for position in queries.positions(account.id)],
            "fees": plain(sum((trade.fee for trade in trades), Decimal(0))),
            "funding": plain(sum((payment.fee for payment in payments), Decimal(0))),
            "operations": [row for row in self._core.operations if row["accountId"] == account.id],
        }

    async def stats(self, request: web.Request) -> object:
        """GET /practice/stats: the server's own counts."""
        stats = self._core.stats
        return {
            "connections": stats.opened - stats.closed,
            "connectionsByPath": self._core.hub.count_by_path(),
            "opened": stats.opened,
            "closed": stats.closed,
            "openedByPath": stats.by_path,
            "frames": stats.frames,
            "bytes": stats.bytes,
            "droppedSlow": stats.dropped_slow,
            "droppedNoPong": stats.dropped_no_pong,
            "requests": self._rest.requests,
            "faults": self._core.plan.counts(),
            "pendingOrders": len(self._core.pending),
        }

    # --- markets ------------------------------------------------------------------------------------------------------

    async def move_price(self, request: web.Request) -> object:
        """POST /practice/price: to a price, or by a fraction."""
        body = decode_object(await request.read())
        market = str(body.get("market"))
        view = self._core.engine.queries.market(market)
        price = _decimal(body, "price") if "price" in body else view.mark_price * (1 + _decimal(body, "change"))
        self._core.move_price(market, price)
        return {"market": market, "price": plain(price)}

    async def funding(self, request: web.Request) -> object:
        """POST /practice/funding: fix the rate of a market, or pay now."""
        body = decode_object(await request.read())
        market = body.get("market")
        engine, now_ms = self._core.engine, self._core.now_ms()
        if "rate" in body:
            rate = None if body["rate"] is None else _decimal(body, "rate")
            self._core.do(lambda: engine.set_funding_rate(str(market), rate, now_ms))
        else:
            self._core.do(lambda: engine.apply_funding(now_ms, market))
        return {}

    async def set_market(self, request: web.Request) -> object:
        """POST /practice/market."""
        body = decode_object(await request.read())
        try:
            status = MarketStatus(str(body.get("status")))
        except ValueError as unknown:
            raise bad_request(f"status is one of {', '.join(MarketStatus)}") from unknown
        engine, now_ms = self._core.engine, self._core.now_ms()
        self._core.do(lambda: engine.set_market_status(str(body.get("market")), status, now_ms))
        return {}

    async def set_mode(self, request: web.Request) -> object:
        """POST /practice/mode."""
        body = decode_object(await request.read())
        try:
            self._core.set_mode(Mode(body.get("mode")))
        except ValueError as unknown:
            raise bad_request(f"mode is one of {', '.join(mode.value for mode in Mode)}") from unknown
        return {}

    async def pause(self, request: web.Request) -> object:
        """POST /practice/pause."""
        self._core.paused = decode_object(await request.read()).get("paused") is not False
        return {"paused": self._core.paused}


def describe_trader(trader: Trader) -> Json:
    """Return a trader's account and keys, as the control API tells them."""
    return {
        "accountId": trader.account.id,
        "vault": str(trader.account.vault),
        "api_key": trader.keys.api_key,
        "stark_private_key": hex(trader.keys.stark_private_key),
        "stark_public_key": hex(trader.keys.stark_public_key),
    }


def _everything[T](read: Callable[[int | None], Page[T]]) -> list[T]:
    """Read all pages of a listing, newest first."""
    items: list[T] = []
    cursor: int | None = None
    while True:
        page = read(cursor)
        items += page.items
        cursor = page.cursor
        if len(page.items) < PAGE or cursor is None:
            return items


def _decimal(body: Json, name: str, default: str | None = None) -> Decimal:
    try:
        number = Decimal(str(body.get(name, default)))
    except InvalidOperation as wrong:
        raise bad_request(f"{name} must be a number") from wrong
    if not number.is_finite():
        raise bad_request(f"{name} must be a number")
    return number


def _integer(body: Json, name: str) -> int:
    return int(_decimal(body, name))
