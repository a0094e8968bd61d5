"""Adds Extended's candles, rate sources and fee overrides to Hummingbot's own tables, without patching a file.

Part of the self-contained folder: nothing here needs the package `hummingbot-extended` until a candle feed or a rate
source is used, so that a saved `rate_oracle_source: {name: extended_perpetual}` never keeps a user from logging in.
"""

import importlib
import logging
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from functools import partial
from types import ModuleType
from typing import Any, Union

from hummingbot.connector.derivative.extended_perpetual.after_import import after_import
from hummingbot.connector.derivative.extended_perpetual.missing import explained, explanation

# Connector name -> the middle of its class names.
DOMAINS = {
    "extended_perpetual": "ExtendedPerpetual",
    "extended_perpetual_testnet": "ExtendedPerpetualTestnet",
    "extended_perpetual_local": "ExtendedPerpetualLocal",
}
CANDLES = "hummingbot_extended.connector.extended_perpetual_candles"
RATE_SOURCES = "hummingbot_extended.connector.extended_perpetual_rate_source"

ERRORS: list[str] = []  # what went wrong, one sentence each; `hummingbot-extended doctor` prints it


def register() -> None:
    """Have each table extended as soon as Hummingbot's module that holds it is imported. Never raises."""
    for name, action in (
        ("hummingbot.data_feed.candles_feed.candles_factory", _add_candles),
        ("hummingbot.core.rate_oracle.rate_oracle", _add_rate_sources),
        ("hummingbot.client.config.client_config_map", _add_rate_source_modes),
        ("hummingbot.client.config.fee_overrides_config_map", _keep_fee_overrides),
    ):
        after_import(name, partial(_guarded, action))


def _guarded(action: Callable[[Any], None], module: ModuleType) -> None:
    try:
        action(module)
    except Exception as error:  # noqa: BLE001 - anything that escaped here would end Hummingbot
        note_error(f"{module.__name__} could not be extended ({type(error).__name__}: {error})")


def note_error(sentence: str) -> None:
    """Record and log one thing that does not work."""
    ERRORS.append(sentence)
    logging.getLogger(__name__).error("hummingbot-extended: %s. Run: hummingbot-extended doctor", sentence)


# --- candles ----------------------------------------------------------------------------------------------------------


def _add_candles(module: Any) -> None:
    for domain, stem in DOMAINS.items():
        module.CandlesFactory._candles_map.setdefault(domain, partial(_create_candles, f"{stem}Candles"))


def _create_candles(class_name: str, *args: Any, **kwargs: Any) -> Any:
    with explained():
        candles = getattr(importlib.import_module(CANDLES), class_name)
    return candles(*args, **kwargs)


# --- rate oracle ------------------------------------------------------------------------------------------------------


def _add_rate_sources(module: Any) -> None:
    for domain, stem in DOMAINS.items():
        module.RATE_ORACLE_SOURCES.setdefault(domain, partial(_create_rate_source, domain, f"{stem}RateSource"))


def _create_rate_source(domain: str, class_name: str) -> Any:
    # Hummingbot builds the source while it reads conf_client.yml: an exception there would be a lock-out.
    try:
        return getattr(importlib.import_module(RATE_SOURCES), class_name)()
    except Exception as error:  # noqa: BLE001
        return _unavailable_rate_source(domain, explanation(error))


def _unavailable_rate_source(domain: str, reason: str) -> Any:
    from hummingbot.core.rate_oracle.sources.rate_source_base import RateSourceBase

    class UnavailableRateSource(RateSourceBase):
        """Stands in for a source that cannot be imported, and says so when asked for prices."""

        @property
        def name(self) -> str:
            return domain

        async def get_prices(self, quote_token: str | None = None) -> dict[str, Decimal]:
            raise ImportError(reason)

    return UnavailableRateSource()


def _add_rate_source_modes(module: Any) -> None:
    modes = module.RATE_SOURCE_MODES
    for domain in DOMAINS:
        modes.setdefault(domain, _rate_source_mode(module.ExchangeRateSourceModeBase, domain))
    field = module.ClientConfigMap.model_fields["rate_oracle_source"]
    field.annotation = Union[tuple(modes.values())]  # noqa: UP007 - the members are known at run time only
    field.description = f"A source for rate oracle, currently {', '.join(modes)}"
    module.ClientConfigMap.model_rebuild(force=True)


def _rate_source_mode(base: Any, domain: str) -> Any:
    from pydantic import ConfigDict, Field

    class ExtendedRateSourceMode(base):
        """The entry of `rate_oracle_source` in conf_client.yml."""

        name: str = Field(default=domain)
        model_config = ConfigDict(title=domain)

    return ExtendedRateSourceMode


# --- fee overrides ----------------------------------------------------------------------------------------------------


def _keep_fee_overrides(module: Any) -> None:
    """Read our keys of conf_fee_overrides.yml ourselves.

    Hummingbot reads only keys of its template, then writes all keys back: ours would be ignored and wiped.
    """
    build = module.fee_overrides_dict

    def fee_overrides_dict() -> dict[str, Any]:
        configs: dict[str, Any] = build()
        _fill(configs)
        return configs

    module.fee_overrides_dict = fee_overrides_dict
    _fill(module.fee_overrides_config_map)


def _fill(configs: Mapping[str, Any]) -> None:
    for key, value in _saved_fee_overrides().items():
        variable = configs.get(key)
        if variable is None or value is None or not key.startswith(tuple(DOMAINS)):
            continue
        try:
            variable.value = Decimal(str(value)) if variable.type == "decimal" else value
        except InvalidOperation:
            note_error(f"conf_fee_overrides.yml: {key} must be a number, not {value!r}")


def _saved_fee_overrides() -> Mapping[str, Any]:
    import yaml
    from hummingbot.client.settings import TRADE_FEES_CONFIG_PATH

    try:
        content = yaml.safe_load(TRADE_FEES_CONFIG_PATH.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    return content if isinstance(content, dict) else {}
