"""The practice venue as a process of its own, and its control API."""

import json
import urllib.request
from collections.abc import Mapping
from typing import Any

from hummingbot_extended.demo.server_process import ServerFailed, ServerProcess


class VenueProcess(ServerProcess):
    """`hummingbot-extended venue`; `facts` are its URLs, keys, vault and chain."""

    command = "venue"
    name = "the practice venue"

    @property
    def origin(self) -> str:
        """Scheme, host and port, as EXTENDED_PERPETUAL_LOCAL_URL wants it."""
        return str(self.facts["rest_url"]).removesuffix("/api/v1")

    def get(self, path: str) -> Any:
        """Return the `data` of a GET on the venue, e.g. "/practice/ledger". Raises ServerFailed."""
        return self._ask(path, None)

    def post(self, path: str, body: Mapping[str, object]) -> Any:
        """Return the `data` of a POST with a JSON body, e.g. "/practice/funding". Raises ServerFailed."""
        return self._ask(path, json.dumps(dict(body)).encode())

    def _ask(self, path: str, body: bytes | None) -> Any:
        headers = {"User-Agent": "hummingbot-extended demo", "Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.origin}{path}", data=body, headers=headers)  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310 - loopback, http
                return json.load(response)["data"]
        except OSError as error:
            raise ServerFailed(f"the practice venue does not answer {path}: {error}") from error
