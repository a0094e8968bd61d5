"""The loop of the hub's own process."""

import asyncio
import sys

import pytest
import uvloop

from hummingbot_extended.hub.event_loop import new_event_loop


@pytest.mark.parametrize("is_installed", [True, False])
def test_it_is_uvloops_where_that_is_installed(is_installed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not is_installed:
        monkeypatch.setitem(sys.modules, "uvloop", None)
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        assert isinstance(runner.get_loop(), uvloop.Loop) == is_installed
