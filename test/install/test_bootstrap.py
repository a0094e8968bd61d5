"""The import hook: in this process, and as the .pth file of a Python of its own."""

import os
import subprocess
import sys
from types import SimpleNamespace

import pytest

from hummingbot_extended import _bootstrap
from hummingbot_extended.installer import hook_file
from test.install.hummingbots import NAMES, SITE


def test_activate_lists_the_connector_even_after_hummingbot_listed_its_own() -> None:
    script = """
from hummingbot.client.settings import AllConnectorSettings
kept = AllConnectorSettings.get_connector_settings()["binance"]
assert "extended_perpetual" not in AllConnectorSettings.get_connector_settings()
from hummingbot_extended import _bootstrap
from hummingbot_extended.installer import hook_file
_bootstrap.activate()
listed = AllConnectorSettings.get_connector_settings()
assert listed["binance"] is kept
print(*[name for name in listed if name.startswith("extended")])
"""
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=50)
    assert result.stdout.split() == NAMES, result.stderr


def test_install_hook_is_switched_off_by_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "meta_path", [])
    monkeypatch.setenv(_bootstrap.DISABLE_ENV, "1")
    _bootstrap.install_hook()
    assert sys.meta_path == []


def test_hook_file_is_silent_in_a_python_without_the_package() -> None:
    """It stays behind when the package is uninstalled by pip alone, and runs at every start."""
    command = [sys.executable, "-I", "-S", "-c", hook_file.CONTENT]
    result = subprocess.run(command, capture_output=True, text=True, timeout=20)
    assert (result.returncode, result.stdout + result.stderr) == (0, "")
    assert hook_file.CONTENT.startswith("import ")
    assert hook_file.CONTENT.count("\n") == 1  # a .pth file is read line by line


def test_hook_lets_a_copy_in_hummingbots_folder_win(tmp_path_factory: pytest.TempPathFactory) -> None:
    derivatives = tmp_path_factory.mktemp("root") / "hummingbot/connector/derivative"
    (derivatives / "extended_perpetual").mkdir(parents=True)
    (derivatives / "okx_perpetual").mkdir()
    known = SimpleNamespace(all_connector_settings={})
    settings = SimpleNamespace(scandir=os.scandir, AllConnectorSettings=known)
    _bootstrap._list_shim(settings)  # type: ignore[arg-type]
    found = {entry.name: entry.path for entry in settings.scandir(str(derivatives))}
    assert found["extended_perpetual"] == str(derivatives / "extended_perpetual")
    assert {entry.name for entry in settings.scandir(SITE / "hummingbot/connector/exchange")}.isdisjoint(NAMES)


def test_shim_finder_finds_the_connectors_package_only() -> None:
    assert _bootstrap._finder.find_spec("hummingbot.connector.derivative.okx_perpetual") is None
    spec = _bootstrap._finder.find_spec(_bootstrap.SHIM_MODULE)
    assert spec is not None
    assert spec.origin is not None
    assert spec.origin.startswith(_bootstrap.SHIM_ROOT)
