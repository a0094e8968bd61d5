"""The files that `hummingbot-extended bridge init` writes into a Hummingbot. Imports no Hummingbot."""

import os
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from hummingbot_extended.bridge.settings import KEY_FILE
from hummingbot_extended.errors import SettingsError
from hummingbot_extended.gateway.protocol import DEFAULT_PORT

SCRIPT = "extended_bridge.py"
CONFIGURATION = "conf_extended_bridge.yml"
KEY_BYTES = 32

_SCRIPT_TEXT = '''"""The bridge of hummingbot-extended as a script: hbot start conf_extended_bridge.yml"""

from hummingbot_extended.bridge.script import BridgeConfig, BridgeScript

__all__ = ["BridgeConfig", "BridgeScript"]
'''
_KEYS_HEADER = """# Keys of the bridge: who holds one trades. Keep this file to yourself (chmod 600).
# Optional for each key: read_only: true · exchanges: [...] · pairs: [...] · max_order_notional: 1000 ·
# addresses: [127.0.0.1/32]
"""
_DEFAULTS: Mapping[str, Any] = {
    "script_file_name": SCRIPT,
    "controllers_config": [],
    "markets": {"extended_perpetual": ["BTC-USD"]},
    "host": "127.0.0.1",
    "port": DEFAULT_PORT,
    "on_stop": "cancel_all",
}


@dataclass(frozen=True, slots=True)
class BridgeFiles:
    """Where the bridge's files are in a Hummingbot whose root folder is `root`."""

    root: Path

    @property
    def keys(self) -> Path:
        """The keys."""
        return self.root / "conf" / KEY_FILE

    @property
    def configuration(self) -> Path:
        """The settings of script and headless bridge."""
        return self.root / "conf" / "scripts" / CONFIGURATION

    @property
    def script(self) -> Path:
        """The script."""
        return self.root / "scripts" / SCRIPT

    def write(self, markets: Mapping[str, Sequence[str]] | None, port: int | None) -> list[Path]:
        """Write script, settings and, where there is none, a key; return the files.

        Of settings that are there already only markets and port are changed, each where it is given.
        """
        given = {"markets": markets and {name: list(pairs) for name, pairs in markets.items()}, "port": port}
        settings = {**_DEFAULTS, **self.read(), **{name: value for name, value in given.items() if value}}
        written = []
        for path, text in (
            (self.configuration, yaml.safe_dump(settings, sort_keys=False)),
            (self.script, _SCRIPT_TEXT),
        ):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            written.append(path)
        if not self.keys.exists():
            self._write_key()
            written.append(self.keys)
        return written

    def read(self) -> dict[str, Any]:
        """Return the settings, {} where none were written. Raises SettingsError when they cannot be read."""
        if not self.configuration.exists():
            return {}
        try:
            content = yaml.safe_load(self.configuration.read_text(encoding="utf-8")) or {}
        except yaml.YAMLError as error:
            raise SettingsError(f"{self.configuration} is not YAML: {error}") from error
        if not isinstance(content, dict):
            raise SettingsError(f"{self.configuration} must hold settings by name")
        return content

    def _write_key(self) -> None:
        entry = {"keys": [{"name": "default", "key": secrets.token_urlsafe(KEY_BYTES)}]}
        file = os.open(self.keys, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(file, "w", encoding="utf-8") as stream:
            stream.write(_KEYS_HEADER + yaml.safe_dump(entry, sort_keys=False))


def parse_markets(texts: Sequence[str]) -> dict[str, list[str]]:
    """Return pairs by exchange from texts like "extended_perpetual:BTC-USD,ETH-USD". Raises SettingsError."""
    markets: dict[str, list[str]] = {}
    for text in texts:
        exchange, colon, pairs = text.partition(":")
        names = [pair.strip() for pair in pairs.split(",") if pair.strip()]
        if not colon or not exchange or not names or any("-" not in name for name in names):
            raise SettingsError(f"a market looks like extended_perpetual:BTC-USD,ETH-USD, not {text!r}")
        markets.setdefault(exchange.strip(), []).extend(name for name in names if name not in markets.get(exchange, []))
    return markets
