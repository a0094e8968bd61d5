"""The venue without its sockets: engine, house, streams, faults and clock, and the loop that keeps them alive."""

import asyncio
import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from functools import partial

from msgspec.structs import replace

from hummingbot_extended.errors import SettingsError
from hummingbot_extended.venue.accounts import Account
from hummingbot_extended.venue.book_file import CapturedBook, read_book
from hummingbot_extended.venue.candles import CandleStore
from hummingbot_extended.venue.clock import Clock, DelayQueue
from hummingbot_extended.venue.config import EngineConfig
from hummingbot_extended.venue.connection import StreamStats
from hummingbot_extended.venue.engine import Engine
from hummingbot_extended.venue.enums import Mode, StatusReason
from hummingbot_extended.venue.events import BookEvent
from hummingbot_extended.venue.faults import Fault, FaultKind, FaultPlan
from hummingbot_extended.venue.frames import Scope
from hummingbot_extended.venue.house import HouseMarket, build_house
from hummingbot_extended.venue.market_maker import Habits
from hummingbot_extended.venue.markets import DEFAULT_MARKETS, MarketSpec
from hummingbot_extended.venue.settings import VenueSettings
from hummingbot_extended.venue.storage import StateFile, StoredState
from hummingbot_extended.venue.streams_hub import StreamsHub
from hummingbot_extended.venue.traders import TraderKeys, trader_keys
from hummingbot_extended.venue.variants import Variants
from hummingbot_extended.venue.wire import Json, Wire, decimals_of, fixed

STEP_MS = 100
FIRST_OPERATION_ID = 1_951_255_127_004_282_880
MAX_CATCH_UP_STEPS = 5
CANDLE_PUSH_MS = 1000
SAVE_EVERY_MS = 15_000
LONGEST_PREMIUM_GAP_MS = 60_000


@dataclass(frozen=True, slots=True)
class Trader:
    """A trader account with its keys."""

    account: Account
    keys: TraderKeys


