"""Exact decimal arithmetic, whatever the caller's decimal context is."""

from decimal import Context, Decimal

ZERO = Decimal(0)
EXACT = Context(prec=100)  # prices, sizes, resolutions and their products fit with room to spare


def decimal_text(value: Decimal) -> str:
    """Return `value` as the exchange wants it: plain digits, no exponent, exactly these digits."""
    return format(value, "f")
