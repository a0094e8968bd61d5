"""install and uninstall on a folder that looks like a Hummingbot: refusals, repairs and what is never lost.

That a real Hummingbot then finds the connector is shown in test_layouts.py.
"""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from click.testing import Result
from typer.testing import CliRunner

from hummingbot_extended import __version__
from hummingbot_extended.cli import app, failure
from hummingbot_extended.cli import doctor as doctor_command
from hummingbot_extended.cli import install as install_command
from hummingbot_extended.cli import uninstall as uninstall_command
from hummingbot_extended.installer import hook_file, hummingbot_folder, own_package, shim_files
from hummingbot_extended.installer.git_exclude import LINE

type Run = Callable[..., Result]


@pytest.fixture(scope="module")
def runner() -> CliRunner:
    for command in (install_command, uninstall_command, doctor_command):
        if command.__name__.rsplit(".", 1)[-1] not in {info.callback.__name__ for info in app.registered_commands}:
            command.register(app)
    return CliRunner()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The landmarks of a Hummingbot, in a folder with a blank in its name."""
    root = tmp_path / "my hummingbot"
    (root / "hummingbot/client").mkdir(parents=True)
    (root / "hummingbot/connector/derivative").mkdir(parents=True)
    (root / "conf/connectors").mkdir(parents=True)
    (root / "hummingbot/client/settings.py").touch()
    (root / "hummingbot/VERSION").write_text("dev-2.18.0\n")
    return root


@pytest.fixture
def shim(root: Path) -> Path:
    return root / "hummingbot/connector/derivative/extended_perpetual"


@pytest.fixture
def run(runner: CliRunner, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command on `root`; the environment's packages are elsewhere."""
    packages = tmp_path / "site-packages"
    packages.mkdir()
    monkeypatch.setattr(hook_file.sysconfig, "get_path", lambda name: str(packages))

    def run_command(name: str, *arguments: str) -> Result:
        return runner.invoke(app, [name, "--hummingbot-dir", str(root), *arguments])

    return run_command


def test_install_copies_every_file_and_marks_it(run: Run, shim: Path) -> None:
    result = run("install")
    assert result.exit_code == 0, result.output
    marker = json.loads((shim / ".hummingbot-extended.json").read_text())
    assert marker["version"] == __version__
    assert marker["files"] == shim_files.shim_hashes(shim_files.SOURCE) == shim_files.shim_hashes(shim)
    assert [path.name for path in shim.parent.iterdir()] == ["extended_perpetual"]
    assert shim.stat().st_mode & 0o777 == 0o755


def test_install_refuses_a_folder_that_is_no_hummingbot(runner: CliRunner, tmp_path: Path) -> None:
    for folder, reason in ((tmp_path, "is not a Hummingbot"), (tmp_path / "nowhere", "is not a folder")):
        result = runner.invoke(app, ["install", "--hummingbot-dir", str(folder)])
        assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
        assert reason in result.stderr


def test_install_accepts_the_package_folder_itself(runner: CliRunner, root: Path, shim: Path) -> None:
    assert runner.invoke(app, ["install", "--hummingbot-dir", str(root / "hummingbot")]).exit_code == 0
    assert shim.is_dir()


def test_install_refuses_an_untested_release_unless_told(run: Run, root: Path, shim: Path) -> None:
    (root / "hummingbot/VERSION").write_text("2.0.1\n")
    result = run("install")
    assert (result.exit_code, shim.exists()) == (1, False)
    assert "2.0.1" in result.stderr
    assert "supported: dev-2.18.0 (PyPI 20260922)" in result.stderr
    assert run("install", "--any-version").exit_code == 0
    (root / "hummingbot/VERSION").unlink()
    assert "Hummingbot unknown" in run("install").stderr


@pytest.mark.parametrize("kind", ["folder", "file", "link", "broken marker"])
def test_install_and_uninstall_leave_a_foreign_connector_alone(run: Run, shim: Path, tmp_path: Path, kind: str) -> None:
    if kind == "file":
        shim.write_text("not ours")
    elif kind == "link":
        shim.symlink_to(tmp_path)
    else:
        shim.mkdir()
        (shim / "__init__.py").write_text("not ours")
        if kind == "broken marker":
            (shim / ".hummingbot-extended.json").write_text("[]")
    result = run("install")
    assert result.exit_code == 1
    assert "not of hummingbot-extended" in result.stderr
    assert run("install", "--mode", "hook").exit_code == 1
    assert "left in place" in run("uninstall").output
    assert os.path.lexists(shim)


