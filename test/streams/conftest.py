"""What the stream tests share."""

import asyncio

import pytest

from hummingbot_extended.streams.aiohttp_transport import (
    AiohttpSSETransport,
    AiohttpWebSocketTransport,
    stream_session,
)


@pytest.fixture
async def session():
    """A stream session, and the proof that the test left no task behind."""
    before = asyncio.all_tasks()
    async with stream_session() as session:
        yield session
    await asyncio.sleep(0)
    left = asyncio.all_tasks() - before - {asyncio.current_task()}
    assert not left, left


@pytest.fixture(params=["websocket", "sse"])
def transport(request, session):
    """Each transport in turn."""
    return {"websocket": AiohttpWebSocketTransport, "sse": AiohttpSSETransport}[request.param](session)


@pytest.fixture
def websocket(session):
    return AiohttpWebSocketTransport(session)


@pytest.fixture
def sse(session):
    return AiohttpSSETransport(session)
