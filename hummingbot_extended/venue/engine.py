"""The practice venue's engine: a sans-I/O exchange. No clock, no randomness, no await: every command takes `now_ms`."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from hummingbot_extended.venue.accounts import Account
from hummingbot_extended.venue.config import EngineConfig
from hummingbot_extended.venue.enums import AccountKind, MarketStatus, Mode, StatusReason
from hummingbot_extended.venue.events import Event
from hummingbot_extended.venue.markets import MarketSpec
from hummingbot_extended.venue.orders import OrderReceipt, OrderRequest
from hummingbot_extended.venue.queries import Queries
from hummingbot_extended.venue.records import FeeRates


class Engine:
    """The exchange. Commands change it and append to the events that `drain` hands out; `queries` reads it.

    Commands return results or raise Refusal(status, code, message), after which nothing has changed. Order entry has two
    steps, as on the exchange: `receive_*` is what the HTTP reply tells, `accept` and `execute_cancel` are the matching
    engine's later answer, told by events. `now_ms` must not go backwards.
    """

    queries: Queries
    config: EngineConfig

    def __init__(self, config: EngineConfig | None = None, markets: Sequence[MarketSpec] | None = None) -> None: ...

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
        """Open an account (vault None: 10000 + its number; client None: one of its own). Raises Refusal 1009 on a used key or vault."""
        raise NotImplementedError

    def deposit(self, account_id: int, amount: Decimal, now_ms: int) -> None:
        """Add `amount` USD (negative: withdraw, at most what is available). Raises Refusal 1004, 1140, 1600."""
        raise NotImplementedError

    def set_fees(self, account_id: int, rates: FeeRates, market: str | None = None) -> None:
        """Set what the account pays: on one market, or everywhere else. Raises Refusal 1001, 1004."""
        raise NotImplementedError

    def set_leverage(self, account_id: int, market: str, leverage: Decimal, now_ms: int) -> Decimal:
        """Set and return the leverage (API reference §3.10). Raises Refusal 1001, 1049, 1050, 10501, 1052, 1053."""
        raise NotImplementedError

    # ------------------------------------------------------------------------------------------------------ orders
    def receive_order(
        self, account_id: int, request: OrderRequest, now_ms: int, *, is_signed: bool = True
    ) -> OrderReceipt:
        """Check an order as the REST level does and give it an id. It is in no book and in no query until `accept`.

        `is_signed=False` leaves out the signature checks (the venue's own makers). Raises Refusal, code of §1.7. An order
        without self-trade protection gets a receipt and is dropped at `accept` (config.missing_stp).
        """
        raise NotImplementedError

    def accept(self, order_id: int, now_ms: int) -> None:
        """Hand a received order to the matching engine: it trades, rests, waits for its trigger, or is rejected (events).

        Does nothing for an order that is no longer pending (cancelled meanwhile, or unknown).
        """
        raise NotImplementedError

    def reject(self, order_id: int, reason: StatusReason, now_ms: int) -> None:
        """Reject a received order instead of accepting it (fault injection); the order it replaces is cancelled too."""
        raise NotImplementedError

    def receive_cancel(
        self, account_id: int, now_ms: int, *, order_id: int | None = None, external_id: str | None = None
    ) -> list[int]:
        """Return the ids to pass to `execute_cancel`. Raises Refusal when nothing is open (config.unknown_cancel)."""
        raise NotImplementedError

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
        """Return the ids of the open and pending orders named; unknown ones are passed over. Raises Refusal 1133 when nothing is named."""
        raise NotImplementedError

    def execute_cancel(self, order_id: int, now_ms: int) -> None:
        """Cancel an order if it is still open or pending; a final one stays as it is (a fill may have won)."""
        raise NotImplementedError

    def set_dead_mans_switch(self, account_id: int, countdown: int, now_ms: int) -> None:
        """Cancel all orders in `countdown` units (config.deadmanswitch_unit_ms) unless called again; 0 disarms. Raises Refusal 1133."""
        raise NotImplementedError

    # ----------------------------------------------------------------------------------------- markets and the clock
    def set_prices(self, market: str, mark: Decimal, index: Decimal, now_ms: int) -> None:
        """Set mark and index price: triggers, margin and liquidation follow. Raises Refusal 1001, 1141 (not positive)."""
        raise NotImplementedError

    def add_premium_sample(self, market: str, premium: Decimal, now_ms: int) -> None:
        """Add a sample of (impact price - index) / index; recomputes the current funding rate (§8)."""
        raise NotImplementedError

    def set_funding_rate(self, market: str, rate: Decimal | None, now_ms: int) -> None:
        """Fix the current 1-hour rate as a fraction; None returns to the formula."""
        raise NotImplementedError

    def apply_funding(self, now_ms: int, market: str | None = None) -> None:
        """Pay funding now, on one market or on all, out of turn."""
        raise NotImplementedError

    def advance(self, now_ms: int) -> None:
        """Do everything that is due: expiries, dead man's switches, funding, forgetting of old orders."""
        raise NotImplementedError

    def next_due_ms(self) -> int:
        """Return when `advance` has something to do next."""
        raise NotImplementedError

    def set_mode(self, mode: Mode, now_ms: int) -> None:
        """Set the exchange's mode; resting orders stay."""
        raise NotImplementedError

    def set_market_status(self, market: str, status: MarketStatus, now_ms: int) -> None:
        """Set a market's status; DISABLED and DELISTED cancel its open orders (DISABLED_MARKET)."""
        raise NotImplementedError

    def deleverage(self, account_id: int, market: str, qty: Decimal, now_ms: int) -> None:
        """Close `qty` of the account's position at the mark against the best-ranked opposite positions (ADL trades)."""
        raise NotImplementedError

    # ----------------------------------------------------------------------------------------------- events and state
    def drain(self) -> list[Event]:
        """Return the events since the last call, oldest first, and forget them."""
        raise NotImplementedError

    def state(self) -> dict[str, Any]:
        """Return the whole state as JSON-able data (decimals as strings); events not yet drained are not part of it."""
        raise NotImplementedError

    @classmethod
    def restore(cls, state: dict[str, Any], config: EngineConfig | None = None) -> "Engine":
        """Return the engine that `state` describes; it goes on with the same ids. Raises SettingsError for a foreign state."""
        raise NotImplementedError
