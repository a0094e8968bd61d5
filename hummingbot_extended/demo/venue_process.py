"""The practice venue as a process of its own, and its control API."""

import json
import subprocess
import sys
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from hummingbot_extended.errors import ExtendedError

START_TIMEOUT_S = 20.0
STOP_TIMEOUT_S = 10.0


class VenueFailed(ExtendedError):
    """Raised when the venue's process did not start or does not answer."""


class VenueProcess:
    """`hummingbot-extended venue --json` on a free port, ended with the context.

    `facts` is the venue's first line: URLs, keys, vault and chain.
    """

    def __init__(self, *options: str, log: Path) -> None:
        self._options = options
        self._log = log
        self.facts: Mapping[str, Any] = {}
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "hummingbot_extended", "venue", "--json", "--port", "0", *self._options]
        with self._log.open("w") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own command
                command, stdout=subprocess.PIPE, stderr=log, text=True, start_new_session=True
            )
        line = self._process.stdout.readline() if self._process.stdout else ""
        if not line:
            self._process.wait(START_TIMEOUT_S)
            raise VenueFailed(f"the practice venue did not start: {self._log.read_text().strip()[-500:]}")
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

    @property
    def origin(self) -> str:
        """Scheme, host and port, as EXTENDED_PERPETUAL_LOCAL_URL wants it."""
        return str(self.facts["rest_url"]).removesuffix("/api/v1")

    def get(self, path: str) -> Any:
        """Return the `data` of a GET on the venue, e.g. "/practice/ledger". Raises VenueFailed."""
        return self._ask(path, None)

    def post(self, path: str, body: Mapping[str, object]) -> Any:
        """Return the `data` of a POST with a JSON body, e.g. "/practice/funding". Raises VenueFailed."""
        return self._ask(path, json.dumps(dict(body)).encode())

    def _ask(self, path: str, body: bytes | None) -> Any:
        headers = {"User-Agent": "hummingbot-extended demo", "Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.origin}{path}", data=body, headers=headers)  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310 - loopback, http
                return json.load(response)["data"]
        except OSError as error:
            raise VenueFailed(f"the practice venue does not answer {path}: {error}") from error
