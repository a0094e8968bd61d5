"""A server of ours as a process of its own, ended with its context."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Self

from hummingbot_extended.errors import ExtendedError

START_TIMEOUT_S = 20.0
STOP_TIMEOUT_S = 10.0


class ServerFailed(ExtendedError):
    """Raised when a server's process did not start or does not answer."""


class ServerProcess:
    """`hummingbot-extended COMMAND --json --port 0 OPTIONS`: on a free port. Secrets go into `environment`.

    `facts` is its first line: where it listens, and what else its command tells.
    """

    command: ClassVar[str]
    name: ClassVar[str]  # in sentences

    def __init__(self, *options: str, log: Path, environment: Mapping[str, str] | None = None) -> None:
        self.facts: Mapping[str, Any] = {}
        self._options = options
        self._log = log
        self._environment = {**os.environ, **(environment or {})}
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "hummingbot_extended", self.command, "--json", "--port", "0", *self._options]
        with self._log.open("w") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own command
                command, stdout=subprocess.PIPE, stderr=log, text=True, env=self._environment, start_new_session=True
            )
        line = self._process.stdout.readline() if self._process.stdout else ""
        if not line:
            self._process.wait(START_TIMEOUT_S)
            raise ServerFailed(f"{self.name} did not start: {self._log.read_text().strip()[-500:]}")
        self.facts = json.loads(line)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout:
            self._process.stdout.close()
