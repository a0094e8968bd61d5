"""A trial by SIGKILL: the bot dies around a POST, again and again, and no order may be orphaned.

    python -m test.e2e.kill_trial --kills 50

What a death leaves open is tracked by the next life (Hummingbot restores what its database has, the connector finds the
rest) or closed by it. So when the last life, which places nothing, is stopped as a user stops it, nothing may be open.
"""

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from hummingbot_extended.demo.hbot import Hbot
from hummingbot_extended.demo.runner import account_ledger, prepare_hummingbot
from hummingbot_extended.demo.venue_process import VenueProcess

SCRIPT = Path(__file__).with_name("scripts") / "order_storm.py"
CONFIGURATION = "conf_order_storm.yml"
PATIENCE_S = 120.0  # for a life to start and send an order, on a busy machine
SETTLE_S = 25.0  # for the last life to start, be ready and find what was left
OPEN = ("NEW", "PARTIALLY_FILLED", "UNTRIGGERED")
SLOW_POST = {"kind": "slow_reply", "path": "POST /api/v1/user/order", "value": 0.25}


class KillTrial:
    """One venue that lives on, one bot that dies `kills` times."""

    def __init__(self, folder: Path, kills: int, seed: int) -> None:
        self.folder = folder
        self.kills = kills
        self.seed = seed
        self.random = random.Random(seed)
        self.left_open: list[int] = []  # orders that each death left open

    def run(self) -> list[str]:
        """Return the orders that no life took care of (external ids); empty: the trial is passed."""
        options = ("--funding-interval", "24h", "--seed", str(self.seed), "--balance", "1000000")
        with VenueProcess(*options, log=self.folder / "venue.log") as venue:
            hbot = prepare_hummingbot(self.folder / "root", venue, step=lambda _: None)
            shutil.copy(SCRIPT, hbot.workspace.root / "scripts")
            stop_file = self.folder / "stop"
            settings = {
                "script_file_name": SCRIPT.name,
                "seed": self.seed,
                "stop_file": str(stop_file),
                "orders_a_tick": 3,
                "offsets": ["-0.01", "-0.005", "-0.002", "0.0001"],  # most rest, so that a death leaves orders open
            }
            hbot.workspace.write_conf(f"scripts/{CONFIGURATION}", settings)
            venue.post("/practice/faults", SLOW_POST)
            for _ in range(self.kills):
                with Life(hbot) as bot:
                    self._kill_around_a_post(bot, venue)
            stop_file.touch()
            with Life(hbot) as bot:
                time.sleep(SETTLE_S)
                bot.check()
            return sorted(_open_orders(venue))

    def _kill_around_a_post(self, bot: "Life", venue: VenueProcess) -> None:
        before = self._posts(venue)
        self._until(bot, lambda: self._posts(venue) > before, "the bot sent no further order")
        time.sleep(self.random.uniform(0, 0.35))
        bot.kill()
        time.sleep(0.1)
        self.left_open.append(len(_open_orders(venue)))

    def _posts(self, venue: VenueProcess) -> int:
        return int(venue.get("/practice/faults")[0]["fired"])

    def _until(self, bot: "Life", condition: Callable[[], bool], complaint: str) -> None:
        deadline_s = time.monotonic() + PATIENCE_S
        while not condition():
            bot.check()
            if time.monotonic() > deadline_s:
                raise TimeoutError(complaint)
            time.sleep(0.05)


class Life:
    """One life of the bot: Hummingbot's own engine, started without its CLI to save time."""

    def __init__(self, hbot: Hbot) -> None:
        self._hbot = hbot

    def __enter__(self) -> "Life":
        command = [sys.executable, "-m", "hummingbot.cli.engine", "--name", "conf_order_storm"]
        root = self._hbot.workspace.root
        bytecode = {"PYTHONPYCACHEPREFIX": str(root / "bytecode"), "PYTHONDONTWRITEBYTECODE": ""}  # compiled once
        self._log = (root / "engine.log").open("a")
        self._process = subprocess.Popen(
            [*command, "--script-config", CONFIGURATION],
            cwd=root,
            env={**self._hbot.environment, **bytecode},
            stdout=self._log,
            stderr=self._log,
            start_new_session=True,
        )
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.terminate()
            self._process.wait(60)
        self._log.close()

    def check(self) -> None:
        if self._process.poll() is not None:
            raise RuntimeError(f"the engine ended by itself with {self._process.returncode}")

    def kill(self) -> None:
        os.kill(self._process.pid, signal.SIGKILL)
        self._process.wait(10)


def _open_orders(venue: VenueProcess) -> set[str]:
    return {order["externalId"] for order in account_ledger(venue)["orders"] if order["status"] in OPEN}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="keep logs, database and ledger in this folder")
    arguments = parser.parse_args()
    folder = arguments.keep or Path(tempfile.mkdtemp(prefix="kill-trial-"))
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    trial = KillTrial(folder, arguments.kills, arguments.seed)
    orphans = trial.run()
    print(f"{arguments.kills} kills around a POST; open orders left by each: {trial.left_open}")
    print(f"orphans: {orphans or 'none'}; logs in {folder}")
    sys.exit(bool(orphans))


if __name__ == "__main__":
    main()
