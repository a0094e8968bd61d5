"""What Hummingbot reads to list the connector: its keys, settings, fees and other domains.

Imports nothing but Hummingbot, pydantic and the standard library: were this module to fail, Hummingbot would not start;
were it not found, saved keys would lock the user out. The connector itself is imported when it is used.
"""

import logging
import re
from decimal import Decimal
from typing import Annotated, Any, Literal

from hummingbot.client.config.config_data_types import BaseConnectorConfigMap
from hummingbot.core.data_type.trade_fee import TradeFeeSchema
from pydantic import BeforeValidator, ConfigDict, Field, SecretStr, ValidationInfo, field_validator

CENTRALIZED = True
EXAMPLE_PAIR = "BTC-USD"


def _default_fees() -> TradeFeeSchema:
    """Return the documented rates (API reference §8), used until the account's own are read.

    One object a domain: Hummingbot writes a user's fee overrides into it.
    """
    return TradeFeeSchema(
        maker_percent_fee_decimal=Decimal(0),
        taker_percent_fee_decimal=Decimal("0.00025"),
        buy_percent_fee_deducted_from_returns=False,
    )


DEFAULT_FEES = _default_fees()

_STARK_CURVE_ORDER = 0x800000000000010FFFFFFFFFFFFFFFFB781126DCAE7B2321E66A241ADC64D2F
_ENCRYPTED_PREFIX = b'{"crypto"'.hex()  # how Hummingbot stores a secret: a key file's JSON in hexadecimal


def _pasted(value: object) -> str:
    """Return the text of a secret without any blank or line break that came along when it was copied."""
    text = value.get_secret_value() if isinstance(value, SecretStr) else str(value)
    return "".join(text.split())


def _clean_api_key(value: object) -> str:
    text = _pasted(value)
    if not text:
        raise ValueError("the API key is empty")
    if not (text.isascii() and text.isprintable()):
        raise ValueError("the API key holds characters that no API key has; copy it again")
    return text


def _clean_stark_key(value: object) -> str:
    text = _pasted(value)
    if text.startswith(_ENCRYPTED_PREFIX):
        return text  # read from a file; Hummingbot decrypts it next, and assigns it again
    digits = text[2:] if text[:2] in ("0x", "0X") else text
    if not digits:
        raise ValueError("the Stark private key is empty")
    if not re.fullmatch("[0-9a-fA-F]+", digits):
        raise ValueError("the Stark private key must be hexadecimal, such as 0x1a2b3c…")
    if not 0 < int(digits, 16) < _STARK_CURVE_ORDER:
        raise ValueError(
            "the Stark private key is out of range: it has at most 63 hexadecimal digits and is not zero "
            "(an Ethereum wallet's key is not a Stark key)"
        )
    return f"0x{digits.lower()}"


ApiKey = Annotated[SecretStr, BeforeValidator(_clean_api_key)]
StarkKey = Annotated[SecretStr, BeforeValidator(_clean_stark_key)]


def _name(domain: str) -> Any:
    return Field(default=domain, json_schema_extra={"prompt": "What is your connector?"})


def _secret(what: str, where: str) -> Any:
    prompt = f"Enter your {what} ({where})"
    return Field(
        default=...,
        json_schema_extra={"prompt": prompt, "is_secure": True, "is_connect_key": True, "prompt_on_new": True},
    )


def _setting(default: object, description: str, **limits: Any) -> Any:
    return Field(default=default, description=description, json_schema_extra={"prompt": description}, **limits)


