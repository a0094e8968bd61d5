"""`watch` and `check` called in this process, against a venue on a thread."""

import asyncio
import json
import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest
import typer
from typer.testing import CliRunner

from hummingbot_extended.cli import check, watch
from hummingbot_extended.exchange.endpoints import MAINNET, TESTNET, local_domain
from hummingbot_extended.field_check import account_steps, order_steps, public_steps
from hummingbot_extended.venue.server import PracticeVenue
from hummingbot_extended.venue.settings import VenueSettings

LOCAL = ("check", "--domain", "extended_perpetual_local")


@pytest.fixture(scope="module")
def venue() -> Iterator[PracticeVenue]:
    """A venue on a loop of its own."""
    ready, stop = threading.Event(), asyncio.Event()
    practice = PracticeVenue(VenueSettings(port=0, rate_limit=0))
    loops: list[asyncio.AbstractEventLoop] = []

    async def serve() -> None:
        loops.append(asyncio.get_running_loop())
        async with practice:
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    ready.wait(10)
    yield practice
    loops[0].call_soon_threadsafe(stop.set)
    thread.join(10)


@pytest.fixture(autouse=True)
def brief(monkeypatch, venue):
    monkeypatch.setattr(public_steps, "LISTEN_S", 0.4)
    monkeypatch.setattr(account_steps, "SNAPSHOTS_S", 0.3)
    monkeypatch.setattr(order_steps, "WAIT_S", 3.0)
    monkeypatch.setenv("EXTENDED_PERPETUAL_LOCAL_URL", venue.origin)
    for name in (check.API_KEY_ENV, check.STARK_KEY_ENV):
        monkeypatch.delenv(name, raising=False)


def invoke(*arguments: str, **options):
    app = typer.Typer()
    watch.register(app)
    check.register(app)
    return CliRunner().invoke(app, list(arguments), **options)


def test_watch_prints_lines(venue):
    result = invoke("watch", "BTC-USD", "--url", venue.origin, "--seconds", "1.5")
    assert result.exit_code == 0, result.output
    assert "BTC-USD  bid" in result.stdout


def test_watch_prints_events_as_json(venue):
    result = invoke("watch", "BTC-USD", "--domain", "extended_perpetual_local", "--seconds", "1", "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout.splitlines()[0])["market"] == "BTC-USD"


def test_watch_shows_a_live_view_on_a_terminal(venue, monkeypatch):
    shown = []
    monkeypatch.setattr("rich.live.Live.update", lambda self, view, **_: shown.append(view))
    monkeypatch.setattr(watch, "_show", watch._show_live)
    result = invoke("watch", "BTC-USD", "--url", venue.origin, "--seconds", "1")
    assert result.exit_code == 0, result.output
    assert shown


def test_watch_says_that_a_market_is_unknown(venue):
    result = invoke("watch", "NOPE-USD", "--url", venue.origin)
    assert result.exit_code == 1
    assert "no market NOPE-USD" in result.stderr


@pytest.mark.parametrize("command", [("watch", "BTC-USD", "--url", "http://127.0.0.1:9"), LOCAL])
def test_no_venue_is_one_sentence(monkeypatch, command):
    monkeypatch.setenv("EXTENDED_PERPETUAL_LOCAL_URL", "http://127.0.0.1:9")
    result = invoke(*command)
    assert result.exit_code == 1
    assert "no practice venue answers" in result.stderr


def test_watch_on_a_network_that_cannot_be_reached_says_so(monkeypatch):
    monkeypatch.setattr(
        "hummingbot_extended.client.client.find_domain",
        lambda name: replace(TESTNET, rest_url="http://127.0.0.1:9/api/v1"),
    )
    result = invoke("watch", "BTC-USD", "--domain", "extended_perpetual_testnet")
    assert result.exit_code == 1
    assert "no connection to http://127.0.0.1:9" in result.stderr


def test_check_takes_the_venues_own_keys_and_prints_steps(venue, tmp_path):
    report = tmp_path / "report.md"
    result = invoke(*LOCAL, "--orders", "--report", str(report))
    assert result.exit_code == 0, result.output
    assert "all steps passed" in result.stdout
    assert " 29 pass" in result.stdout
    assert "Whether a filled IOC emits NEW first: yes" in result.stdout
    assert venue.api_key not in result.stdout + report.read_text()


def test_check_with_a_wrong_key_of_the_environment_fails(monkeypatch):
    monkeypatch.setenv(check.API_KEY_ENV, "not-a-key-of-this-venue")
    result = invoke(*LOCAL, "--json")
    assert result.exit_code == 1
    told = json.loads(result.stdout)
    assert not told["passed"]
    assert "not-a-key-of-this-venue" not in result.stdout


def test_check_asks_for_keys_on_a_terminal_without_showing_them(venue, monkeypatch):
    """The keys are typed; the network is the venue under another name, so that they are asked for."""
    domain = replace(local_domain(venue.origin), name=TESTNET.name)
    monkeypatch.setattr("hummingbot_extended.exchange.endpoints.find_domain", lambda name: domain)
    monkeypatch.setattr(check, "sys", _Terminal())
    result = invoke("check", input=f"{venue.api_key}\n{venue.stark_private_key}\n")
    assert "API key (hidden; empty: public steps only)" in result.output
    assert venue.api_key not in result.output
    assert "the public keys are equal" in result.output
    assert result.exit_code == 0


def test_check_with_orders_on_real_money_asks_first(venue, monkeypatch):
    monkeypatch.setattr("hummingbot_extended.exchange.endpoints.find_domain", lambda name: MAINNET)
    monkeypatch.setattr(check, "sys", _Terminal())
    monkeypatch.setenv(check.API_KEY_ENV, "k")
    monkeypatch.setenv(check.STARK_KEY_ENV, "0x1")
    result = invoke("check", "--orders", input="n\n")
    assert result.exit_code == 1
    assert "real money" in result.output


def test_check_with_orders_and_without_keys_is_wrong_usage():
    result = invoke("check", "--domain", "extended_perpetual_testnet", "--orders")
    assert result.exit_code == 2
    assert check.API_KEY_ENV in result.stderr


class _Terminal:
    """What `check` asks of sys."""

    class stdin:
        @staticmethod
        def isatty() -> bool:
            return True
