"""The hub beside the demo: it shows the venue's market and the bot's account, to who has the link, and ends with it."""

import json
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from hummingbot_extended.demo.hub_process import HubProcess
from hummingbot_extended.demo.venue_process import VenueProcess


def answer(url: str, *, data: str | None = None, token: str = "") -> dict[str, object]:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    request = urllib.request.Request(url, None if data is None else data.encode(), headers)
    with urllib.request.urlopen(request, timeout=20) as reply:
        return json.load(reply)


def test_the_link_opens_a_page_of_the_venue_and_nothing_is_left(tmp_path: Path) -> None:
    with VenueProcess(log=tmp_path / "venue.log") as venue:
        with HubProcess(venue, "BTC-USD", log=tmp_path / "hub.log") as hub:
            url, _, code = hub.page_url.partition("/#code=")
            with pytest.raises(urllib.error.HTTPError, match="401"):
                answer(f"{url}/streamer/status")
            token = str(answer(f"{url}/page/token", data=code)["token"])
            status = answer(f"{url}/streamer/status", token=token)
            assert (status["domain"], status["symbols"]) == ("extended_perpetual_local", ["BTC-USD"])
            request = urllib.request.Request(f"{url}/sse/account", headers={"Authorization": f"Bearer {token}"})
            with urllib.request.urlopen(request, timeout=20) as stream:
                while not (line := stream.readline()).startswith(b"data: "):
                    pass
            assert json.loads(line[6:]).keys() >= {"orders", "fills", "positions", "balance"}
        with pytest.raises(urllib.error.URLError):
            answer(f"{url}/healthz")
    assert token not in (tmp_path / "hub.log").read_text()