class ExtendedPerpetualSettings(BaseConnectorConfigMap):
    """Settings that are not secret: never asked for, kept with their defaults in conf/connectors/<name>.yml.

    They reach the connector as `connector_configuration`; a blank is the default. Unknown names are passed over, so
    that a file of another version never keeps anyone from logging in.
    """

    transport: Literal["auto", "websocket", "sse", "rpc"] = _setting(
        "auto",
        "How streams are read: auto, websocket, sse (a relay's; the exchange has none) or rpc (one socket for all).",
    )
    rate_limit_tier: Literal["default", "tier1", "tier2", "tier3"] = _setting(
        "default", "Rate limit tier of the account: default, tier1, tier2 or tier3."
    )
    rate_limit_share_pct: Decimal = _setting(
        Decimal(100),
        "Share of the IP's request budget for this bot, in percent; bots on one IP share 100.",
        ge=Decimal("0.1"),
        le=100,
    )
    order_expiry_days: int = _setting(14, "Days after which the exchange expires a resting order.", ge=1, le=89)
    builder_id: int | None = _setting(None, "Builder code: the id that receives builder fees. Empty: none.")
    builder_fee_rate: Decimal = _setting(
        Decimal(0), "Builder fee as a fraction of the order's value (0.0001 is 0.01 %).", ge=0, le=Decimal("0.01")
    )
    dead_mans_switch_s: int = _setting(
        0,
        "The exchange cancels ALL orders of the account when the bot is silent for so many seconds. 0: off.",
        ge=0,
        le=3600,
    )
    orders_after_restart: Literal["cancel", "adopt", "ignore"] = _setting(
        "cancel", "What to do at start with orders that this bot left open: cancel, adopt, or ignore unknown ones."
    )
    bot_id: str = _setting(
        "",
        "1 to 8 letters or digits that mark this bot's orders where several bots share one key. Empty: made up.",
        coerce_numbers_to_str=True,
    )
    receive_connector_configuration: bool = _setting(True, "Leave this true: it hands the settings to the connector.")

    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)

    @field_validator(
        "transport",
        "rate_limit_tier",
        "rate_limit_share_pct",
        "order_expiry_days",
        "builder_id",
        "builder_fee_rate",
        "dead_mans_switch_s",
        "orders_after_restart",
        "bot_id",
        mode="before",
    )
    @classmethod
    def _blank_is_default(cls, value: object, info: ValidationInfo) -> object:
        value = value.strip() if isinstance(value, str) else value
        return cls.model_fields[info.field_name].default if value is None or value == "" else value

    @field_validator("rate_limit_tier", mode="before")
    @classmethod
    def _tier_by_number(cls, value: object) -> object:
        return f"tier{value}" if str(value) in {"1", "2", "3"} else value

    @field_validator("dead_mans_switch_s")
    @classmethod
    def _not_too_nervous(cls, value: int) -> int:
        if 0 < value < 10:
            raise ValueError("dead_mans_switch_s must be 0 (off) or at least 10 seconds")
        return value

    @field_validator("bot_id")
    @classmethod
    def _short_bot_id(cls, value: str) -> str:
        if not re.fullmatch("[A-Za-z0-9]{0,8}", value):
            raise ValueError("bot_id must be 1 to 8 letters or digits")
        return value


_MAINNET_PAGE = "app.extended.exchange/api-management, of the sub-account that trades"
_TESTNET_PAGE = "starknet.sepolia.extended.exchange/api-management, of the sub-account that trades"
_VENUE = "hummingbot-extended venue prints it"


class ExtendedPerpetualConfigMap(ExtendedPerpetualSettings):
    """Keys and settings on mainnet."""

    connector: str = _name("extended_perpetual")
    extended_perpetual_api_key: ApiKey = _secret("Extended API key", _MAINNET_PAGE)
    extended_perpetual_stark_private_key: StarkKey = _secret("Extended Stark private key", _MAINNET_PAGE)
    model_config = ConfigDict(title="extended_perpetual")


class ExtendedPerpetualTestnetConfigMap(ExtendedPerpetualSettings):
    """Keys and settings on the testnet (Sepolia)."""

    connector: str = _name("extended_perpetual_testnet")
    extended_perpetual_testnet_api_key: ApiKey = _secret("Extended testnet API key", _TESTNET_PAGE)
    extended_perpetual_testnet_stark_private_key: StarkKey = _secret(
        "Extended testnet Stark private key", _TESTNET_PAGE
    )
    model_config = ConfigDict(title="extended_perpetual_testnet")


class ExtendedPerpetualLocalConfigMap(ExtendedPerpetualSettings):
    """Keys and settings on the practice venue."""

    connector: str = _name("extended_perpetual_local")
    extended_perpetual_local_api_key: ApiKey = _secret("practice venue API key", _VENUE)
    extended_perpetual_local_stark_private_key: StarkKey = _secret("practice venue Stark private key", _VENUE)
    model_config = ConfigDict(title="extended_perpetual_local")


KEYS = ExtendedPerpetualConfigMap.model_construct()

OTHER_DOMAINS = ["extended_perpetual_testnet", "extended_perpetual_local"]
OTHER_DOMAINS_PARAMETER = {domain: domain for domain in OTHER_DOMAINS}
OTHER_DOMAINS_EXAMPLE_PAIR = dict.fromkeys(OTHER_DOMAINS, EXAMPLE_PAIR)
OTHER_DOMAINS_DEFAULT_FEES = {domain: _default_fees() for domain in OTHER_DOMAINS}
OTHER_DOMAINS_KEYS = {
    "extended_perpetual_testnet": ExtendedPerpetualTestnetConfigMap.model_construct(),
    "extended_perpetual_local": ExtendedPerpetualLocalConfigMap.model_construct(),
}

# Candles, rate sources and fee overrides. The connector trades without them, so nothing here may fail the import.
REGISTRATION_ERROR = ""
try:
    from hummingbot.connector.derivative.extended_perpetual.registration import register

    register()
except Exception as error:
    REGISTRATION_ERROR = f"{type(error).__name__}: {error}"
    logging.getLogger(__name__).exception("hummingbot-extended: candles, rate source and fee overrides are missing")
