"""Checking Stark signatures against what an order says (API reference §5).

The amounts are computed here once more, on purpose: a client and the venue must not share a mistake.
"""

from decimal import ROUND_DOWN, ROUND_FLOOR, ROUND_UP, Context, Decimal

from msgspec import Struct

from hummingbot_extended.exchange.signing import OrderFields, StarknetDomain, message_hash, verify
from hummingbot_extended.venue.enums import Side
from hummingbot_extended.venue.markets import MarketSpec
from hummingbot_extended.venue.orders import Settlement

BUFFER_S = 14 * 86_400  # added to the expiry inside the hash only
WHOLE_POSITION_FACTOR = 50  # a POSITION leg is signed for maxPositionValue x 50
EXACT = Context(prec=60)


class SignedAmounts(Struct, frozen=True):
    """What the hash holds of an order: signed base and quote, fee, in units of the L2 resolutions (§5.4)."""

    base: int
    quote: int
    fee: int


class SignedOrder(Struct, frozen=True, kw_only=True):
    """What is signed: an order, or a take-profit or stop-loss leg of one. `fee_rate` includes the builder's."""

    side: Side
    qty: Decimal
    price: Decimal
    fee_rate: Decimal
    expire_ms: int
    nonce: int


def amounts(signed: SignedOrder, spec: MarketSpec) -> SignedAmounts:
    """Return the scaled amounts: a BUY rounds away from zero, a SELL toward zero, the fee up."""
    rounding = ROUND_UP if signed.side is Side.BUY else ROUND_DOWN
    notional = EXACT.multiply(signed.qty, signed.price)
    base = _scaled(signed.qty, spec.synthetic_resolution, rounding)
    quote = _scaled(notional, spec.collateral_resolution, rounding)
    fee = _scaled(EXACT.multiply(signed.fee_rate, notional), spec.collateral_resolution, ROUND_UP)
    return SignedAmounts(base * signed.side.sign, -quote * signed.side.sign, fee)


def _scaled(amount: Decimal, resolution: int, rounding: str) -> int:
    return int(EXACT.multiply(amount, Decimal(resolution)).to_integral_value(rounding))


def whole_position_qty(spec: MarketSpec, price: Decimal) -> Decimal:
    """Return the quantity that a POSITION leg at `price` is signed for (§4.8), in whole steps' decimals."""
    qty = EXACT.divide(spec.max_position_value * WHOLE_POSITION_FACTOR, price)
    return qty.quantize(Decimal(1).scaleb(-spec.qty_decimals), ROUND_FLOOR, EXACT)


def order_hash(signed: SignedOrder, spec: MarketSpec, settlement: Settlement, chain_id: str) -> int:
    """Return the message hash that the signer of `settlement` must have signed (§5.6).

    Raises SettingsError for numbers that cannot be signed at all.
    """
    scaled = amounts(signed, spec)
    fields = OrderFields(
        position_id=settlement.vault,
        base_asset_id=spec.synthetic_id,
        base_amount=scaled.base,
        quote_asset_id=spec.collateral_id,
        quote_amount=scaled.quote,
        fee_asset_id=spec.collateral_id,
        fee_amount=scaled.fee,
        expiration_s=-(-signed.expire_ms // 1000) + BUFFER_S,
        salt=signed.nonce,
    )
    return message_hash(StarknetDomain(chain_id=chain_id), settlement.stark_key, fields)


def is_valid(signed_hash: int, settlement: Settlement) -> bool:
    """Whether the settlement's signature is its key's over the hash; numbers out of range are simply not valid."""
    return verify(settlement.stark_key, signed_hash, (settlement.r, settlement.s))
