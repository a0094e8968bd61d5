"""The markets of the venue, their fixed parts, as in `GET /info/markets` (API reference §2.1)."""

from decimal import Decimal

from msgspec import Struct

COLLATERAL_RESOLUTION = 1_000_000
CREATED_MS = 1_752_829_532_673
BANDS_FOR_USERS = 15
BAND_COUNT = 50


class RiskBand(Struct, frozen=True):
    """Up to a position value of `upper_bound` USD the initial margin is at least `risk_factor` of it."""

    upper_bound: Decimal
    risk_factor: Decimal
    is_available: bool


class MarketSpec(Struct, frozen=True, kw_only=True):
    """A market's fixed part. Quantities in base, values in USD, caps as fractions, the funding cap in percent."""

    name: str
    asset: str
    asset_precision: int
    tick: Decimal
    step: Decimal
    min_size: Decimal
    max_market_value: Decimal
    max_limit_value: Decimal
    max_position_value: Decimal
    max_leverage: Decimal
    funding_cap_percent: Decimal
    max_orders: int
    price_cap: Decimal
    price_floor: Decimal
    bands: tuple[RiskBand, ...]
    synthetic_id: int
    synthetic_resolution: int
    start_price: Decimal
    collateral_id: int = 1
    collateral_resolution: int = COLLATERAL_RESOLUTION
    category: str = "Crypto"
    sub_category: str = "L1"
    description: str = ""
    is_rfq: bool = False
    has_interest: bool = True  # TradFi markets' funding has no interest part (§8)
    created_ms: int = CREATED_MS

    @property
    def qty_decimals(self) -> int:
        """Decimals of a quantity, as the exchange's SDK derives them from the step (§2.1)."""
        return abs(self.step.adjusted() + (self.step.normalize().as_tuple().digits != (1,)))


def risk_bands(max_leverage: Decimal, width: Decimal) -> tuple[RiskBand, ...]:
    """Return bands of `width` USD whose factors rise by 1 / `max_leverage` each, as on the live BTC-USD market."""
    first = 1 / max_leverage
    rising = (
        RiskBand(width * number, min(first * number, Decimal(1)), number <= BANDS_FOR_USERS)
        for number in range(1, BAND_COUNT + 1)
    )
    return (*rising, RiskBand(width * BAND_COUNT * 5, Decimal(1), False))


def perpetual(
    asset: str,
    *,
    tick: str,
    step: str,
    min_size: str,
    start_price: str,
    max_leverage: int = 50,
    max_position_value: int = 60_000_000,
    resolution: int = COLLATERAL_RESOLUTION,
    category: str = "Crypto",
    sub_category: str = "L1",
    description: str = "",
    has_interest: bool = True,
    is_rfq: bool = False,
    max_orders: int = 200,
) -> MarketSpec:
    """Return the market `<asset>-USD` with the live proportions of its limits (BTC-USD as captured 2026-09)."""
    position_value = Decimal(max_position_value)
    return MarketSpec(
        name=f"{asset}-USD",
        asset=asset,
        asset_precision=max(0, -int(Decimal(step).as_tuple().exponent)),
        tick=Decimal(tick),
        step=Decimal(step),
        min_size=Decimal(min_size),
        max_market_value=position_value / 20,
        max_limit_value=position_value / 4,
        max_position_value=position_value,
        max_leverage=Decimal(max_leverage),
        funding_cap_percent=Decimal("0.25"),
        max_orders=max_orders,
        price_cap=Decimal("0.05"),
        price_floor=Decimal("0.05"),
        bands=risk_bands(Decimal(max_leverage), position_value / BANDS_FOR_USERS),
        synthetic_id=synthetic_id(asset, resolution),
        synthetic_resolution=resolution,
        start_price=Decimal(start_price),
        category=category,
        sub_category=sub_category,
        description=description or asset,
        is_rfq=is_rfq,
        has_interest=has_interest,
    )


def synthetic_id(asset: str, resolution: int) -> int:
    """Return an L2 asset id in the live form: "<ASSET>-<decimals of the resolution>" in ASCII, padded to 15 bytes."""
    text = f"{asset}-{len(str(resolution)) - 1}".encode("ascii")
    return int.from_bytes(text.ljust(15, bytes(1)), "big")


DEFAULT_MARKETS = (
    perpetual("BTC", tick="1", step="0.00001", min_size="0.0001", start_price="84077", description="Bitcoin"),
    perpetual("ETH", tick="0.1", step="0.001", min_size="0.01", start_price="3120", description="Ethereum"),
    perpetual(
        "XAU",
        tick="0.5",
        step="0.001",
        min_size="0.01",
        start_price="4105",
        max_leverage=20,
        category="TradFi",
        sub_category="Commodity",
        description="Gold",
        has_interest=False,
    ),
    perpetual(
        "SPX500m",
        tick="5",
        step="0.0001",
        min_size="0.001",
        start_price="6845",
        max_leverage=20,
        category="TradFi",
        sub_category="Index",
        description="S&P 500",
        has_interest=False,
    ),
)
