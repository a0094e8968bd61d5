"""What the bridge is told: where it listens, who may come in, what happens when somebody goes."""

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Any, Self

import yaml

from hummingbot_extended.errors import SettingsError
from hummingbot_extended.gateway.protocol import DEFAULT_PORT

KEY_VARIABLE = "HUMMINGBOT_EXTENDED_BRIDGE_KEY"
KEY_FILE = "extended_bridge_keys.yml"  # in Hummingbot's conf/
MIN_KEY_CHARS = 32
ACKNOWLEDGE_WITHIN_S = 4.0  # below the client's 5 s, so that the answer is ours and not its timeout
REQUESTS_PER_SECOND = 500.0
ON_STOP = ("cancel_all", "keep")


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessKey:
    """A key and what it opens. None is no restriction; `max_order_notional` is in the quote asset."""

    name: str
    secret: str = field(repr=False)
    read_only: bool = False
    exchanges: frozenset[str] | None = None
    pairs: frozenset[str] | None = None
    max_order_notional: Decimal | None = None
    addresses: tuple[IPv4Network | IPv6Network, ...] | None = None

    @classmethod
    def read(cls, fields: Mapping[str, Any]) -> Self:
        """Return the key that an entry of the key file describes. Raises SettingsError."""
        name = str(fields.get("name", "")) or "unnamed"
        known = {"name", "key", "read_only", "exchanges", "pairs", "max_order_notional", "addresses"}
        if unknown := fields.keys() - known:
            raise SettingsError(f"the key {name} has unknown settings: {', '.join(sorted(map(str, unknown)))}")
        secret = fields.get("key")
        if not isinstance(secret, str) or len(secret) < MIN_KEY_CHARS:
            raise SettingsError(f"the key {name} must be a text of at least {MIN_KEY_CHARS} characters")
        if not isinstance(fields.get("read_only", False), bool):
            raise SettingsError(f"the key {name}: read_only must be true or false")
        if empty := [str(setting) for setting, value in fields.items() if value is None]:
            raise SettingsError(f"the key {name} has no value for {', '.join(empty)}; without limit, leave it out")
        try:
            notional = _limit_of(fields.get("max_order_notional"))
            addresses = fields.get("addresses")
            return cls(
                name=name,
                secret=secret,
                read_only=fields.get("read_only", False),
                exchanges=_names(fields.get("exchanges")),
                pairs=_names(fields.get("pairs")),
                max_order_notional=notional,
                addresses=None if addresses is None else tuple(ip_network(str(each)) for each in addresses),
            )
        except (InvalidOperation, ValueError, TypeError) as error:
            raise SettingsError(f"the key {name} cannot be read: {error}") from error

    def may_use(self, exchange: str, pair: str | None = None) -> bool:
        """Return whether the key opens an exchange, and a trading pair of it."""
        if self.exchanges is not None and exchange not in self.exchanges:
            return False
        return pair is None or self.pairs is None or pair in self.pairs

    def may_come_from(self, address: str) -> bool:
        """Return whether the key may be used from an IP address."""
        return self.addresses is None or any(ip_address(address) in network for network in self.addresses)


@dataclass(frozen=True, slots=True, kw_only=True)
class BridgeSettings:
    """How a bridge works.

    Beyond loopback it listens only with TLS and `expose`, because whoever reaches it with a key trades. `on_stop` is
    "cancel_all" (what Hummingbot itself does) or "keep". `acknowledge_within_s` is how long the reply to a new order,
    or to a cancel, waits for the exchange's word.
    """

    keys: tuple[AccessKey, ...]
    host: str = "127.0.0.1"
    port: int = DEFAULT_PORT
    expose: bool = False
    tls_certificate: Path | None = None
    tls_key: Path | None = None
    client_ca: Path | None = None
    on_stop: str = "cancel_all"
    acknowledge_within_s: float = ACKNOWLEDGE_WITHIN_S
    max_requests_per_second: float | None = REQUESTS_PER_SECOND

    def __post_init__(self) -> None:
        if not self.keys:
            raise SettingsError(f"no key: run `hummingbot-extended bridge init`, or set {KEY_VARIABLE}")
        for what in ("name", "secret"):
            if len({getattr(key, what) for key in self.keys}) < len(self.keys):
                raise SettingsError(f"two keys have the same {what}: each needs its own")
        if not 0 <= self.port <= 65535:
            raise SettingsError(f"the port must be 0 to 65535, not {self.port}")
        if self.on_stop not in ON_STOP:
            raise SettingsError(f"on_stop must be one of {', '.join(ON_STOP)}, not {self.on_stop!r}")
        if (self.tls_certificate is None) is not (self.tls_key is None):
            raise SettingsError("TLS needs both a certificate and its key")
        if not self.is_loopback and not (self.expose and self.tls_certificate):
            raise SettingsError(
                f"{self.host} can be reached from other machines: that needs TLS (a certificate and its key) and the "
                "explicit setting `expose`; inside a container use both, or publish 127.0.0.1 only"
            )

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach the bridge."""
        if self.host == "localhost":
            return True
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return False


def load_keys(path: Path) -> tuple[AccessKey, ...]:
    """Return the keys of a file, and the one of the environment, which may do everything; () where there are none.

    Raises SettingsError for a file that others can read, or that cannot be understood.
    """
    keys: list[AccessKey] = []
    if secret := os.environ.get(KEY_VARIABLE):
        keys.append(AccessKey.read({"name": "environment", "key": secret}))
    if path.exists():
        if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise SettingsError(f"{path} can be read by others; run: chmod 600 {path}")
        try:
            content = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
        except yaml.YAMLError:
            # The parser's text may quote the line, and the line may be a key.
            raise SettingsError(f"{path} is not YAML") from None
        entries = content.get("keys") if isinstance(content, Mapping) else None
        if not isinstance(entries, list) or not all(isinstance(entry, Mapping) for entry in entries):
            raise SettingsError(f"{path} must hold a list `keys` of entries with `name` and `key`")
        keys += [AccessKey.read(entry) for entry in entries]
    return tuple(keys)


def _limit_of(value: Any) -> Decimal | None:
    if value is None:
        return None
    number = Decimal(str(value))
    if not number.is_finite() or number <= 0:
        raise ValueError(f"max_order_notional must be a number above 0, not {value}")
    return number


def _names(value: Any) -> frozenset[str] | None:
    if value is None:
        return None
    return frozenset(str(each) for each in ([value] if isinstance(value, str) else value))
