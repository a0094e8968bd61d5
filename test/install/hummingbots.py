"""Real Hummingbots to install into: trees of hard links to the installed package, in the layouts that users have.

An environment is a venv whose packages are links to this one's, so it takes a moment to make. This package gets in as
a wheel, as users get it in.
"""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import venv
import zipfile
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
PACKAGE = Path(importlib.util.find_spec("hummingbot").origin).parent
SITE = PACKAGE.parent
NAMES = ["extended_perpetual", "extended_perpetual_testnet", "extended_perpetual_local"]
FOLDERS = ("conf/connectors", "conf/strategies", "conf/scripts", "conf/controllers", "scripts", "logs", "data")
PASSWORD = "practice"


def link_tree(source: Path, target: Path) -> None:
    """Copy a folder by hard links, bytecode included: valid, as sizes and times stay the same, and it saves seconds."""
    ignore = shutil.ignore_patterns("extended_perpetual")
    shutil.copytree(source, target, copy_function=link_file, ignore=ignore)


def link_file(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def make_root(root: Path) -> Path:
    """Make a folder as Hummingbot's image and checkouts have it."""
    link_tree(PACKAGE, root / "hummingbot")
    for folder in FOLDERS:
        (root / folder).mkdir(parents=True, exist_ok=True)
    return root


def make_checkout(root: Path) -> Path:
    """Make a git checkout, with nothing but VERSION tracked (adding 3,000 files takes seconds)."""
    make_root(root)
    for command in (
        ["init", "-q"],
        ["add", "hummingbot/VERSION"],
        ["-c", "user.name=t", "-c", "user.email=t@t", "commit", "-q", "-m", "release"],
    ):
        subprocess.run(["git", "-C", root, *command], check=True)
    (root / ".git/info/exclude").write_text("/hummingbot/*/\n/hummingbot/*.py\n/conf\n/logs\n/data\n/scripts\n")
    return root


def find_uv() -> str:
    """Return uv: named by UV, of `make`, or on the path."""
    made = PROJECT / ".tools/uv"
    found = os.environ.get("UV") or (str(made) if made.exists() else shutil.which("uv"))
    assert found, "uv is needed: run `make test`, or name it in the variable UV"
    return found


def build_wheel(folder: Path) -> Path:
    """Build this project's wheel from a copy, so that nothing is written into the checkout."""
    ignore = shutil.ignore_patterns(".*", "build", "dist", "*.egg-info", "__pycache__", "test", "bench")
    shutil.copytree(PROJECT, folder / "source", ignore=ignore)
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, folder / "source"]
    subprocess.run(command, check=True, capture_output=True)
    return next(folder.glob("hummingbot_extended-*.whl"))


@dataclass(frozen=True)
class Result:
    """What a command printed and how it ended."""

    code: int
    out: str
    err: str

    @property
    def said(self) -> str:
        return self.out + self.err


@dataclass(frozen=True)
class Environment:
    """A venv of links. `root` is the Hummingbot that its commands work in, first on the path if `on_path`."""

    folder: Path
    root: Path
    on_path: bool = False

    @property
    def site(self) -> Path:
        return self.folder / f"lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages"

    @property
    def python(self) -> Path:
        return self.folder / "bin/python"

    def run(self, *arguments: str | Path, stdin: str = "", **environ: str) -> Result:
        """Run this environment's Python in `root`."""
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("EXTENDED_PERPETUAL_", "HUMMINGBOT_EXTENDED", "PYTHON", "COVERAGE", "COV_CORE"))
        }
        path = {"PYTHONPATH": str(self.root)} if self.on_path else {}
        result = subprocess.run(
            [self.python, *arguments],
            cwd=self.root,
            env={**inherited, **path, "HBOT_PASSWORD": PASSWORD, "COLUMNS": "300", **environ},
            input=stdin,
            capture_output=True,
            text=True,
            timeout=55,
        )
        return Result(result.returncode, result.stdout, result.stderr)

    def extended(self, *arguments: str | Path, **environ: str) -> Result:
        """Run `hummingbot-extended ARGUMENTS`."""
        return self.run("-m", "hummingbot_extended", *arguments, **environ)

    def doctor(self, *arguments: str | Path, **environ: str) -> tuple[int, dict[str, list[dict[str, str]]]]:
        """Run the doctor; return its exit code and its findings by check."""
        result = self.extended("doctor", "--json", "--offline", *arguments, **environ)
        findings: dict[str, list[dict[str, str]]] = {}
        for finding in json.loads(result.out)["checks"]:
            findings.setdefault(finding["check"], []).append(finding)
        return result.code, findings

    def hbot(self, *arguments: str, stdin: str = "", **environ: str) -> Result:
        """Run Hummingbot's own command line."""
        return self.run("-m", "hummingbot.cli.main", *arguments, stdin=stdin, **environ)

    def uv(self, *arguments: str | Path) -> str:
        """Run `uv pip ARGUMENTS` on this environment without any index."""
        command = [find_uv(), "pip", *arguments, "--python", self.python]
        result = subprocess.run(command, capture_output=True, text=True, timeout=55)
        assert result.returncode == 0, result.stderr
        return result.stdout + result.stderr


def make_environment(
    folder: Path, wheel: Path | None, *, root: Path | None = None, on_path: bool = False
) -> Environment:
    """Make an environment with every package of this one but ours; Hummingbot is in it, unless it is at `root`."""
    venv.create(folder, symlinks=True)
    environment = Environment(folder, root or folder, on_path)
    site = environment.site
    for path in SITE.iterdir():
        is_hummingbot = path.name == "hummingbot" or path.name.startswith("hummingbot-")
        if "hummingbot_extended" in path.name or path.name == "__pycache__" or (is_hummingbot and root is not None):
            continue
        if path.suffix == ".dist-info":
            link_tree(path, site / path.name)  # uv does not follow links to these
        elif not is_hummingbot:
            (site / path.name).symlink_to(path)
    if root is None:
        make_root(site)
        environment = Environment(folder, site)
    if wheel is not None:
        zipfile.ZipFile(wheel).extractall(site)  # what installing a pure wheel comes to
    return environment
