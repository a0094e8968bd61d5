"""An exchange of ccxt as a source: a hub in ccxt's own environment reads the venue by ccxt.pro's `extended`."""

import asyncio
import json
import os
from decimal import Decimal
from pathlib import Path

import pytest

from hummingbot_extended.errors import SettingsError
from hummingbot_extended.hub.service import Hub
from hummingbot_extended.hub.settings import HubSettings
from hummingbot_extended.venue.faults import FaultKind, FaultSpec
from test.hub.core_kit import MARKET, serving

ROOT = Path(__file__).parents[2]


@pytest.mark.clients
@pytest.mark.slow
async def test_every_kind_comes_from_ccxt_and_again_after_a_loss() -> None:
    python = ROOT / ".venv-ccxt/bin/python"
    assert python.exists(), f"{python} is missing: run make clients"
    pipe = asyncio.subprocess.PIPE
    async with serving() as venue:
        environ = {**os.environ, "VENUE_FACTS": json.dumps(venue.facts()), "PYTHONPATH": str(ROOT)}
        script = Path(__file__).with_name("ccxt_hub.py")
        process = await asyncio.create_subprocess_exec(python, script, env=environ, stdout=pipe, stderr=pipe)
        assert process.stdout is not None
        try:
            async with asyncio.timeout(90):
                first = await process.stdout.readline()
            if first.strip() == b"every kind came":
                venue.core.plan.add(FaultSpec(kind=FaultKind.CUT, count=20), venue.core.now_ms())
            async with asyncio.timeout(90):
                out, errors = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        assert process.returncode == 0, errors.decode()[-3000:]
        told = {t.id: t for t in venue.engine.queries.public_trades(MARKET, 10**9)}
    seen = json.loads(out.splitlines()[-1])
    assert seen["providers"] == ["ccxt:extended"]
    assert seen["books_are_snapshots"]
    assert seen["crossed"] == 0
    assert seen["candles"] == 2
    ids = [trade[0] for trade in seen["trades"]]
    assert len(ids) == len(set(ids)) >= 5
    for trade_id, price, size, _side in seen["trades"]:
        assert (Decimal(price), Decimal(size)) == (told[trade_id].price, told[trade_id].qty)


async def test_without_ccxt_the_source_says_what_to_install() -> None:
    with pytest.raises(SettingsError, match=r"hummingbot-extended\[ccxt\]"):
        async with Hub(HubSettings(sources=("ccxt:binanceusdm",))):
            pass
