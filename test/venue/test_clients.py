"""The official SDK 2.6.0 and ccxt 4.5.90, in environments of their own, trade on the venue, only base URLs changed.

Their environments come from `make clients` (test/clients/*.lock).
"""

import asyncio
import json
import os
from pathlib import Path
from typing import Any

import pytest

from hummingbot_extended.venue.server import PracticeVenue
from hummingbot_extended.venue.settings import VenueSettings

ROOT = Path(__file__).parents[2]
CLIENTS = Path(__file__).with_name("clients")
pytestmark = [pytest.mark.clients, pytest.mark.slow]


async def run_client(name: str) -> dict[str, Any]:
    """Run a client's script against a living venue and return what it saw."""
    python = ROOT / f".venv-{name}/bin/python"
    assert python.exists(), f"{python} is missing: run make clients"
    async with PracticeVenue(VenueSettings(port=0)) as venue:
        facts = {**os.environ, "VENUE_FACTS": json.dumps(venue.facts())}
        pipes = {"stdout": asyncio.subprocess.PIPE, "stderr": asyncio.subprocess.PIPE}
        process = await asyncio.create_subprocess_exec(python, CLIENTS / f"{name}_client.py", env=facts, **pipes)
        out, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()[-3000:]
    return json.loads(out.splitlines()[-1])


async def test_official_sdk_reads_trades_and_streams() -> None:
    seen = await run_client("sdk")
    assert seen["markets"] == ["BTC-USD", "ETH-USD", "XAU-USD", "SPX500m-USD"]
    assert seen["account_opening"] == ["ORDER", "BALANCE", "POSITION"]
    assert seen["book_types"] == ["SNAPSHOT", "DELTA", "DELTA"]
    assert [seen[step] for step in ("resting", "cancelled", "mass_cancelled", "taken", "bracket", "closed")] == [
        "NEW", "CANCELLED", "CANCELLED", "FILLED", "NEW", "FILLED",
    ]  # fmt: skip
    assert seen["edited"] == ["CANCELLED", "NEW"]
    assert seen["position"] == ["LONG", "0.00100"]
    assert seen["positions_after"] == 0
    assert seen["fee_is_exact"]
    assert seen["wrong_signature"]
    assert seen["wrong_api_key"]
    assert seen["rpc_breaks"] == 0
    assert seen["rpc_subscriptions"] == 3
    assert seen["blocking_placed"] == "NEW"
    assert seen["blocking_cancelled"]


async def test_ccxt_reads_trades_and_watches() -> None:
    seen = await run_client("ccxt")
    assert "BTC/USDC:USDC" in seen["markets"]
    assert seen["bought"] == 0.001
    assert seen["position"][0][0] == "long"
    assert seen["positions_after"] == 0
    assert seen["fee_rate"] == 0.00035  # the taker's 0.00025 and the builder's 0.0001 that ccxt adds to every order
    assert not seen["crossed"]
    assert seen["watched_order"] == "BTC/USDC:USDC"
    assert seen["watched_fill"] == "taker"
    assert seen["watched_position"] == "long"
    wanted = ("too_small", "wrong_signature", "wrong_api_key", "book_goes_on", "watched_trades", "watched_balance")
    assert [name for name in wanted if not seen[name]] == []
