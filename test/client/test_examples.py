"""Every example runs against a venue, as its reader would run it, and says what it promises."""

import asyncio
import os
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
SAYS = {
    "quotes.py": "BTC-USD",
    "bars.py": "-- end of history --",
    "order_book.py": "snapshot",
    "account.py": "1 socket",
    "place_order.py": "cancelled: CANCELLED",
}


def test_every_example_is_run():
    assert {path.name for path in EXAMPLES.glob("*.py")} == set(SAYS)


@pytest.mark.parametrize("name", SAYS)
async def test_example(venue, name):
    environment = os.environ | {
        "EXTENDED_PERPETUAL_LOCAL_URL": venue.origin,
        "EXTENDED_API_KEY": venue.api_key,
        "EXTENDED_STARK_PRIVATE_KEY": venue.stark_private_key,
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-W",
        "error",
        EXAMPLES / name,
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await asyncio.wait_for(process.communicate(), 150)
    assert process.returncode == 0, output.decode()
    assert SAYS[name] in output.decode()
    assert "Traceback" not in output.decode()
