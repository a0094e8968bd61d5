"""`hummingbot-extended hub` as a person meets it: what it refuses in one sentence, and the link that it prints."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import aiohttp
import pytest

from hummingbot_extended.cli.hub import API_KEY_ENV, TOKEN_ENV
from hummingbot_extended.venue.server import PracticeVenue
from hummingbot_extended.venue.settings import VenueSettings

TOKEN = "correct-horse-battery"
NOWHERE = "http://127.0.0.1:9"
HUB = (sys.executable, "-m", "hummingbot_extended", "hub", "--port", "0")


def environment(origin: str, **more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in (API_KEY_ENV, TOKEN_ENV)}
    return {**kept, "EXTENDED_PERPETUAL_LOCAL_URL": origin, "COLUMNS": "200", **more}


@pytest.mark.parametrize(
    ("options", "more", "sentence"),
    [
        ((), {}, "is the practice venue running"),
        (("--account",), {}, f"set {API_KEY_ENV}"),
        (("--account",), {API_KEY_ENV: "key"}, f"set {TOKEN_ENV}"),
    ],
    ids=["no venue", "no key", "no token"],
)
def test_what_is_missing_is_one_sentence(options: tuple[str, ...], more: dict[str, str], sentence: str) -> None:
    result = subprocess.run(
        [*HUB, *options], env=environment(NOWHERE, **more), capture_output=True, text=True, timeout=50, check=False
    )
    assert result.returncode == 1
    assert result.stderr.startswith("hub: ")
    assert sentence in result.stderr
    assert "Traceback" not in result.stderr


async def test_it_prints_a_link_without_its_token_and_stops_on_a_signal() -> None:
    async with PracticeVenue(VenueSettings(port=0)) as venue, aiohttp.ClientSession() as http:
        env = environment(venue.origin, **{API_KEY_ENV: venue.api_key, TOKEN_ENV: TOKEN})
        process = await asyncio.create_subprocess_exec(*HUB, "--account", env=env, stdout=asyncio.subprocess.PIPE)
        assert process.stdout is not None
        said = ""
        while "Role" not in said:
            said += (await process.stdout.readline()).decode()
        assert not any(secret in said for secret in (TOKEN, venue.api_key))
        assert "/uvloop/" in Path(f"/proc/{process.pid}/maps").read_text()  # the loop that the faces are tested on
        url, code = said.split("Page")[1].split()[0].split("/#code=")
        async with http.post(f"{url}/page/token", data=code) as reply:
            assert await reply.json() == {"token": TOKEN}
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(30):
            said = (await process.stdout.read()).decode()
            assert await process.wait() == 0
        assert f"the value of {TOKEN_ENV}" in said  # what another browser is to enter
        assert TOKEN not in said
