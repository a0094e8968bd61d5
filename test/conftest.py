"""What every test shares: allowed skips, hypothesis without deadlines, a time zone that changes its clocks."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

# How long an example takes says more about the machine's other work than about the code.
settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")

ALLOWED_SKIPS = Path(__file__).with_name("allowed_skips.txt")


def _allowed() -> dict[str, str]:
    lines = (line.strip() for line in ALLOWED_SKIPS.read_text().splitlines())
    return dict(line.split(" — ", 1) for line in lines if line and not line.startswith("#"))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]):
    """Turn a skip that is not on the committed list into a failure."""
    outcome = yield
    report = outcome.get_result()
    if report.skipped and not hasattr(report, "wasxfail") and item.nodeid.split("[")[0] not in _allowed():
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped, but is not in test/allowed_skips.txt: {report.longrepr}"


def pytest_terminal_summary(terminalreporter) -> None:
    """Print the allowed skips with their reasons."""
    if allowed := _allowed():
        terminalreporter.section("allowed skips (test/allowed_skips.txt)")
        for test, reason in allowed.items():
            terminalreporter.line(f"{test} — {reason}")


@pytest.fixture
def new_york() -> Iterator[None]:
    """The process lives in New York."""
    before = os.environ.get("TZ")
    os.environ["TZ"] = "America/New_York"
    time.tzset()
    yield
    if before is None:
        del os.environ["TZ"]
    else:
        os.environ["TZ"] = before
    time.tzset()
