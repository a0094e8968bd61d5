"""install, doctor and uninstall on real Hummingbots in every layout that users have."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from test.install.hummingbots import NAMES, Environment, make_checkout, make_environment, make_root

PARTS = ("hummingbot", "shim", "discovery", "connector", "registration", "candles", "rate oracle", "fee overrides")


def pip_install(folder: Path, wheel: Path) -> tuple[Environment, list[str]]:
    """Hummingbot and this package in one environment; so it is in hummingbot-api's."""
    return make_environment(folder / "env", wheel), []


def source_checkout(folder: Path, wheel: Path) -> tuple[Environment, list[str]]:
    """A git checkout that its environment finds by a path file (`conda develop .`)."""
    root = make_checkout(folder / "hummingbot-checkout")
    environment = make_environment(folder / "env", wheel, root=root)
    (environment.site / "conda.pth").write_text(f"{root}\n")
    return environment, []


def editable_install(folder: Path, wheel: Path) -> tuple[Environment, list[str]]:
    """`pip install -e`: a finder among the packages that maps `hummingbot` to the checkout."""
    root = make_checkout(folder / "editable checkout")
    environment = make_environment(folder / "env", wheel, root=root)
    finder = environment.site / "__editable___hummingbot_finder.py"
    finder.write_text(
        "import sys\nfrom importlib.machinery import PathFinder\n\n"
        "class Finder:\n    @classmethod\n    def find_spec(cls, name, path=None, target=None):\n"
        f"        return PathFinder.find_spec(name, [{str(root)!r}]) if name == 'hummingbot' else None\n\n"
        "sys.meta_path.append(Finder)\n"
    )
    (environment.site / "__editable__.hummingbot.pth").write_text("import __editable___hummingbot_finder\n")
    return environment, []


def image(folder: Path, wheel: Path) -> tuple[Environment, list[str]]:
    """The official image: Hummingbot in a home folder, put on the path by its own scripts only."""
    root = make_root(folder / "home/hummingbot")
    environment = make_environment(folder / "env", wheel, root=root)
    return environment, ["--hummingbot-dir", str(root)]


LAYOUTS = (pip_install, source_checkout, editable_install, image)


def files_of(root: Path) -> dict[str, tuple[int, int]]:
    """Return what lies below `root`, with inode and time of change, without bytecode and git's own."""
    return {
        str(path.relative_to(root)): (path.lstat().st_ino, path.lstat().st_mtime_ns)
        for path in root.rglob("*")
        if not path.is_dir() and "__pycache__" not in path.parts and ".git" not in path.parts
    }


@pytest.mark.slow
@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.__name__)
def test_install_doctor_and_uninstall_in_each_layout(
    tmp_path: Path, wheel: Path, layout: Callable[[Path, Path], tuple[Environment, list[str]]]
) -> None:
    environment, named = layout(tmp_path, wheel)
    before = files_of(environment.root / "hummingbot")

    for _ in range(2):  # repeatable
        result = environment.extended("install", *named)
        assert (result.code, result.err) == (0, "")
    new = {name for name in files_of(environment.root / "hummingbot") if name not in before}
    assert {Path(name).parent.as_posix() for name in new} == {"connector/derivative/extended_perpetual"}
    assert _untracked(environment) == []

    code, findings = environment.doctor(*named, INSTALLATION_TYPE="docker" if layout is image else "")
    assert (code, {check: findings[check][0]["status"] for check in PARTS}) == (0, dict.fromkeys(PARTS, "ok"))
    assert findings["discovery"][0]["detail"] == f"Hummingbot lists {', '.join(NAMES)}"
    assert layout.__name__.split("_")[0].replace("editable", "source") in findings["hummingbot"][0]["detail"]

    result = environment.extended("uninstall", *named)
    assert (result.code, result.err) == (0, "")
    assert files_of(environment.root / "hummingbot") == before
    assert not environment.root.joinpath("hummingbot/connector/derivative/extended_perpetual").exists()


def _untracked(environment: Environment) -> list[str]:
    if not (environment.root / ".git").exists():
        return []
    return os.popen(f"git -C '{environment.root}' status --short").read().splitlines()


@pytest.mark.slow
def test_hook_mode_writes_nothing_into_hummingbot_and_can_be_switched_off(tmp_path: Path, wheel: Path) -> None:
    environment, _ = pip_install(tmp_path, wheel)
    environment.extended("install")
    before = files_of(environment.root / "hummingbot")
    result = environment.extended("install", "--mode", "hook")
    assert "import hook" in result.out
    assert not {name for name in files_of(environment.root / "hummingbot") if "extended_perpetual" in name}

    code, findings = environment.doctor()
    assert (code, {check: findings[check][0]["status"] for check in PARTS}) == (0, dict.fromkeys(PARTS, "ok"))
    assert "import hook" in findings["shim"][0]["detail"]

    code, findings = environment.doctor(HUMMINGBOT_EXTENDED_DISABLE_HOOK="1")
    assert (code, findings["discovery"][0]["status"]) == (1, "fail")

    environment.extended("uninstall")
    assert not list(environment.site.glob("*hook*.pth"))
    assert environment.run("-c", "print('no noise')").said == "no noise\n"
    assert set(before) > set(files_of(environment.root / "hummingbot"))


@pytest.mark.slow
def test_symlink_mode_follows_the_package(tmp_path: Path, wheel: Path) -> None:
    environment, _ = source_checkout(tmp_path, wheel)
    environment.extended("install")
    assert environment.extended("install", "--mode", "symlink").code == 0
    shim = environment.root / "hummingbot/connector/derivative/extended_perpetual"
    assert shim.resolve() == environment.site / "hummingbot_extended/shim/extended_perpetual"
    assert _untracked(environment) == []
    code, findings = environment.doctor()
    assert (code, findings["discovery"][0]["status"]) == (0, "ok")
    environment.extended("uninstall")
    assert not shim.is_symlink()
    assert (environment.site / "hummingbot_extended/shim/extended_perpetual/__init__.py").exists()
