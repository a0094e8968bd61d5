"""Lets aioresponses 0.7.9 work on aiohttp 3.14 (its issue 289): a reply needs a writer there, if only to count bytes.

Only Hummingbot's inherited suites need aioresponses; everything else of ours talks over sockets.
"""

from types import SimpleNamespace
from typing import Any

from aiohttp import ClientResponse
from aioresponses import core


class MockedResponse(ClientResponse):
    """aiohttp's response, made without a connection."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"stream_writer": SimpleNamespace(output_size=0), **kwargs})


def install() -> None:
    """Have aioresponses build its replies as `MockedResponse`."""
    core.ClientResponse = MockedResponse
