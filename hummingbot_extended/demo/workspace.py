"""A private Hummingbot for the demo and the end-to-end tests.

Hummingbot keeps conf/, data/, logs/ and scripts/ beside its own package. A tree of hard links to the installed package
gives it a root of its own in a moment and a few kilobytes: nothing of an existing Hummingbot is read or changed.
"""

import importlib.util
import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

import yaml

from hummingbot_extended.errors import SettingsError

FOLDERS = ("conf/connectors", "conf/strategies", "conf/scripts", "conf/controllers", "logs", "data", "scripts", "certs")
QUIET = {
    # No message leaves this machine, and nothing is asked of exchanges the demo does not use.
    "anonymized_metrics_mode": {},
    "send_error_logs": False,
    "paper_trade": {"paper_trade_exchanges": []},
    "rate_oracle_source": {"name": "extended_perpetual_local"},
    "mqtt_bridge": {"mqtt_autostart": False},
}


def examples_root() -> Path:
    """Return the checkout, which holds scripts/ and controllers/.

    Raises SettingsError when this package is installed without them (as a wheel).
    """
    root = Path(__file__).resolve().parents[2]
    if not (root / "scripts/extended_market_maker.py").exists():
        raise SettingsError("the demo's strategies are in the checkout only: run `make demo` there")
    return root


def installed_hummingbot() -> Path:
    """Return the folder of the installed `hummingbot` package without importing it.

    Raises SettingsError when there is none in this environment.
    """
    spec = importlib.util.find_spec("hummingbot")
    if spec is None or spec.origin is None:
        raise SettingsError(
            "Hummingbot is not installed in this environment; run `make demo` in a checkout, which installs it"
        )
    return Path(spec.origin).parent


def _link_or_copy(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # another file system
        shutil.copy2(source, target)


class Workspace:
    """A Hummingbot root of its own: `root/hummingbot` (hard links), conf, data, logs, scripts, controllers."""

    def __init__(self, root: Path, environment: Mapping[str, str] | None = None) -> None:
        self.root = root
        self._environment = dict(environment or {})

    def create(self, package: Path | None = None) -> None:
        """Lay the folders and links out; `root` must be empty or absent.

        Bytecode is left out: it names the files it was compiled from. Raises SettingsError when `root` is in use.
        """
        if self.root.exists() and any(self.root.iterdir()):
            raise SettingsError(f"{self.root} is not empty; name another folder")
        self.root.mkdir(parents=True, exist_ok=True)
        shutil.copytree(
            package or installed_hummingbot(),
            self.root / "hummingbot",
            copy_function=_link_or_copy,
            ignore=shutil.ignore_patterns("__pycache__", "extended_perpetual"),
        )
        for folder in FOLDERS:
            (self.root / folder).mkdir(parents=True, exist_ok=True)
        examples = examples_root()
        shutil.copytree(examples / "scripts", self.root / "scripts", dirs_exist_ok=True)
        shutil.copytree(examples / "controllers", self.root / "controllers", dirs_exist_ok=True)
        self.write_conf("conf_client.yml", QUIET)

    def write_conf(self, name: str, content: Mapping[str, object]) -> Path:
        """Write one YAML file below conf/ and return its path."""
        path = self.root / "conf" / name
        path.write_text(yaml.safe_dump(dict(content), sort_keys=False), encoding="utf-8")
        return path

    def environment(self, **more: str) -> dict[str, str]:
        """Return the environment for a process of this Hummingbot: its package first on the path."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("EXTENDED_PERPETUAL_")}
        path = os.pathsep.join([str(self.root), str(Path(__file__).resolve().parents[2])])
        return {**inherited, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1", **self._environment, **more}

    @property
    def python(self) -> str:
        """The interpreter that runs this Hummingbot."""
        return sys.executable

    def __repr__(self) -> str:
        return f"Workspace({self.root})"
