"""Accounts that people trade with: test keys derived from the venue's seed, the same for the same seed and number."""

import hashlib
from dataclasses import dataclass

from hummingbot_extended.exchange.signing import StarkSigner

CURVE_ORDER = 0x800000000000010FFFFFFFFFFFFFFFFB781126DCAE7B2321E66A241ADC64D2F  # API reference §5.8


@dataclass(frozen=True, slots=True)
class TraderKeys:
    """What a client needs to trade on the venue. Practice keys: they open nothing anywhere else."""

    api_key: str
    stark_private_key: int
    stark_public_key: int

    def __repr__(self) -> str:
        return "<TraderKeys>"


def trader_keys(seed: int, number: int) -> TraderKeys:
    """Return the keys of trader `number` (0 is the one that `--json` tells) under `seed`."""
    private_key = int.from_bytes(_digest("stark", seed, number)) % (CURVE_ORDER - 1) + 1
    return TraderKeys(_digest("api", seed, number).hex()[:32], private_key, StarkSigner(hex(private_key)).public_key)


def _digest(purpose: str, seed: int, number: int) -> bytes:
    return hashlib.sha256(f"hummingbot-extended practice {purpose} {seed} {number}".encode()).digest()
