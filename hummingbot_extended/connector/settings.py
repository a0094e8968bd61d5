"""The connector's settings that are not secret: a typed view of the config map's fields."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Literal

from hummingbot_extended.connector.extended_perpetual_constants import (
    ORDERS_AFTER_RESTART,
    REQUESTS_PER_MINUTE,
    TRANSPORTS,
)
from hummingbot_extended.errors import SettingsError
from hummingbot_extended.streams.transport_choice import TransportSetting

# Fields of the config maps that say nothing to the connector; Hummingbot passes them too when it builds an instance
# that does not trade (client/settings.py, non_trading_connector_instance_with_default_configuration).
IGNORED_FIELDS = frozenset({"connector", "receive_connector_configuration"})
BOT_ID = re.compile(r"[A-Za-z0-9]{1,8}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectorSettings:
    """Settings with their defaults; the config maps of the shim have fields of the same names.

    `transport` is how public streams are read; "rpc" is the exchange's v2 socket, one for all of them.
    `order_expiry_days` bounds how long an order may rest (the exchange wants a bound; it is lowered to the network's
    maximum). `rate_limit_share_pct` is this bot's part of the IP's request budget. `builder_fee_rate` is a fraction and
    counts only with a `builder_id`. `dead_mans_switch_s` has the exchange cancel all orders of the account once the bot
    was silent for so long; 0 is off. `orders_after_restart` says what happens to the orders that this bot left open,
    after a crash say: see `adoption.Adoption`. `bot_id` tells bots that share one key apart; empty: this installation
    gets one.
    """

    transport: TransportSetting | Literal["rpc"] = "auto"
    rate_limit_tier: str = "default"
    rate_limit_share_pct: Decimal = Decimal(100)
    order_expiry_days: int = 14
    builder_id: int | None = None
    builder_fee_rate: Decimal = Decimal(0)
    dead_mans_switch_s: int = 0
    orders_after_restart: str = "cancel"
    bot_id: str = ""

    def __post_init__(self) -> None:
        _one_of("transport", self.transport, TRANSPORTS)
        _one_of("rate_limit_tier", self.rate_limit_tier, REQUESTS_PER_MINUTE)
        _one_of("orders_after_restart", self.orders_after_restart, ORDERS_AFTER_RESTART)
        _within("rate_limit_share_pct", self.rate_limit_share_pct, Decimal("0.1"), Decimal(100))
        _within("order_expiry_days", self.order_expiry_days, 1, 89)
        _within("builder_fee_rate", self.builder_fee_rate, Decimal(0), Decimal("0.01"))
        _within("dead_mans_switch_s", self.dead_mans_switch_s, 0, 3600)
        if 0 < self.dead_mans_switch_s < 10:
            raise SettingsError("dead_mans_switch_s must be 0 (off) or at least 10 seconds")
        if self.bot_id and not BOT_ID.fullmatch(self.bot_id):
            raise SettingsError("bot_id must be 1 to 8 letters or digits")

    @property
    def path_transport(self) -> TransportSetting:
        """The transport of v1 streams: the account's, and all while v2 does not work."""
        return "auto" if self.transport == "rpc" else self.transport

    @property
    def requests_per_minute(self) -> int:
        """The IP's whole budget in the account's tier."""
        return REQUESTS_PER_MINUTE[self.rate_limit_tier]

    @classmethod
    def read(cls, configuration: object | None, fields: Mapping[str, object]) -> "ConnectorSettings":
        """Return the settings of a config map (`configuration`) or of keyword arguments (`fields`).

        An empty or missing value is the default. Raises SettingsError on a value out of its range, TypeError on a
        field that does not exist.
        """
        unknown = fields.keys() - cls.__dataclass_fields__.keys() - IGNORED_FIELDS
        if unknown:
            raise TypeError(f"unknown connector settings: {', '.join(sorted(unknown))}")
        found = {name: fields.get(name, getattr(configuration, name, None)) for name in cls.__dataclass_fields__}
        chosen: dict[str, Any] = {name: value for name, value in found.items() if value not in (None, "")}
        return cls(**{name: _CONVERT[name](name, value) for name, value in chosen.items()})


def _text(name: str, value: object) -> str:
    return str(value).strip()


def _integer(name: str, value: object) -> int:
    try:
        return int(str(value))
    except ValueError:
        raise SettingsError(f"{name} must be a whole number") from None


def _decimal(name: str, value: object) -> Decimal:
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        raise SettingsError(f"{name} must be a number") from None
    if not number.is_finite():
        raise SettingsError(f"{name} must be a number")
    return number


_CONVERT: dict[str, Callable[[str, object], Any]] = {
    "transport": _text,
    "rate_limit_tier": _text,
    "rate_limit_share_pct": _decimal,
    "order_expiry_days": _integer,
    "builder_id": _integer,
    "builder_fee_rate": _decimal,
    "dead_mans_switch_s": _integer,
    "orders_after_restart": _text,
    "bot_id": _text,
}


def _one_of(name: str, value: str, allowed: Mapping[str, int] | tuple[str, ...]) -> None:
    if value not in allowed:
        raise SettingsError(f"{name} must be one of {', '.join(allowed)}")


def _within(name: str, value: Decimal | int, lowest: Decimal | int, highest: Decimal | int) -> None:
    if not lowest <= value <= highest:
        raise SettingsError(f"{name} must be between {lowest} and {highest}")
