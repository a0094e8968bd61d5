"""A user at Hummingbot's terminal: sets a password, connects with a wrong key and the right ones, and comes back."""

import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pexpect
import pyte
import pytest

from hummingbot_extended.demo.hbot import Hbot
from hummingbot_extended.demo.runner import CONNECTOR
from hummingbot_extended.demo.venue_process import VenueProcess
from hummingbot_extended.demo.workspace import Workspace, installed_hummingbot

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]
LAUNCHER = Path(__file__).with_name("scripts") / "terminal.py"
PATIENCE_S = 90.0
COLUMNS, LINES = 160, 50
PASSWORD, WRONG_KEY = "correct horse", "0123456789abcdef0123456789abcdef"
PROMPT = ">>>"
# Hummingbot 2.16 stores keys before they are tried, and asks at the next connect whether to replace them.
KEEPS_REFUSED_KEYS = (installed_hummingbot() / "VERSION").read_text().strip() == "2.16.0"


class Terminal:
    """A process on a terminal of its own, and what is to be seen on its screen."""

    def __init__(self, process: pexpect.spawn) -> None:
        self._process = process
        self._screen = pyte.Screen(COLUMNS, LINES)
        self._stream = pyte.ByteStream(self._screen)

    def see(self, text: str) -> None:
        """Wait until the screen shows a text; runs of blanks, borders and line breaks count as one blank.

        Hummingbot's menu of commands may cover the first 20 columns: name what stands to the right of it.
        """
        self._wait(lambda: text in re.sub(r"[\s│]+", " ", " ".join(self._screen.display)), text)

    def see_prompt(self, question: str = "") -> None:
        """Wait until Hummingbot asks, above its status bar and what it would complete, and nothing is answered yet."""
        prompt = f"{question} {PROMPT}".strip()
        self._wait(lambda: prompt in self._lines()[-4:-1], prompt)

    def type(self, text: str) -> None:
        """Type a text and Enter."""
        self._process.send(text + "\r")

    def hide_logs(self) -> None:
        """Give the whole width to the answers, whose lines would have the log's between them."""
        self._process.sendcontrol("t")

    def wait_closed(self) -> None:
        """Wait for the end of the process."""
        self._process.expect(pexpect.EOF, timeout=PATIENCE_S)

    def _lines(self) -> list[str]:
        return [text for line in self._screen.display if (text := line.strip(" v^"))]

    def _wait(self, is_seen: Callable[[], bool], what: str) -> None:
        deadline_s = time.monotonic() + PATIENCE_S
        while not is_seen():
            assert time.monotonic() < deadline_s, f"{what!r} is not to be seen on:\n" + "\n".join(self._lines())
            try:
                self._stream.feed(self._process.read_nonblocking(65536, timeout=0.2))
            except pexpect.TIMEOUT:
                continue
            except pexpect.EOF:
                raise AssertionError(f"it ended without {what!r}:\n" + "\n".join(self._lines())) from None


@contextmanager
def hummingbot(workspace: Workspace) -> Iterator[Terminal]:
    """Start Hummingbot's terminal in a workspace; it is ended at the end, whatever happened."""
    process = pexpect.spawn(
        sys.executable,
        [str(LAUNCHER)],
        cwd=str(workspace.root),
        env=workspace.environment(TERM="xterm-256color"),
        dimensions=(LINES, COLUMNS),
    )
    try:
        yield Terminal(process)
    finally:
        process.close(force=True)


def set_password(terminal: Terminal) -> None:
    for page in ("Welcome to Hummingbot", "Important Warning", "SET A SECURE PASSWORD"):
        terminal.see(page)
        terminal.type("")
    for question in ("Enter your new password", "Please re-enter your password"):
        terminal.see(question)
        fill_in(terminal, PASSWORD)


def fill_in(terminal: Terminal, password: str) -> None:
    """Fill a dialogue's only field: Enter goes from it to Ok, a second Enter presses that."""
    terminal.type(password)
    terminal.type("")


def connect(terminal: Terminal, api_key: str, stark_private_key: str, *, replaces: bool = False) -> None:
    terminal.see_prompt()
    terminal.type(f"connect {CONNECTOR}")
    if replaces:
        terminal.see("Would you like to replace your existing")
        terminal.type("Yes")
    for name, value in (("API key", api_key), ("Stark private key", stark_private_key)):
        terminal.see_prompt(f"Enter your practice venue {name} (hummingbot-extended venue prints it)")
        terminal.type(value)


def test_user_connects_at_the_terminal(tmp_path: Path) -> None:
    """A wrong key is refused with our sentence, the right ones are stored and used; a wrong password opens nothing."""
    with VenueProcess("--funding-interval", "24h", log=tmp_path / "venue.log") as venue:
        # Hummingbot starts three times: once is enough to compile it.
        bytecode = {"PYTHONPYCACHEPREFIX": str(tmp_path / "bytecode"), "PYTHONDONTWRITEBYTECODE": ""}
        workspace = Workspace(tmp_path / "root", {**bytecode, "EXTENDED_PERPETUAL_LOCAL_URL": venue.origin})
        workspace.create()
        Hbot(workspace).run_ours("install", "--hummingbot-dir", str(workspace.root))
        stored = workspace.root / f"conf/connectors/{CONNECTOR}.yml"
        api_key, private_key = venue.facts["api_key"], venue.facts["stark_private_key"]
        with hummingbot(workspace) as terminal:
            set_password(terminal)
            terminal.see("List all commands")
            terminal.hide_logs()
            connect(terminal, WRONG_KEY, private_key)
            terminal.see("refused by the practice venue: it is wrong, revoked, or of another network")
            terminal.see_prompt()
            assert stored.exists() is KEEPS_REFUSED_KEYS
            connect(terminal, api_key, private_key, replaces=KEEPS_REFUSED_KEYS)
            terminal.see(f" to {CONNECTOR}.")  # You are now connected
            assert api_key not in stored.read_text()
            assert private_key not in stored.read_text()
            terminal.see_prompt()
            terminal.type("balance")
            terminal.see("Total ($) Allocated")
            terminal.see(" 10000 0%")
            terminal.see_prompt()
            terminal.type("exit")
            terminal.wait_closed()
        with hummingbot(workspace) as terminal:
            terminal.see("Welcome back to Hummingbot")
            fill_in(terminal, "wrong")
            terminal.see("Invalid password")
