"""What Hummingbot itself makes of the connector: run in a process of its own by `hummingbot-extended doctor`.

`python -P -m hummingbot_extended.shim.probe CONF...` imports Hummingbot, lists its connectors and resolves everything
registered for ours, then prints one line: PREFIX and a JSON object (see `Probe` in installer/probe_result.py). Every
step is on its own, so that one failure does not hide the next.
"""

import importlib
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

PREFIX = "hummingbot-extended-probe "
NAMES = ("extended_perpetual", "extended_perpetual_testnet", "extended_perpetual_local")
FOLDER = "hummingbot.connector.derivative.extended_perpetual"


def _error_of(step: Callable[[], object]) -> str:
    """Return "" when `step` passes, else its error in one line."""
    try:
        step()
    except Exception as error:  # noqa: BLE001 - whatever it is, it is the finding
        return f"{type(error).__name__}: {error}".replace("\n", " ")
    return ""


def _listed() -> list[str]:
    from hummingbot.client.settings import AllConnectorSettings

    return [name for name in NAMES if name in AllConnectorSettings.get_connector_settings()]


def _connector() -> None:
    from hummingbot.client.config.config_helpers import get_connector_class

    get_connector_class(NAMES[0])


def _registration_errors() -> list[str]:
    utils: Any = importlib.import_module(f"{FOLDER}.extended_perpetual_utils")
    if utils.REGISTRATION_ERROR:
        return [utils.REGISTRATION_ERROR]
    registration: Any = importlib.import_module(f"{FOLDER}.registration")
    return list(registration.ERRORS)


def _candles() -> None:
    from hummingbot.data_feed.candles_feed.candles_factory import CandlesFactory
    from hummingbot.data_feed.candles_feed.data_types import CandlesConfig

    for name in NAMES:
        CandlesFactory.get_candle(CandlesConfig(connector=name, trading_pair="BTC-USD", interval="1m"))


def _rate_source() -> None:
    from hummingbot.client.config.client_config_map import ClientConfigMap

    for name in NAMES:
        source = ClientConfigMap(rate_oracle_source=name).rate_oracle_source.build_rate_source()
        if type(source).__name__ == "UnavailableRateSource":
            raise ImportError(f"{name}: its class cannot be imported")


def _fee_overrides() -> None:
    from hummingbot.client.config import fee_overrides_config_map as fees

    if not fees.fee_overrides_dict.__module__.startswith(FOLDER):
        raise RuntimeError("conf_fee_overrides.yml is not read for the connector")


def _check_saved(path: Path) -> dict[str, object]:
    """Return whether a saved conf/connectors/*.yml is accepted, and which of its settings mean nothing."""
    import yaml
    from hummingbot.client.settings import AllConnectorSettings

    content = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    model = type(AllConnectorSettings.get_connector_settings()[path.stem].config_keys)
    return {
        "error": _error_of(lambda: model.model_validate(content)),
        "unknown": sorted(set(content) - set(model.model_fields)),
    }


def probe(conf_folders: list[Path]) -> dict[str, object]:
    """Return everything that was found, as JSON types."""
    found: dict[str, object] = {"hummingbot": "", "listed": [], "discovery": "", "registration": [], "saved": {}}

    def discover() -> None:
        import hummingbot

        found["hummingbot"] = os.path.dirname(os.path.abspath(str(hummingbot.__file__)))
        found["listed"] = _listed()

    found["discovery"] = _error_of(discover)
    if not found["listed"]:
        return found
    found["registration"] = _registration_errors()
    for what, step in (
        ("connector", _connector),
        ("candles", _candles),
        ("rate_source", _rate_source),
        ("fee_overrides", _fee_overrides),
    ):
        found[what] = _error_of(step)
    files = [conf / "connectors" / f"{name}.yml" for conf in conf_folders for name in NAMES]
    found["saved"] = {str(path): _check_saved(path) for path in files if path.is_file()}
    return found


if __name__ == "__main__":
    print(PREFIX + json.dumps(probe([Path(folder) for folder in sys.argv[1:]])))  # noqa: T201
