"""Whatever ends the demo, nothing that it started is left."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from hummingbot_extended.demo.signals import interrupted_by_signals

RUN = """
import sys, time
from pathlib import Path
from hummingbot_extended.demo.signals import interrupted_by_signals
from hummingbot_extended.demo.venue_process import VenueProcess

try:
    with interrupted_by_signals():
        with VenueProcess(log=Path(sys.argv[1])) as venue:
            print(venue._process.pid, flush=True)
            time.sleep(50)
except KeyboardInterrupt:
    print("in order", flush=True)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_run_and_its_venue(number: signal.Signals, tmp_path: Path) -> None:
    command = [sys.executable, "-c", RUN, str(tmp_path / "venue.log")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as run:
        assert run.stdout is not None
        venue_pid = int(run.stdout.readline())
        os.kill(run.pid, number)
        assert run.stdout.readline() == "in order\n"
    with pytest.raises(ProcessLookupError):
        os.kill(venue_pid, 0)


def test_a_second_signal_does_not_cut_the_tidying_short() -> None:
    tidied = False

    def run() -> None:
        nonlocal tidied
        try:
            os.kill(os.getpid(), signal.SIGTERM)
        finally:
            os.kill(os.getpid(), signal.SIGINT)
            tidied = True

    with pytest.raises(KeyboardInterrupt), interrupted_by_signals():
        run()
    assert tidied
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