def test_install_repairs_and_keeps_what_was_changed_by_hand(run: Run, root: Path, shim: Path) -> None:
    run("install")
    (shim / "missing.py").unlink()
    (shim / "extended_perpetual_utils.py").write_text("# mine\n")
    (shim / "notes.txt").write_text("mine too")
    (shim / "more").mkdir()
    found = shim_files.inspect_shim(hummingbot_folder.Hummingbot(root))
    assert (found.modified, found.missing, found.extra) == (
        ("extended_perpetual_utils.py",), ("missing.py",), ("more", "notes.txt"),
    )  # fmt: skip
    assert not found.is_intact
    result = run("install")
    assert result.output.count("kept what was changed by hand") == 3
    assert shim_files.inspect_shim(hummingbot_folder.Hummingbot(root)).is_intact
    backup = root / "conf/_extended_backup/shim"
    assert (backup / "extended_perpetual_utils.py").read_text() == "# mine\n"
    (shim / "notes.txt").write_text("again")
    run("install")
    assert (backup / "notes.txt.1").read_text() == "again"


def test_install_that_fails_half_way_changes_nothing(
    run: Run, root: Path, shim: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("install")
    before = {path.name: path.read_bytes() for path in shim.iterdir()}
    real = Path.rename

    def rename(self: Path, target: Path) -> Path:
        if Path(target) == shim and "old" not in self.name:
            raise OSError(28, "No space left on device")
        return real(self, target)

    monkeypatch.setattr(Path, "rename", rename)
    result = run("install")
    assert result.exit_code == 1
    assert result.stderr == "hummingbot-extended: [Errno 28] No space left on device\n"
    assert {path.name: path.read_bytes() for path in shim.iterdir()} == before
    shim_files.remove_shim(hummingbot_folder.Hummingbot(root))
    assert run("install").exit_code == 1
    assert list(shim.parent.iterdir()) == []


def test_install_cleans_up_after_one_that_was_killed(run: Run, shim: Path) -> None:
    left = shim.parent / "_extended_perpetual.killed"
    left.mkdir()
    (left / "__init__.py").touch()
    assert run("install").exit_code == 0
    assert not left.exists()


def test_install_without_permission_says_so(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def mkdtemp(**_: object) -> str:
        raise PermissionError(13, "Permission denied", "/usr/lib/hummingbot")

    monkeypatch.setattr(shim_files.tempfile, "mkdtemp", mkdtemp)
    result = run("install")
    sentence = "no permission to /usr/lib/hummingbot; run this as the user that installed Hummingbot"
    assert (result.exit_code, result.stderr) == (1, f"hummingbot-extended: {sentence}\n")


@pytest.mark.parametrize("modes", [("copy", "symlink"), ("symlink", "copy"), ("hook", "copy"), ("copy", "hook")])
def test_install_switches_between_modes(run: Run, root: Path, tmp_path: Path, modes: tuple[str, str]) -> None:
    for mode in modes:
        assert run("install", "--mode", mode).exit_code == 0
    found = shim_files.inspect_shim(hummingbot_folder.Hummingbot(root))
    assert found.presence.value == {"hook": "absent"}.get(modes[1], modes[1])
    assert (tmp_path / "site-packages" / hook_file.NAME).exists() == (modes[1] == "hook")
    assert run("uninstall").exit_code == 0
    assert list((tmp_path / "site-packages").iterdir()) == []


def test_hook_mode_leaves_the_folder_where_nobody_knows_which_python_that_hummingbot_has(
    run: Run, root: Path, shim: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("install")
    (root / "conf/connectors/extended_perpetual.yml").write_text("connector: extended_perpetual\n")
    assert "left in place, as keys are saved" in run("install", "--mode", "hook").output
    assert shim.is_dir()
    monkeypatch.setattr(hook_file, "imported_root", lambda: root)
    run("install", "--mode", "hook")
    assert not shim.exists()
    assert (tmp_path / "site-packages" / hook_file.NAME).exists()


@pytest.mark.parametrize("command", ["install", "uninstall"])
def test_hook_that_another_hummingbot_needs_to_log_in_stays(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    other, hook = tmp_path / "other", tmp_path / "site-packages" / hook_file.NAME
    (other / "hummingbot/connector/derivative").mkdir(parents=True)
    (other / "conf/connectors").mkdir(parents=True)
    keys = other / "conf/connectors/extended_perpetual.yml"
    keys.write_text("connector: extended_perpetual\n")
    monkeypatch.setattr(hook_file, "imported_root", lambda: other)
    hook_file.install_hook_file()
    assert f"the import hook stays: the Hummingbot in {other}" in run(command).output
    assert hook.exists()
    keys.unlink()
    run(command)
    assert not hook.exists()


def test_dangling_symlink_is_ours_and_is_repaired(run: Run, root: Path, shim: Path, tmp_path: Path) -> None:
    shim.symlink_to(tmp_path / "old/hummingbot_extended/shim/extended_perpetual")
    found = shim_files.inspect_shim(hummingbot_folder.Hummingbot(root))
    assert (found.dangling, found.is_intact, found.outdated) == (True, False, True)
    assert run("install").exit_code == 0
    assert not shim.is_symlink()


def test_shim_of_another_version_is_outdated(run: Run, root: Path, shim: Path) -> None:
    run("install")
    marker = json.loads((shim / ".hummingbot-extended.json").read_text())
    (shim / "missing.py").write_text("# older\n")
    marker["files"]["missing.py"] = shim_files.shim_hashes(shim)["missing.py"]
    (shim / ".hummingbot-extended.json").write_text(json.dumps(marker))
    found = shim_files.inspect_shim(hummingbot_folder.Hummingbot(root))
    assert (found.is_intact, found.outdated) == (True, True)


@pytest.mark.parametrize("worktree", [False, True])
def test_install_hides_the_shim_from_git_and_uninstall_undoes_it(run: Run, root: Path, worktree: bool) -> None:
    repository = root.parent / "repository" if worktree else root
    subprocess.run(["git", "init", "-q", repository], check=True)
    if worktree:
        commit = ["-c", "user.name=t", "-c", "user.email=t@t", "commit", "-q", "--allow-empty", "-m", "x"]
        subprocess.run(["git", "-C", repository, *commit], check=True)
        (linked := root.parent / "linked").parent.mkdir(exist_ok=True)
        subprocess.run(["git", "-C", repository, "worktree", "add", "-q", linked], check=True)
        (linked / ".git").rename(root / ".git")
    exclude = repository / ".git/info/exclude"
    exclude.write_text("*.swp")
    run("install")
    run("install")
    assert exclude.read_text() == f"*.swp\n{LINE}\n"
    run("uninstall")
    run("uninstall")
    assert exclude.read_text() == "*.swp\n"


def test_uninstall_leaves_what_was_changed_by_hand_and_install_recovers(run: Run, shim: Path) -> None:
    run("install")
    (shim / "__pycache__").mkdir()
    (shim / "extended_perpetual_auth.py").write_text("# mine\n")
    result = run("uninstall")
    assert f"changed by hand: {shim / 'extended_perpetual_auth.py'}" in result.output
    assert sorted(path.name for path in shim.iterdir()) == [".hummingbot-extended.json", "extended_perpetual_auth.py"]
    assert run("install").exit_code == 0
    assert (shim / "__init__.py").exists()


def test_uninstall_puts_keys_and_mentions_aside(run: Run, root: Path, tmp_path: Path) -> None:
    run("install")
    other = tmp_path / "master_account"
    (other / "connectors").mkdir(parents=True)
    (other / "connectors/extended_perpetual.yml").write_text("connector: extended_perpetual\n")
    for name in ("extended_perpetual", "extended_perpetual_testnet", "binance"):
        (root / f"conf/connectors/{name}.yml").write_text(f"connector: {name}\n")
    client = {
        "instance_id": "0e12",
        "rate_oracle_source": {"name": "extended_perpetual"},
        "paper_trade": {
            "paper_trade_exchanges": ["binance", "extended_perpetual_local"],
            "paper_trade_account_balance": {},
        },
    }
    (root / "conf/conf_client.yml").write_text(yaml.safe_dump(client))
    (root / "conf/conf_client.yml").chmod(0o600)

    assert run("uninstall", "--conf-dir", str(other)).exit_code == 0
    assert [path.name for path in (root / "conf/connectors").iterdir()] == ["binance.yml"]
    assert list((other / "connectors").iterdir()) == []
    backup = root / "conf/_extended_backup"
    assert (backup / "extended_perpetual.yml").read_text() == "connector: extended_perpetual\n"
    assert yaml.safe_load((backup / "conf_client.yml").read_text()) == client
    assert yaml.safe_load((root / "conf/conf_client.yml").read_text()) == {
        "instance_id": "0e12",
        "paper_trade": {"paper_trade_exchanges": ["binance"], "paper_trade_account_balance": {}},
    }
    assert (root / "conf/conf_client.yml").stat().st_mode & 0o777 == 0o600


def test_uninstall_changes_nothing_when_conf_client_cannot_be_read(run: Run, root: Path, shim: Path) -> None:
    run("install")
    (root / "conf/connectors/extended_perpetual.yml").touch()
    (root / "conf/conf_client.yml").write_text("a: [")
    result = run("uninstall")
    assert result.exit_code == 1
    assert "is not valid YAML" in result.stderr
    assert shim.exists()
    assert (root / "conf/connectors/extended_perpetual.yml").exists()


def test_uninstall_resets_a_rate_source_given_by_name_alone(run: Run, root: Path) -> None:
    (root / "conf/conf_client.yml").write_text("rate_oracle_source: extended_perpetual_local\ncolor: {}\n")
    run("uninstall")
    assert yaml.safe_load((root / "conf/conf_client.yml").read_text()) == {"color": {}}


def test_hummingbot_is_found_in_the_current_folder_when_python_has_none(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hummingbot_folder.importlib.util, "find_spec", lambda name: None)
    monkeypatch.chdir(root)
    assert hummingbot_folder.find_hummingbot().root == root
    monkeypatch.chdir(root.parent)
    monkeypatch.setattr(hummingbot_folder, "IMAGE_ROOT", root)
    assert hummingbot_folder.find_hummingbot().root == root
    monkeypatch.setattr(hummingbot_folder, "IMAGE_ROOT", root.parent)
    with pytest.raises(hummingbot_folder.SettingsError, match="--hummingbot-dir"):
        hummingbot_folder.find_hummingbot()


def test_half_removed_hummingbot_is_not_mistaken_for_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def find_spec(name: str) -> None:
        raise ValueError(f"{name}.__spec__ is None")

    monkeypatch.setattr(hummingbot_folder.importlib.util, "find_spec", find_spec)
    assert hummingbot_folder.imported_root() is None


@pytest.mark.parametrize(
    ("recorded", "requirement"),
    [
        ('{"url": "file:///home/me/my%20checkout", "dir_info": {}}', "/home/me/my checkout"),
        ('{"url": "https://example.org/x.git", "vcs_info": {"vcs": "git", "commit_id": "1"}}', "git+https://example.org/x.git"),
        ('{"url": "https://example.org/x.whl", "archive_info": {}}', "https://example.org/x.whl"),
        (None, "hummingbot-extended"),
    ],
)  # fmt: skip
def test_requirement_is_what_pip_was_given(
    monkeypatch: pytest.MonkeyPatch, recorded: str | None, requirement: str
) -> None:
    class Distribution:
        def read_text(self, name: str) -> str | None:
            return recorded

    monkeypatch.setattr(own_package.importlib.metadata, "distribution", lambda name: Distribution())
    assert own_package.requirement() == requirement
    assert "-m pip install --upgrade" in own_package.pip_install()


def test_one_sentence_lets_errors_of_the_program_through() -> None:
    """A bug shall show its traceback."""
    with pytest.raises(KeyError), failure.one_sentence():
        raise KeyError("bug")


@pytest.mark.parametrize("name", ["install", "uninstall", "doctor"])
def test_wrong_usage_ends_with_code_2(runner: CliRunner, name: str) -> None:
    assert runner.invoke(app, [name, "--no-such-option"]).exit_code == 2
