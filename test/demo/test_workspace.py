"""The private Hummingbot has a root of its own and leaves the installed one alone."""

from pathlib import Path

import pytest

from hummingbot_extended.demo.workspace import Workspace, installed_hummingbot
from hummingbot_extended.errors import SettingsError


def test_create_gives_a_root_of_its_own(tmp_path: Path) -> None:
    """The package is there, its folders beside it, and nothing was added to the installed package."""
    before = {path.name for path in installed_hummingbot().iterdir()}
    workspace = Workspace(tmp_path / "demo")
    workspace.create()
    assert (workspace.root / "hummingbot/VERSION").read_text() == (installed_hummingbot() / "VERSION").read_text()
    assert (workspace.root / "scripts/extended_market_maker.py").exists()
    assert (workspace.root / "conf/conf_client.yml").exists()
    assert {path.name for path in installed_hummingbot().iterdir()} == before


def test_create_in_a_used_folder_is_refused(tmp_path: Path) -> None:
    """A folder with something in it is never written to."""
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(SettingsError, match="not empty"):
        Workspace(tmp_path).create()
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_environment_does_not_inherit_the_users_extended_settings(tmp_path: Path, monkeypatch) -> None:
    """A relay that the user set for real trading must not reach the demo."""
    monkeypatch.setenv("EXTENDED_PERPETUAL_STREAM_URL", "https://relay.example")
    environment = Workspace(tmp_path).environment(EXTENDED_PERPETUAL_LOCAL_URL="http://127.0.0.1:1")
    assert "EXTENDED_PERPETUAL_STREAM_URL" not in environment
    assert environment["EXTENDED_PERPETUAL_LOCAL_URL"] == "http://127.0.0.1:1"
