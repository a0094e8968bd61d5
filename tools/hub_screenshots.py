"""Screenshots of the hub's page for the README, made from a run of the demo by a headless Chromium.

    make screenshots    or    python -m tools.hub_screenshots [--out docs/images] [--seconds 100]

The demo runs as `make demo` does; the pictures are taken while its bot trades, and its audit must agree as always.
"""

import argparse
import asyncio
import re
import tempfile
from pathlib import Path

from hummingbot_extended.demo.runner import Demo, Moment
from tools.browser import Page, browse

# Name of the picture, place on the page, width and height (CSS pixels), whether a phone.
SHOTS = (
    ("hub-dark.png", "?theme=dark#market=BTC-USD&frame=1m", 1200, 800, False),
    ("hub-light.png", "?theme=light#market=BTC-USD&frame=1m", 1200, 800, False),
    ("hub-phone.png", "?theme=dark#market=BTC-USD&frame=5m", 390, 844, True),
)
IS_FILLED = (
    "document.getElementById('last').textContent !== '–' && document.querySelectorAll('#book tbody tr').length > 4"
    " && document.querySelectorAll('#trades tbody tr').length > 0 && document.querySelector('#sources tbody tr')"
    " && document.getElementById('bar').textContent"
)
HAS_ACCOUNT = "document.querySelectorAll('#fills tbody tr').length > 4"
HAS_BOTH_ORDERS = "document.querySelectorAll('#orders tbody tr td.up, #orders tbody tr td.down').length > 1"
SETTLE_S = 3.0  # of live data, after everything has something


async def shoot_all(page: Page, link: str, out: Path) -> None:
    """Write every screenshot of the page that `link` opens."""
    await page.open(link)
    await page.until(f"Boolean({IS_FILLED}) && {HAS_ACCOUNT}", deadline_s=120)
    url = link.partition("#")[0]
    for name, place, width, height, phone in SHOTS:
        await page.open(f"{url}{place}", width=width, height=height, phone=phone)  # the tab keeps the token
        await page.until(f"Boolean({IS_FILLED}) && {HAS_ACCOUNT}")
        await asyncio.sleep(SETTLE_S)
        await page.until(HAS_BOTH_ORDERS)
        await page.shoot(out / name)
        print(out / name, flush=True)


async def shoot_demo(out: Path, seconds: float) -> None:
    """Run the demo and take the screenshots while it trades. Raises SystemExit when its audit does not agree."""
    loop = asyncio.get_running_loop()
    link: asyncio.Future[str] = loop.create_future()

    def tell(text: str) -> None:
        if found := re.search(r"http\S+", text):
            loop.call_soon_threadsafe(link.set_result, found[0])

    def show(moment: Moment) -> None:
        pass

    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        demo = Demo(Path(folder) / "run", seconds=seconds, book=None, step=print, tell=tell, show=show)
        running = asyncio.create_task(asyncio.to_thread(demo.run), name="demo")
        await asyncio.wait({running, link}, return_when=asyncio.FIRST_COMPLETED)
        try:
            if link.done():
                async with browse() as page:
                    await shoot_all(page, link.result(), out)
        finally:
            result = await running
        if not result.agrees:
            raise SystemExit(f"the demo's audit does not agree: {result.differences}")


def main() -> None:
    """Read the arguments and take the screenshots."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("docs/images"))
    parser.add_argument("--seconds", type=float, default=100.0, help="how long the bot trades")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    asyncio.run(shoot_demo(options.out, options.seconds))


if __name__ == "__main__":
    main()
