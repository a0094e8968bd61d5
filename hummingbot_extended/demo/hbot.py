"""Hummingbot's own command line (`hbot`), driven as a user would: one process a command."""

import json
import os
import secrets
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from hummingbot_extended.demo.workspace import Workspace
from hummingbot_extended.errors import ExtendedError

COMMAND_TIMEOUT_S = 150.0
# A slow or busy machine takes a minute to import Hummingbot; a stop that is cut short leaves its books unfinished.
START_TIMEOUT_S = 300.0
STOP_TIMEOUT_S = 120.0


class HbotError(ExtendedError):
    """Raised when a command of Hummingbot's CLI failed; holds what it printed."""


class Hbot:
    """One Hummingbot in a workspace: connect, start, status, stop.

    The keystore password is made up for this workspace and handed over in the environment, keys through standard
    input: neither is ever an argument.
    """

    def __init__(self, workspace: Workspace, **environment: str) -> None:
        self.workspace = workspace
        self._environment = workspace.environment(HBOT_PASSWORD=secrets.token_urlsafe(16), **environment)

    @property
    def environment(self) -> Mapping[str, str]:
        """The environment of every process of this Hummingbot; holds the keystore's password."""
        return self._environment

    def run(self, *arguments: str, stdin: str = "", timeout_s: float = COMMAND_TIMEOUT_S) -> str:
        """Run `hbot ARGUMENTS` and return what it printed. Raises HbotError when it fails or takes too long."""
        return self._run("hummingbot.cli.main", "hbot", arguments, stdin, timeout_s)

    def run_ours(self, *arguments: str, timeout_s: float = COMMAND_TIMEOUT_S) -> str:
        """Run `hummingbot-extended ARGUMENTS` in this Hummingbot's environment, with the same contract."""
        return self._run("hummingbot_extended", "hummingbot-extended", arguments, "", timeout_s)

    def _run(self, module: str, shown: str, arguments: Sequence[str], stdin: str, timeout_s: float) -> str:
        command = [self.workspace.python, "-m", module, *arguments]
        try:
            result = subprocess.run(  # noqa: S603 - a fixed module of this environment
                command,
                cwd=self.workspace.root,
                env=self._environment,
                input=stdin,
                capture_output=True,
                text=True,
                timeout=timeout_s,
                check=False,
                start_new_session=True,  # Ctrl-C is ours: it must not cut a `hbot stop` short
            )
        except subprocess.TimeoutExpired as error:
            raise HbotError(f"{shown} {arguments[0]} did not end within {timeout_s:g} s") from error
        if result.returncode:
            said = (result.stdout + result.stderr).strip()
            raise HbotError(f"{shown} {arguments[0]} ended with exit code {result.returncode}: {said[-2000:]}")
        return result.stdout

    def connect(self, connector: str, keys: Mapping[str, str]) -> str:
        """Store the keys of a connector, then have Hummingbot test them. Raises HbotError when they are refused."""
        self.run("connect", connector, "--keys-stdin", stdin=json.dumps(dict(keys)))
        table = self.run("connect")
        if "yes" not in table.split(connector, 1)[-1].splitlines()[0].replace("True", "yes").split("no", 1)[0]:
            raise HbotError(f"hbot connect refused the keys: {table.strip()}")
        return table

    def start(self, configuration: str) -> None:
        """Start a strategy detached and return when it runs."""
        self.run("start", configuration, "--timeout", f"{START_TIMEOUT_S:g}", "--json", timeout_s=START_TIMEOUT_S + 30)

    def stop(self) -> None:
        """Stop the strategy: Hummingbot cancels its orders and ends."""
        self.run("stop", "--timeout", f"{STOP_TIMEOUT_S:g}", "--force", "--json", timeout_s=STOP_TIMEOUT_S + 30)

    @property
    def pid(self) -> int | None:
        """The process of the running engine, or None."""
        path = self.workspace.root / "data/bot/bot.pid"
        return int(path.read_text()) if path.exists() else None

    def status(self, wait_s: float = 3.0) -> dict[str, object]:
        """Ask the running engine for a fresh snapshot (SIGUSR1, as `hbot status` does) and return it.

        Returns the last snapshot when the engine does not answer within `wait_s`, {} when there is none.
        """
        path, asked_s = self.workspace.root / "data/bot/status.json", time.time()
        if (pid := self.pid) is not None:
            os.kill(pid, signal.SIGUSR1)
        deadline_s = time.monotonic() + wait_s
        while time.monotonic() < deadline_s:
            snapshot = _read_json(path)
            if float(snapshot.get("updated_at", 0.0)) >= asked_s:  # type: ignore[arg-type]
                return snapshot
            time.sleep(0.05)
        return _read_json(path)

    def log_text(self) -> str:
        """Return everything this Hummingbot logged."""
        return "\n".join(path.read_text(errors="replace") for path in sorted((self.workspace.root / "logs").glob("*")))

    def database(self, configuration: str) -> Path:
        """Return the path of the trades database of a configuration."""
        return self.workspace.root / "data" / f"{Path(configuration).stem}.sqlite"


def _read_json(path: Path) -> dict[str, object]:
    try:
        content = json.loads(path.read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return {}
    return content if isinstance(content, dict) else {}
