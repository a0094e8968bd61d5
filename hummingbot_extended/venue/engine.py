"""The practice venue's engine: a sans-I/O exchange. No clock, no randomness, no await: commands take `now_ms`."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from hummingbot_extended.venue.accounts import Account
from hummingbot_extended.venue.admission import Admission
from hummingbot_extended.venue.config import EngineConfig
from hummingbot_extended.venue.enums import (
    AccountKind,
    MarketStatus,
    Mode,
    OrderStatus,
    PriceSource,
    StatusReason,
)
from hummingbot_extended.venue.events import Event, PriceEvent
from hummingbot_extended.venue.execution import Execution
from hummingbot_extended.venue.floor import Floor, new_state
from hummingbot_extended.venue.funding import Funding
from hummingbot_extended.venue.ledger import Ledger
from hummingbot_extended.venue.leverage import set_leverage
from hummingbot_extended.venue.markets import DEFAULT_MARKETS, MarketSpec
from hummingbot_extended.venue.orders import OrderReceipt, OrderRequest
from hummingbot_extended.venue.queries import Queries
from hummingbot_extended.venue.records import FeeRates
from hummingbot_extended.venue.refusals import not_found, refusal
from hummingbot_extended.venue.risk import Risk
from hummingbot_extended.venue.state import History, dump, load
from hummingbot_extended.venue.triggers import Triggers

FIRST_ACCOUNT = 100_000
FIRST_VAULT = 10_000
PRICE_QUANTUM = Decimal("1e-12")
FORGET_EVERY_MS = 60_000


class Engine:
    """The exchange. Commands change it and append to the events that `drain` hands out; `queries` reads it.

    Commands return results or raise Refusal(status, code, message), after which nothing has changed. Order entry has
    two steps, as on the exchange: `receive_*` is what the HTTP reply tells, `accept` and `execute_cancel` are the
    matching engine's later answer, told by events. `now_ms` must not go backwards.
    """

    def __init__(self, config: EngineConfig | None = None, markets: Sequence[MarketSpec] | None = None) -> None:
        self._compose(Floor(config or EngineConfig(), new_state(DEFAULT_MARKETS if markets is None else markets)))

    def _compose(self, floor: Floor) -> None:
        self.floor = floor
        self._ledger = Ledger(floor)
        self._admission = Admission(floor, self._ledger)
        self._execution = Execution(floor, self._ledger)
        self._triggers = Triggers(floor, self._execution)
        self._risk = Risk(floor, self._ledger, self._execution)
        self._funding = Funding(floor, self._ledger)
        self.queries = Queries(floor, self._ledger)

    @property
    def config(self) -> EngineConfig:
        """The settings; assign another one at any time."""
        return self.floor.config

    @config.setter
    def config(self, config: EngineConfig) -> None:
        self.floor.config = config

    def _settle(self, now_ms: int) -> None:
        """Let triggers and margin follow what a command did, until nothing follows; tell positions and balances."""
        floor = self.floor
        while floor.dirty_markets or floor.unwatched:
            markets, floor.dirty_markets = list(floor.dirty_markets), {}
            for name in markets:
                self._triggers.run(name, now_ms)
            account_ids, floor.unwatched = list(floor.unwatched), {}
            for account_id in account_ids:
                self._risk.watch(account_id, now_ms)
        self._ledger.tell()

    def _refuse_in_maintenance(self) -> None:
        if self.floor.state.mode is Mode.MAINTENANCE:
            raise refusal(1010)

    # ------------------------------------------------------------------------------------------ accounts and money
    def add_account(
        self,
        *,
        public_key: int,
        api_key: str,
        now_ms: int,
        vault: int | None = None,
        client_id: int | None = None,
        kind: AccountKind = AccountKind.USER,
        description: str = "Main account",
        is_high_volume: bool = False,
    ) -> Account:
        """Open an account (vault None: 10000 + its number; client None: one of its own).

        `public_key` is the Stark key that its orders are signed with. Raises Refusal 1009 on a used API key or vault.
        """
        floor = self.floor
        number = len(floor.state.accounts)
        vault = FIRST_VAULT + number if vault is None else vault
        if api_key in floor.accounts_by_key or any(vault == other.vault for other in floor.state.accounts.values()):
            raise refusal(1009, "API key or vault is taken")
        account = Account(
            id=FIRST_ACCOUNT + number,
            client_id=FIRST_ACCOUNT + number if client_id is None else client_id,
            vault=vault,
            public_key=public_key,
            api_key=api_key,
            kind=kind,
            description=description,
            index=sum(other.client_id == client_id for other in floor.state.accounts.values()),
            is_high_volume=is_high_volume,
            updated_ms=now_ms,
        )
        floor.state.accounts[account.id] = floor.accounts_by_key[api_key] = account
        floor.state.histories[account.id] = History()
        return account

    def deposit(self, account_id: int, amount: Decimal, now_ms: int) -> None:
        """Add `amount` USD (negative: withdraw, at most what is available). Raises Refusal 1004, 1140, 1600."""
        account = self.floor.account(account_id)
        if not amount:
            raise refusal(1600)
        if -amount > self._ledger.balance_view(account).available_for_withdrawal:
            raise refusal(1140)
        self.floor.state.deposited += amount
        self._ledger.pay(account, amount, now_ms)
        self._settle(now_ms)

    def set_fees(self, account_id: int, rates: FeeRates, market: str | None = None) -> None:
        """Set what the account pays: on one market, or everywhere else. Raises Refusal 1001, 1004."""
        account = self.floor.account(account_id)
        if market is None:
            account.fees = rates
        else:
            account.market_fees[self.floor.market(market).spec.name] = rates

    def set_leverage(self, account_id: int, market: str, leverage: Decimal, now_ms: int) -> Decimal:
        """Set and return the leverage (API reference §3.10). Raises Refusal 1001, 1049, 1050, 10501, 1052, 1053."""
        set_leverage(self.floor, self._ledger, account_id, market, leverage)
        self._settle(now_ms)
        return leverage

    # ------------------------------------------------------------------------------------------------------ orders
    def receive_order(
        self, account_id: int, request: OrderRequest, now_ms: int, *, is_signed: bool = True
    ) -> OrderReceipt:
        """Check an order as the REST level does and give it an id. It is in no book and in no query until `accept`.

        `is_signed=False` leaves out the signature checks (the venue's own makers). Raises Refusal, code of §1.7. An
        order without self-trade protection gets a receipt and is dropped at `accept` (config.missing_stp).
        """
        return self._admission.receive(account_id, request, now_ms, is_signed=is_signed)

    def accept(self, order_id: int, now_ms: int) -> None:
        """Hand a received order to the matching engine: it trades, rests, waits for its trigger, or is rejected.

        Does nothing for an order that is no longer pending (cancelled meanwhile, or unknown).
        """
        pending = self.floor.store.take_pending(order_id)
        if pending is not None and not pending.is_silent:
            self._execution.accept(pending.order, now_ms)
            self._settle(now_ms)

    def reject(self, order_id: int, reason: StatusReason, now_ms: int) -> None:
        """Reject a received order instead of accepting it (fault injection); the order it replaces is cancelled too."""
        pending = self.floor.store.take_pending(order_id)
        if pending is not None:
            self._execution.reject(pending.order, reason, now_ms)
            self._settle(now_ms)

    def receive_cancel(
        self, account_id: int, now_ms: int, *, order_id: int | None = None, external_id: str | None = None
    ) -> list[int]:
        """Return the ids to pass to `execute_cancel`. Raises Refusal when nothing is open (config.unknown_cancel)."""
        store = self.floor.store
        self._refuse_in_maintenance()
        ids = ([] if order_id is None else [order_id]) + (store.ids_of(account_id, external_id) if external_id else [])
        found = [each for each in ids if store.open_or_pending(account_id, each) is not None]
        if not found and self.config.unknown_cancel != "ok":
            raise not_found("Order") if self.config.unknown_cancel == "404" else refusal(1133, "order not found")
        return found

    def receive_mass_cancel(
        self,
        account_id: int,
        now_ms: int,
        *,
        order_ids: Iterable[int] = (),
        external_ids: Iterable[str] = (),
        markets: Iterable[str] = (),
        cancel_all: bool = False,
    ) -> list[int]:
        """Return the ids of the open and pending orders that are meant; unknown ones are passed over.

        Raises Refusal 1133 when nothing is named, 1010 in maintenance.
        """
        store = self.floor.store
        self._refuse_in_maintenance()
        names = set(markets)
        ids, externals = list(order_ids), list(external_ids)
        if not (ids or externals or names or cancel_all):
            raise refusal(1133)
        ids += [each for external_id in externals for each in store.ids_of(account_id, external_id)]
        if cancel_all or names:
            mine = (order for order in self.queries.open_and_pending(account_id))
            ids += [order.id for order in mine if cancel_all or order.market in names]
        return [each for each in dict.fromkeys(ids) if store.open_or_pending(account_id, each) is not None]

    def execute_cancel(self, order_id: int, now_ms: int) -> None:
        """Cancel an order if it is still open or pending; a final one stays as it is (a fill may have won)."""
        pending = self.floor.store.take_pending(order_id)
        order = self.floor.store.open(order_id) if pending is None else pending.order
        if order is not None:
            reason = StatusReason.NONE if self.config.user_cancel_reason == "NONE" else None
            self._execution.cancel(order, reason, now_ms)
            self._settle(now_ms)

    def set_dead_mans_switch(self, account_id: int, countdown: int, now_ms: int) -> None:
        """Cancel all orders in `countdown` units (config.deadmanswitch_unit_ms) unless called again; 0 disarms.

        Raises Refusal 1133 for a negative countdown.
        """
        if countdown < 0:
            raise refusal(1133)
        account = self.floor.account(account_id)
        account.dead_man_ms = now_ms + countdown * self.config.deadmanswitch_unit_ms if countdown else None

    # ----------------------------------------------------------------------------------------- markets and the clock
    def set_prices(self, market: str, mark: Decimal, index: Decimal, now_ms: int) -> None:
        """Set mark and index price; triggers, margin and liquidation follow. Raises Refusal 1001, 1141."""
        state = self.floor.market(market)
        if mark <= 0 or index <= 0:
            raise refusal(1141)
        for source, name, price in ((PriceSource.MARK, "mark", mark), (PriceSource.INDEX, "index", index)):
            rounded = min(price, price.quantize(PRICE_QUANTUM), key=lambda number: len(number.as_tuple().digits))
            if rounded != getattr(state, name):
                setattr(state, name, rounded)
                self.floor.events.append(PriceEvent(market, source, rounded, now_ms))
        self.floor.dirty_markets[market] = None
        for account in self.floor.state.accounts.values():
            if market in account.positions:
                self.floor.unwatched[account.id] = None
                if self.config.mark_pushes:
                    self.floor.touch(account.id)
                    self.floor.dirty_positions[account.id, market] = None
        self._settle(now_ms)

    def add_premium_sample(self, market: str, premium: Decimal, now_ms: int) -> None:
        """Add a sample of (impact price - index) / index; recomputes the current funding rate (§8)."""
        self._funding.add_sample(self.floor.market(market), premium, now_ms)

    def set_funding_rate(self, market: str, rate: Decimal | None, now_ms: int) -> None:
        """Fix the current 1-hour rate as a fraction; None returns to the formula."""
        self._funding.fix_rate(self.floor.market(market), rate, now_ms)

    def apply_funding(self, now_ms: int, market: str | None = None) -> None:
        """Pay funding now, on one market or on all, out of turn."""
        names = self.floor.state.markets if market is None else (market,)
        for name in names:
            self._funding.pay(self.floor.market(name), now_ms, now_ms)
        self._settle(now_ms)

    def advance(self, now_ms: int) -> None:
        """Do everything that is due: expiries, dead man's switches, funding, forgetting of old orders."""
        floor = self.floor
        for order in floor.store.expired(now_ms):
            self._execution.cancel(order, None, now_ms, OrderStatus.EXPIRED)
        for account in floor.state.accounts.values():
            if account.dead_man_ms is not None and account.dead_man_ms <= now_ms:
                account.dead_man_ms = None
                self._execution.cancel_all(account.id, StatusReason.NONE, now_ms)
        self._funding.pay_due(now_ms)
        if now_ms >= floor.state.forget_ms:
            floor.state.forget_ms = now_ms + FORGET_EVERY_MS
            floor.store.forget_closed(now_ms - self.config.closed_unfilled_ms, floor.history_limit)
        self._settle(now_ms)

    def next_due_ms(self) -> int:
        """Return when `advance` has something to do next."""
        state = self.floor.state
        expiry_ms = self.floor.store.next_expiry_ms()
        return min(
            state.forget_ms,
            *(market.next_funding_ms for market in state.markets.values()),
            *(account.dead_man_ms for account in state.accounts.values() if account.dead_man_ms is not None),
            *(() if expiry_ms is None else (expiry_ms,)),
        )

    def set_mode(self, mode: Mode, now_ms: int) -> None:
        """Set the exchange's mode; resting orders stay."""
        self.floor.state.mode = mode
        for name in self.floor.state.markets:
            self.floor.dirty_markets[name] = None
        for account_id in self.floor.state.accounts:
            self.floor.unwatched[account_id] = None
        self._settle(now_ms)

    def set_market_status(self, market: str, status: MarketStatus, now_ms: int) -> None:
        """Set a market's status; DISABLED and DELISTED cancel its open orders (DISABLED_MARKET)."""
        self.floor.market(market).status = status
        if status not in (MarketStatus.ACTIVE, MarketStatus.REDUCE_ONLY):
            for order in list(self.floor.state.open_orders.values()):
                if order.market == market:
                    self._execution.cancel(order, StatusReason.DISABLED_MARKET, now_ms)
        self._settle(now_ms)

    def deleverage(self, account_id: int, market: str, qty: Decimal, now_ms: int) -> None:
        """Close `qty` of the account's position at the mark against the best-ranked opposite positions (ADL trades)."""
        self.floor.market(market)
        if not self.floor.size(self.floor.account(account_id).id, market):
            raise refusal(1137)
        if qty <= 0:
            raise refusal(1120)
        self._risk.deleverage(account_id, market, qty, now_ms)
        self._settle(now_ms)

    # ----------------------------------------------------------------------------------------------- events and state
    def drain(self) -> list[Event]:
        """Return the events since the last call, oldest first, and forget them."""
        events = list(self.floor.events)
        self.floor.events.clear()
        return events

    def state(self) -> dict[str, Any]:
        """Return the whole state as JSON-able data (decimals as strings); events not yet drained are not part of it."""
        self.floor.state.queues = {name: book.queue() for name, book in self.floor.books.items()}
        return dump(self.floor.state)

    @classmethod
    def restore(cls, state: dict[str, Any], config: EngineConfig | None = None) -> "Engine":
        """Return the engine that `state` describes; it goes on with the same ids. Raises SettingsError."""
        engine = cls.__new__(cls)
        engine._compose(Floor(config or EngineConfig(), load(state)))
        return engine
