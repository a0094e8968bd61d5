"""Two ways to compute the same hashes and signatures: the exchange's Rust library and `stark.py`.

Struct types, selectors and field order: API reference §5.6.
"""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Literal, NamedTuple, Protocol

from hummingbot_extended.errors import SettingsError
from hummingbot_extended.exchange import stark

try:
    import fast_stark_crypto
except ImportError:  # no wheel for this machine (API reference §5.7)
    fast_stark_crypto = None


class StarknetDomain(NamedTuple):
    """What separates one network's signatures from another's."""

    name: str = "Perpetuals"
    version: str = "v0"
    chain_id: str = "SN_MAIN"
    revision: int = 1


class OrderFields(NamedTuple):
    """What an order's hash covers besides domain and key, in the hash's order."""

    position_id: int
    base_asset_id: int
    base_amount: int
    quote_asset_id: int
    quote_amount: int
    fee_asset_id: int
    fee_amount: int
    expiration_s: int
    salt: int


class LimitOrderFields(NamedTuple):
    """Likewise for a vault's limit order."""

    source_position_id: int
    receive_position_id: int
    base_asset_id: int
    base_amount: int
    quote_asset_id: int
    quote_amount: int
    fee_asset_id: int
    fee_amount: int
    expiration_s: int
    salt: int


class TransferFields(NamedTuple):
    """Likewise for a transfer between positions."""

    recipient_position_id: int
    sender_position_id: int
    collateral_id: int
    amount: int
    expiration_s: int
    salt: int


class WithdrawalFields(NamedTuple):
    """Likewise for a withdrawal to a Starknet address."""

    recipient: int
    position_id: int
    collateral_id: int
    amount: int
    expiration_s: int
    salt: int


type Fields = OrderFields | LimitOrderFields | TransferFields | WithdrawalFields


class Backend(Protocol):
    """Hashes and signs. Both backends give the same numbers."""

    name: str

    def message_hash(self, domain: StarknetDomain, public_key: int, fields: Fields) -> int:
        """Return the hash that is signed."""
        ...

    def sign(self, private_key: int, message_hash: int) -> tuple[int, int]:
        """Return (r, s)."""
        ...

    def verify(self, public_key: int, message_hash: int, r: int, s: int) -> bool:
        """Return whether (r, s) signs the hash."""
        ...

    def public_key(self, private_key: int) -> int:
        """Return the public key."""
        ...


_DOMAIN_SELECTOR = 0x1FF2F602E42168014D405A94F75E8A93D640751D71D16311266E140D8B0A210
_SELECTORS: dict[type[Fields], int] = {
    OrderFields: 0x36DA8D51815527CABFAA9C982F564C80FA7429616739306036F1F9B608DD112,
    LimitOrderFields: 0x3C79B3B5997E78A29AB2FB5E8BC8244F222C5E01AE914C10F956BD0F805199A,
    TransferFields: 0x1DB88E2709FDF2C59E651D141C3296A42B209CE770871B40413EA109846A3B4,
    WithdrawalFields: 0x250A5FA378E8B771654BD43DCB34844534F9D1E29E16B14760D7936EA7F4B1D,
}
_MESSAGE = stark.short_string("StarkNet Message")


@cache
def domain_hash(domain: StarknetDomain) -> int:
    """Return the domain's hash (API reference §5.6 lists those of both networks)."""
    words = (domain.name, domain.version, domain.chain_id)
    return stark.poseidon([_DOMAIN_SELECTOR, *map(stark.short_string, words), domain.revision])


def struct_hash(fields: Fields) -> int:
    """Return the hash of the message's struct alone."""
    return stark.poseidon([_SELECTORS[type(fields)], *fields])


class PythonBackend:
    """Needs nothing."""

    name = "python"

    def message_hash(self, domain: StarknetDomain, public_key: int, fields: Fields) -> int:
        """Return the hash that is signed."""
        return stark.poseidon([_MESSAGE, domain_hash(domain), public_key, struct_hash(fields)])

    def sign(self, private_key: int, message_hash: int) -> tuple[int, int]:
        """Return (r, s)."""
        return stark.sign(private_key, message_hash)

    def verify(self, public_key: int, message_hash: int, r: int, s: int) -> bool:
        """Return whether (r, s) signs the hash."""
        return stark.verify(public_key, message_hash, r, s)

    def public_key(self, private_key: int) -> int:
        """Return the public key."""
        return stark.public_key(private_key)


class RustBackend:
    """Needs `fast-stark-crypto`."""

    name = "rust"

    def message_hash(self, domain: StarknetDomain, public_key: int, fields: Fields) -> int:
        """Return the hash that is signed."""
        values: Sequence[object] = fields
        if isinstance(fields, WithdrawalFields):
            values = (hex(fields.recipient), *fields[1:])
        name, version, chain_id, revision = domain
        result: int = _rust_hashes()[type(fields)](*values, public_key, name, version, chain_id, str(revision))
        return result

    def sign(self, private_key: int, message_hash: int) -> tuple[int, int]:
        """Return (r, s)."""
        r, s = fast_stark_crypto.sign(private_key, message_hash)
        return r, s

    def verify(self, public_key: int, message_hash: int, r: int, s: int) -> bool:
        """Return whether (r, s) signs the hash."""
        return bool(fast_stark_crypto.verify(public_key, message_hash, r, s))

    def public_key(self, private_key: int) -> int:
        """Return the public key."""
        return int(fast_stark_crypto.get_public_key(private_key))


@cache
def _rust_hashes() -> dict[type[Fields], Callable[..., int]]:
    return {
        OrderFields: fast_stark_crypto.get_order_msg_hash,
        LimitOrderFields: fast_stark_crypto.get_limit_order_msg_hash,
        TransferFields: fast_stark_crypto.get_transfer_msg_hash,
        WithdrawalFields: fast_stark_crypto.get_withdrawal_msg_hash,
    }


def find_backend(name: Literal["auto", "rust", "python"] = "auto") -> Backend:
    """Return the backend called `name`; "auto" is Rust where it is installed.

    Raises SettingsError when Rust is asked for by name and not installed.
    """
    if name == "python" or (name == "auto" and fast_stark_crypto is None):
        return PythonBackend()
    if fast_stark_crypto is None:
        raise SettingsError("fast-stark-crypto is not installed; use the backend 'python'")
    return RustBackend()
