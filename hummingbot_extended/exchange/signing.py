"""What an order's signature covers and how it is made (API reference §5). Sans-I/O; randomness is passed in.

The exchange recomputes the hash from the request's own values, so they must be sent exactly as they were signed:
`orders.py` does both from one place.
"""

import secrets
from decimal import ROUND_DOWN, ROUND_UP, Decimal
from functools import cache
from typing import NamedTuple

from hummingbot_extended.errors import SettingsError
from hummingbot_extended.exchange import stark
from hummingbot_extended.exchange.backends import (
    Backend,
    Fields,
    LimitOrderFields,
    OrderFields,
    StarknetDomain,
    TransferFields,
    WithdrawalFields,
    find_backend,
)
from hummingbot_extended.exchange.decimals import EXACT
from hummingbot_extended.exchange.enums import Side

__all__ = [
    "LimitOrderFields",
    "NonceSource",
    "OrderAmounts",
    "OrderFields",
    "Signature",
    "StarkSigner",
    "StarknetDomain",
    "TransferFields",
    "WithdrawalFields",
    "find_backend",
    "message_hash",
    "order_amounts",
    "parse_private_key",
    "settlement_expiration_s",
    "verify",
]

ORDER_EXPIRY_BUFFER_S = 14 * 86_400  # in the hash only; the request carries the plain expiry (§5.4)
TRANSFER_EXPIRY_BUFFER_S = 21 * 86_400
WITHDRAWAL_EXPIRY_BUFFER_S = 15 * 86_400
MAX_NONCE = 2**31 - 1


class OrderAmounts(NamedTuple):
    """An order in the units that are signed: base and quote have opposite signs, fee is never negative."""

    base: int
    quote: int
    fee: int


class Signature(NamedTuple):
    """An ECDSA signature on the Stark curve."""

    r: int
    s: int


def order_amounts(
    side: Side,
    qty: Decimal,
    price: Decimal,
    fee_rate: Decimal,
    *,
    base_resolution: int,
    quote_resolution: int,
) -> OrderAmounts:
    """Return the signed amounts (API reference §5.4). `fee_rate` includes a builder's fee.

    A buyer's amounts are rounded away from zero, a seller's toward zero, the fee always up, all from exact products.
    """
    rounding = ROUND_UP if side is Side.BUY else ROUND_DOWN
    notional = EXACT.multiply(EXACT.multiply(qty, price), Decimal(quote_resolution))
    base = _whole(EXACT.multiply(qty, Decimal(base_resolution)), rounding)
    quote = _whole(notional, rounding)
    fee = _whole(EXACT.multiply(notional, fee_rate), ROUND_UP)
    return OrderAmounts(base, -quote, fee) if side is Side.BUY else OrderAmounts(-base, quote, fee)


def _whole(value: Decimal, rounding: str) -> int:
    return int(value.to_integral_value(rounding, EXACT))


def settlement_expiration_s(expiry_ms: int, buffer_s: int = ORDER_EXPIRY_BUFFER_S) -> int:
    """Return the expiration that is signed for an expiry in ms: whole seconds, rounded up, plus the buffer."""
    return -(-expiry_ms // 1000) + buffer_s


_I64, _U64 = (-(2**63), 2**63), (0, 2**64)
_LIMITS = {  # by the end of a field's name, the first that fits
    "base_amount": _I64,
    "quote_amount": _I64,
    "amount": _U64,
    "expiration_s": _U64,
    "salt": _U64,
    "position_id": (0, 2**32),
    "id": (0, stark.P),
    "recipient": (0, stark.P),
}


def message_hash(domain: StarknetDomain, public_key: int, fields: Fields, backend: Backend | None = None) -> int:
    """Return the hash of an order, limit order, transfer or withdrawal.

    Raises SettingsError when a field is out of its type's range (API reference §5.2).
    """
    for name, value in zip(fields._fields, fields, strict=True):
        low, high = _limits_of(name)
        if not low <= value < high:
            raise SettingsError(f"{name} {value} is out of range")
    return (backend or find_backend()).message_hash(domain, public_key, fields)


@cache
def _limits_of(name: str) -> tuple[int, int]:
    return next(limits for suffix, limits in _LIMITS.items() if name.endswith(suffix))


def parse_private_key(private_key: str) -> int:
    """Return a Stark private key given as hex, with or without 0x, blanks around it allowed.

    Raises SettingsError, without the key in it, when it is no hex number or out of range.
    """
    text = private_key.strip().lower().removeprefix("0x")
    try:
        key = int(text, 16) if text.isalnum() else 0
    except ValueError:
        raise SettingsError("the Stark private key is not a hexadecimal number") from None
    if not 0 < key < stark.N:
        raise SettingsError("the Stark private key is out of range")
    return key


class StarkSigner:
    """Signs for one private key, which shows nowhere. Safe to share; keeps no other state.

    Signing takes about 0.25 ms with the Rust backend and 1.5 ms in Python, on the caller's thread.
    """

    __slots__ = ("__key", "backend", "public_key")

    def __init__(self, private_key: str, backend: Backend | None = None) -> None:
        """Parse the key (`parse_private_key`) and derive the public one."""
        self.__key = parse_private_key(private_key)
        self.backend = backend or find_backend()
        self.public_key = self.backend.public_key(self.__key)

    def __repr__(self) -> str:
        return f"StarkSigner(public_key={self.public_key:#x}, backend={self.backend.name})"

    def __reduce__(self) -> str:
        raise TypeError("a signer is not pickled: it holds a private key")

    def sign(self, message_hash: int) -> Signature:
        """Return the signature of a hash."""
        return Signature(*self.backend.sign(self.__key, message_hash))

    def sign_fields(self, domain: StarknetDomain, fields: Fields) -> Signature:
        """Return the signature of an order, limit order, transfer or withdrawal."""
        return self.sign(message_hash(domain, self.public_key, fields, self.backend))


def verify(public_key: int, message_hash: int, signature: tuple[int, int], backend: Backend | None = None) -> bool:
    """Return whether `signature` signs the hash by the key; False for numbers that cannot be any of these."""
    r, s = signature
    if not (0 < r < stark.LIMIT and 0 < s < stark.N and 0 <= message_hash < stark.LIMIT):
        return False
    if not pow(s, -1, stark.N) < stark.LIMIT or not stark.is_on_curve(public_key):
        return False
    return (backend or find_backend()).verify(public_key, message_hash, r, s)


class NonceSource:
    """Nonces 1 … 2^31 − 1, none twice until all are used, from a random start (API reference §5.5).

    Two processes on one account may meet, by chance, in one of 2^31; the hash has price, size and expiry besides.
    """

    def __init__(self, start: int | None = None) -> None:
        self._last = secrets.randbelow(MAX_NONCE) if start is None else (start - 1) % MAX_NONCE

    def __call__(self) -> int:
        """Return the next nonce."""
        self._last = self._last % MAX_NONCE + 1
        return self._last
