"""Run the probe in a process of its own and read its answer."""

import json
import os
import site
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hummingbot_extended.installer.hummingbot_folder import Hummingbot

PREFIX = "hummingbot-extended-probe "
TIMEOUT_S = 120.0


@dataclass(frozen=True, slots=True)
class SavedCheck:
    """Whether Hummingbot accepts one saved connector config; `unknown` are settings in it that mean nothing."""

    error: str
    unknown: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Probe:
    """What Hummingbot itself makes of the connector. Empty strings are good news."""

    discovery: str = ""
    listed: tuple[str, ...] = ()
    registration: tuple[str, ...] = ()
    connector: str = ""
    candles: str = ""
    rate_source: str = ""
    fee_overrides: str = ""
    saved: dict[str, SavedCheck] = field(default_factory=dict)


def environment_for(hummingbot: Hummingbot) -> dict[str, str]:
    """Return an environment in which this Python imports that Hummingbot, and this package."""
    # Never the packages' own folder: entries of PYTHONPATH come before the standard library.
    packages = {Path(folder).resolve() for folder in site.getsitepackages()}
    ours = Path(__file__).resolve().parents[2]
    first = [] if hummingbot.root in packages else [str(hummingbot.root)]
    last = [] if ours in packages else [str(ours)]
    inherited = os.environ.get("PYTHONPATH", "")
    path = [*first, *(entry for entry in inherited.split(os.pathsep) if entry), *last]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path)}


def run_probe(hummingbot: Hummingbot, conf_folders: Sequence[Path]) -> Probe:
    """Import that Hummingbot in a process of its own (seconds) and return what it makes of the connector."""
    command = [sys.executable, "-P", "-m", "hummingbot_extended.shim.probe", *map(str, conf_folders)]
    try:
        result = subprocess.run(  # noqa: S603 - a fixed module of this package
            command,
            cwd=hummingbot.root,
            env=environment_for(hummingbot),
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Probe(discovery=f"importing Hummingbot took longer than {TIMEOUT_S:g} s")
    lines = [line for line in result.stdout.splitlines() if line.startswith(PREFIX)]
    if not lines:
        said = (result.stderr or result.stdout).strip().splitlines()
        return Probe(discovery=said[-1] if said else f"Hummingbot's process ended with exit code {result.returncode}")
    return _read(json.loads(lines[-1].removeprefix(PREFIX)))


def _read(answer: dict[str, object]) -> Probe:
    saved = answer.pop("saved")
    answer.pop("hummingbot")
    texts = {name: str(value) for name, value in answer.items() if isinstance(value, str)}
    lists = {name: tuple(map(str, value)) for name, value in answer.items() if isinstance(value, list)}
    checks = (
        {path: SavedCheck(str(check["error"]), tuple(map(str, check["unknown"]))) for path, check in saved.items()}
        if isinstance(saved, dict)
        else {}
    )
    return Probe(**texts, **lists, saved=checks)  # type: ignore[arg-type]
