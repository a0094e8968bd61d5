"""Make the connector known to Hummingbot without writing into it: the import hook of `install --mode hook`.

Standard library only, and quick: a .pth file imports this module at every start of the interpreter. The rest (candles,
rate sources, fee overrides) is done by the shim itself, in every mode: `shim/extended_perpetual/registration.py`.
"""

import os
import sys
from collections.abc import Iterator, Sequence
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType

from hummingbot_extended.shim.extended_perpetual.after_import import after_import

DISABLE_ENV = "HUMMINGBOT_EXTENDED_DISABLE_HOOK"
SHIM_ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "shim")
SHIM_MODULE = "hummingbot.connector.derivative.extended_perpetual"
_DERIVATIVES = os.path.join("hummingbot", "connector", "derivative")


class _ShimFinder:
    """Finds the shim as a connector of Hummingbot where no other finder does: a copy in Hummingbot's folder wins."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the shim's spec for the connector's package, None for every other name."""
        return PathFinder.find_spec(name, [SHIM_ROOT]) if name == SHIM_MODULE else None


_finder = _ShimFinder()


def install_hook() -> None:
    """Have this process's Hummingbot list and import the connector from the shim in this package.

    Does nothing where HUMMINGBOT_EXTENDED_DISABLE_HOOK=1 is set.
    """
    if os.environ.get(DISABLE_ENV) == "1" or _finder in sys.meta_path:
        return
    sys.meta_path.append(_finder)
    after_import("hummingbot.client.settings", _list_shim)


def activate() -> None:
    """Install the hook and load the connector's settings, candles and rate sources at once.

    For a program that uses Hummingbot's `CandlesFactory` or `RateOracle` without listing connectors first, and for one
    whose Hummingbot has no connector installed. Imports Hummingbot (seconds).
    """
    import importlib

    install_hook()
    importlib.import_module(f"{SHIM_MODULE}.extended_perpetual_utils")


def _list_shim(settings: ModuleType) -> None:
    """Let discovery see the shim beside Hummingbot's own derivatives."""
    scan = settings.scandir

    def scandir(path: str = ".") -> Iterator[os.DirEntry[str]]:
        entries = list(scan(path))
        if str(path).rstrip(os.sep).endswith(_DERIVATIVES):
            names = {entry.name for entry in entries}
            entries += [entry for entry in os.scandir(SHIM_ROOT) if entry.is_dir() and entry.name not in names]
        return iter(entries)

    settings.scandir = scandir  # type: ignore[attr-defined]
    listed = settings.AllConnectorSettings.all_connector_settings
    if listed and SHIM_MODULE.rsplit(".", 1)[1] not in listed:
        # Hummingbot lists its connectors once, and did so before us: list again, keep the keys it has read since.
        settings.AllConnectorSettings.create_connector_settings().update(listed)