class VenueCore:
    """Everything of the venue that is not HTTP. Create it inside the loop; `run` keeps it alive until cancelled."""

    def __init__(
        self,
        settings: VenueSettings,
        *,
        markets: tuple[MarketSpec, ...] = DEFAULT_MARKETS,
        habits: Habits | None = None,
    ) -> None:
        self.settings = settings
        self.variants = settings.variants
        self.plan = FaultPlan()
        self.stats = StreamStats()
        self.pending = DelayQueue()
        self._state_file = StateFile(settings.state) if settings.state else None
        stored = self._state_file.load() if self._state_file else None
        self.clock = Clock(stored.saved_ms if stored else 0)
        book = read_book(settings.book) if settings.book else None
        self.engine = (
            Engine.restore(stored.engine, self._engine_config())
            if stored
            else Engine(self._engine_config(), _with_book(markets, book))
        )
        specs = self.engine.queries.market_specs()
        self.candles = CandleStore(specs, settings.seed, self.now_ms())
        if stored:
            self.candles.load(stored.candles)
        self._lots = {spec.name: decimals_of(spec.step) for spec in specs}
        self.wire = Wire(self.variants, self._lots)
        self.hub = StreamsHub(
            lambda: self.engine, self.candles, lambda: self.wire, settings, self.plan, self.now_ms, self.wire_ms
        )
        self.started_ms = stored.started_ms if stored else self.now_ms()
        self.operations: list[Json] = stored.operations if stored else []
        self.mode = self.engine.queries.mode
        self.traders: list[Trader] = []
        self.house: dict[str, HouseMarket] = {}
        self.paused = False
        self._open(book, habits, is_new=stored is None)
        self._last_step_ms = self._last_candles_ms = self._last_save_ms = self.now_ms()
        self._last_snapshots_ms = self._last_premium_ms = self.now_ms()
        for spec in settings.faults:
            self.plan.add(spec, self.now_ms())

    def _open(self, book: CapturedBook | None, habits: Habits | None, *, is_new: bool) -> None:
        """Open what a restored engine may already hold: the first trader, the house and its first quotes.

        Orders that a killed venue had received and not yet accepted are accepted now: their ids were promised.
        """
        self.engine.advance(self.now_ms())
        for order_id in self.engine.queries.pending_ids():
            self.later(partial(self._accept, order_id))
        known = {account.public_key for account in self.engine.queries.accounts()}
        self.add_trader(self.settings.balance)
        while trader_keys(self.settings.seed, len(self.traders)).stark_public_key in known:
            self.add_trader(Decimal(0))
        if self.settings.makers:
            markets = build_house(self.engine, seed=self.settings.seed, book=book, habits=habits, now_ms=self.now_ms())
            self.house = {market.spec.name: market for market in markets}
            for name in self.house:
                self._sample_premium(name, self.now_ms())
        elif is_new:
            for spec in self.engine.queries.market_specs():
                self.engine.set_prices(spec.name, spec.start_price, spec.start_price, self.now_ms())
        self.publish()

    # --- time -------------------------------------------------------------------------------------------------------

    def now_ms(self) -> int:
        """Return the venue's true time."""
        return self.clock.now_ms()

    def wire_ms(self) -> int:
        """Return the time that clients are told: off by the fault slow_clock."""
        fault = self.fires(FaultKind.SLOW_CLOCK)
        return self.now_ms() + int(fault.value * 1000) if fault else self.now_ms()

    def fires(self, kind: FaultKind, *, path: str = "", market: str = "", account: int = 0) -> Fault | None:
        """Return the fault that happens at this opportunity, if one does."""
        return self.plan.fires(kind, self.now_ms(), path=path, market=market, account=account)

    # --- accounts ---------------------------------------------------------------------------------------------------

    def add_trader(self, balance: Decimal) -> Trader:
        """Open the next trader account, keys by seed and number, or take it over from a restored state."""
        keys = trader_keys(self.settings.seed, len(self.traders))
        account = self.engine.queries.account_by_key(keys.api_key)
        if account is None:
            account = self.engine.add_account(
                public_key=keys.stark_public_key, api_key=keys.api_key, now_ms=self.now_ms()
            )
            if balance:
                self.deposit(account.id, balance, "DEPOSIT")
        trader = Trader(account, keys)
        self.traders.append(trader)
        return trader

    def deposit(self, account_id: int, amount: Decimal, kind: str, *, counterparty: int | None = None) -> Json:
        """Credit (negative: debit) an account and note the asset operation of `kind`, which is returned as written.

        `counterparty` is the other account of a TRANSFER. Raises Refusal when the engine refuses.
        """
        self.do(lambda: self.engine.deposit(account_id, amount, self.now_ms()))
        number = FIRST_OPERATION_ID + len(self.operations)
        operation = {
            "id": str(number),
            "type": kind,
            "status": "COMPLETED",
            "amount": fixed(amount, 16),
            "fee": "0",
            "asset": 1,
            "time": self.now_ms(),
            "accountId": account_id,
        }
        if counterparty is not None:
            operation["counterpartyAccountId"] = counterparty
        if kind in ("DEPOSIT", "WITHDRAWAL"):
            operation |= {"chain": "Starknet", "transactionHash": hex(number)}
        self.operations.append(operation)
        return operation

    # --- commands ---------------------------------------------------------------------------------------------------

    def do[T](self, command: Callable[[], T]) -> T:
        """Carry out a command on the engine and tell the streams what happened, also when it raises Refusal."""
        try:
            return command()
        finally:
            self.publish()

    def publish(self) -> None:
        """Hand the engine's events to the streams and the house."""
        events = self.engine.drain()
        for event in events:
            if isinstance(event, BookEvent) and event.market in self.house:
                self.house[event.market].book_changed(event.side, event.price)
        self.hub.feed(events)

    def later(self, command: Callable[[], None]) -> None:
        """Carry out a command after the acceptance delay, in order."""
        self.pending.put(self.settings.acceptance_delay_ms, lambda: self.do(command))

    def accept_later(self, order_id: int, market: str, account: int) -> None:
        """Let the matching engine accept an order, or reject it late when that fault is set."""

        def accept() -> None:
            if self.fires(FaultKind.LATE_REJECTION, path="POST /api/v1/user/order", market=market, account=account):
                self.engine.reject(order_id, StatusReason.NOT_ENOUGH_FUNDS, self.now_ms())
            else:
                self._accept(order_id)

        self.later(accept)

    def _accept(self, order_id: int) -> None:
        self.engine.accept(order_id, self.now_ms())

    def set_variants(self, variants: Variants) -> None:
        """Change undocumented behaviours while running."""
        self.variants = variants
        self.wire = Wire(variants, self._lots)
        self.engine.config = self._engine_config()

    def set_mode(self, mode: Mode) -> None:
        """Put the whole exchange into a mode."""
        self.mode = mode
        self.do(lambda: self.engine.set_mode(mode, self.now_ms()))

    def move_price(self, market: str, price: Decimal) -> None:
        """Let a market jump to `price`: mark and index at once, the house's quotes at its next step."""
        if market in self.house:
            self.house[market].model.prices.jump(float(price))
        self.do(lambda: self.engine.set_prices(market, price, price, self.now_ms()))

    def change_settings(self, **values: object) -> None:
        """Change settings that may change while running (delays, limits, speed). Raises SettingsError."""
        self.settings = dataclasses.replace(self.settings, **values)  # type: ignore[arg-type]

    def _engine_config(self) -> EngineConfig:
        variants = self.variants
        return EngineConfig(
            chain_id=self.settings.chain_id,
            funding_interval_ms=int(self.settings.funding_interval_s * 1000),
            default_leverage=Decimal(variants.fresh_leverage),
            leverage_decimals=2 if variants.fractional_leverage else 0,
            missing_stp=variants.missing_stp,
            external_id_length=None if variants.external_id_length == "any" else int(variants.external_id_length),
            external_id_reuse=variants.external_id_reuse,
            post_only_failed=variants.post_only_failed,
            fee_rounding=variants.fee_rounding,
            unknown_cancel=variants.unknown_cancel,
            user_cancel_reason=variants.user_cancel_reason,
            filled_ioc_new_first=variants.filled_ioc_new_first,
            deadmanswitch_unit_ms=1000 if variants.deadmanswitch_unit == "s" else 1,
            archive_unfilled=variants.archive_unfilled,
            far_limit=variants.far_limit,
            mark_pushes=variants.mark_pushes,
        )

    # --- life -------------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Keep markets, streams and clock-driven rules going until cancelled."""
        while True:
            await asyncio.sleep(self._pause_s())
            self.tick()

    def _pause_s(self) -> float:
        quick = self.hub.listening(Scope.TOP_OF_BOOKS)
        pause_ms = self.settings.top_push_ms if quick else min(STEP_MS, self.settings.book_push_ms)
        due_ms = self.engine.next_due_ms() - self.now_ms()
        return max(1, min(pause_ms, due_ms)) / 1000

    def tick(self) -> None:
        """Do whatever is due now."""
        now_ms = self.now_ms()
        if now_ms >= self.engine.next_due_ms():
            self.engine.advance(now_ms)
        self._step_house(now_ms)
        self.publish()
        self.hub.push_tops()
        self.hub.push_books_when_due(now_ms)
        if now_ms - self._last_candles_ms >= self.settings.candle_push_s * 1000:
            self._last_candles_ms = now_ms
            self.candles.advance(now_ms)
            self.hub.push_candles()
        if now_ms - self._last_snapshots_ms >= self.settings.snapshot_interval_s * 1000:
            self._last_snapshots_ms = now_ms
            self.hub.push_snapshots()
        for connection in self.hub.connections:
            connection.tick(now_ms)
        if self._state_file and now_ms - self._last_save_ms >= SAVE_EVERY_MS:
            self._last_save_ms = now_ms
            self._state_file.save_soon(self._state())

    def _step_house(self, now_ms: int) -> None:
        steps = min(MAX_CATCH_UP_STEPS, (now_ms - self._last_step_ms) // STEP_MS)
        if steps < 1:
            return
        self._last_step_ms = now_ms if steps == MAX_CATCH_UP_STEPS else self._last_step_ms + steps * STEP_MS
        if self.paused:
            return
        for _ in range(steps):
            for market in self.house.values():
                market.step(STEP_MS / 1000 * self.settings.speed, now_ms)
                self.publish()
        if now_ms - self._last_premium_ms >= min(LONGEST_PREMIUM_GAP_MS, self.settings.funding_interval_s * 250):
            self._last_premium_ms = now_ms
            for name in self.house:
                self._sample_premium(name, now_ms)

    def _sample_premium(self, market: str, now_ms: int) -> None:
        view = self.engine.queries.market(market)
        if view.best_bid is not None and view.best_ask is not None:
            mid = (view.best_bid + view.best_ask) / 2
            self.engine.add_premium_sample(market, (mid - view.index_price) / view.index_price, now_ms)

    async def stop(self) -> None:
        """Let received orders reach the engine, then save the state if there is a file for it."""
        self.pending.flush()
        if self._state_file:
            await self._state_file.close(self._state())

    def _state(self) -> StoredState:
        return StoredState(
            self.now_ms(), self.started_ms, self.engine.state(), self.candles.dump(), list(self.operations)
        )


def _with_book(markets: tuple[MarketSpec, ...], book: CapturedBook | None) -> tuple[MarketSpec, ...]:
    """Return the markets, the captured book's one starting at its price. Raises SettingsError for an unknown one."""
    if book is None:
        return markets
    if book.market not in {spec.name for spec in markets}:
        raise SettingsError(f"the book is of {book.market}; there are {', '.join(spec.name for spec in markets)}")
    return tuple(replace(spec, start_price=book.mid) if spec.name == book.market else spec for spec in markets)
