"""Screenshots of the hub's page for the README, made from a running venue and hub by a headless Chromium.

    python -m tools.hub_screenshots [--hub http://127.0.0.1:8000] [--out docs/images] [--seconds 20]

Without --hub it starts a practice venue and a hub in this process, and lets them run for a while first.
"""

import argparse
import asyncio
import os
from pathlib import Path

from tools.browser import browse

# Name of the picture, place on the page, width and height (CSS pixels), whether a phone.
SHOTS = (
    ("hub-light.png", "?theme=light#market=BTC-USD&frame=1m", 1440, 1000, False),
    ("hub-dark.png", "?theme=dark#market=BTC-USD&frame=1m", 1440, 1000, False),
    ("hub-phone.png", "?theme=dark#market=ETH-USD&frame=5m", 390, 844, True),
)
IS_FILLED = (
    "document.getElementById('last').textContent !== '–' && document.querySelectorAll('#book tbody tr').length > 4"
    " && document.querySelectorAll('#trades tbody tr').length > 0 && document.querySelector('#sources tbody tr')"
    " && document.getElementById('bar').textContent"
)
SETTLE_S = 3.0  # of live data, after everything has something


async def shoot_all(hub_url: str, out: Path) -> None:
    """Write every screenshot."""
    for name, place, width, height, phone in SHOTS:
        async with browse() as page:
            await page.open(f"{hub_url}/{place}", width=width, height=height, phone=phone)
            await page.until(f"Boolean({IS_FILLED})")
            await asyncio.sleep(SETTLE_S)
            await page.shoot(out / name)
        print(out / name)


async def with_own_hub(out: Path, seconds: float) -> None:
    """Start a venue and a hub, let them run, take the screenshots."""
    from hummingbot_extended.hub.face_settings import FaceSettings
    from hummingbot_extended.hub.server import HubServer
    from hummingbot_extended.hub.service import Hub
    from hummingbot_extended.hub.settings import HubSettings
    from hummingbot_extended.venue.server import PracticeVenue
    from hummingbot_extended.venue.settings import VenueSettings

    async with PracticeVenue(VenueSettings(port=0)) as venue:
        os.environ["EXTENDED_PERPETUAL_LOCAL_URL"] = venue.origin
        async with Hub(HubSettings(markets=("BTC-USD", "ETH-USD"))) as hub:
            async with HubServer(hub, FaceSettings(port=0)) as server:
                await asyncio.sleep(seconds)
                await shoot_all(server.url, out)


def main() -> None:
    """Read the arguments and take the screenshots."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hub", help="a running hub's address; by default one is started")
    parser.add_argument("--out", type=Path, default=Path("docs/images"))
    parser.add_argument("--seconds", type=float, default=20.0, help="how long an own hub runs before the first one")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    asyncio.run(shoot_all(options.hub, options.out) if options.hub else with_own_hub(options.out, options.seconds))


if __name__ == "__main__":
    main()
