"""Settings of the engine: the exchange's numbers, and its undocumented behaviours as switches (API reference §11)."""

from decimal import Decimal
from typing import Literal

from msgspec import Struct

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
MAX_EXPIRY_DAYS = {"SN_MAIN": 90, "SN_SEPOLIA": 28}


class EngineConfig(Struct, frozen=True, kw_only=True):
    """Everything that can be chosen about the engine. Not part of the saved state; replace `Engine.config` at will."""

    # --- the exchange's numbers
    chain_id: str = "SN_SEPOLIA"  # Starknet domain of the signatures
    max_expiry_days: int | None = None  # None: by chain_id (90 on mainnet, else 28)
    maker_fee: Decimal = Decimal(0)
    taker_fee: Decimal = Decimal("0.00025")
    default_leverage: Decimal = Decimal(
        10
    )  # of a market that the account never touched, capped by the market's maximum
    market_price_band: Decimal = Decimal("0.05")
    funding_interval_ms: int = HOUR_MS
    interest_rate: Decimal = Decimal("0.0001")  # of the funding formula (§8): the 0.01 %
    interest_clamp: Decimal = Decimal("0.0005")  # ± 0.05 %
    # --- what is kept
    closed_unfilled_ms: int = 7 * DAY_MS
    max_history: int = 10_000  # rows of each kind and account
    max_house_history: int = 200  # likewise of the venue's own accounts, which nobody asks about
    max_public_trades: int = 1_000  # of each market
    # --- undocumented or doubtful behaviour
    verify_signatures: bool = True
    missing_stp: Literal["silent", "refuse", "account"] = "silent"  # 200 and nothing; 1133; as if ACCOUNT had been sent
    external_id_length: int | None = None
    external_id_reuse: Literal["refuse", "after_close"] = "refuse"
    post_only_failed: Literal["REJECTED", "CANCELLED"] = "REJECTED"
    fee_rounding: Literal["exact", "down"] = "exact"
    leverage_decimals: int = 2
    unknown_cancel: Literal["404", "error", "ok"] = "404"  # "error": 400 with code 1133
    user_cancel_reason: Literal["NONE", "absent"] = "NONE"
    filled_ioc_new_first: bool = True  # an order that fills at once emits NEW before its fill
    deadmanswitch_unit_ms: int = 1000  # the documents say seconds, the OpenAPI file milliseconds (1)
    archive_unfilled: bool = True  # unfilled closed orders stay readable for a week
    far_limit: Literal["rest", "refuse"] = (
        "rest"  # limit orders outside the band on their own, harmless side of the mark
    )
    mark_pushes: bool = False  # POSITION and BALANCE events on mark-price moves

    @property
    def max_expiry_ms(self) -> int:
        """How far ahead an order may expire."""
        days = MAX_EXPIRY_DAYS.get(self.chain_id, 28) if self.max_expiry_days is None else self.max_expiry_days
        return days * DAY_MS
