"""Account streams through the hub: one upstream for each reader, opened with the reader's own API key."""

from collections import deque
from collections.abc import Mapping

import aiohttp

from hummingbot_extended.exchange.channels import ACCOUNT_PATH, stream_url
from hummingbot_extended.streams.aiohttp_transport import AiohttpWebSocketTransport, stream_session
from hummingbot_extended.streams.transport import StreamConnection, StreamRequest


class AccountRelay:
    """Opens account streams at `base`, a domain's `stream_url`. `close` it when the hub stops."""

    def __init__(self, base: str) -> None:
        self._url = stream_url(base, ACCOUNT_PATH)
        self._session: aiohttp.ClientSession | None = None

    def __repr__(self) -> str:
        return f"<AccountRelay {self._url}>"

    async def open(self, api_key: str) -> "AccountFeed":
        """Open the stream of the key's account. Raises what `StreamTransport.open` raises; the key is not kept."""
        if self._session is None:
            self._session = stream_session()

        async def headers() -> Mapping[str, str]:
            return {"X-Api-Key": api_key}

        request = StreamRequest(url=self._url, headers=headers, data_timeout_s=None)
        return AccountFeed(await AiohttpWebSocketTransport(self._session).open(request))

    async def close(self) -> None:
        """Close the session; its streams end."""
        if self._session is not None:
            await self._session.close()


class AccountFeed:
    """The frames of one account, as they come: their `seq` is the exchange's own (contract: RelayFeed)."""

    def __init__(self, connection: StreamConnection) -> None:
        self._connection = connection
        self._waiting: deque[bytes] = deque()

    async def receive(self) -> bytes:
        """See RelayFeed."""
        if not self._waiting:
            self._waiting.extend(map(_as_bytes, await self._connection.receive()))
        return self._waiting.popleft()

    def receive_nowait(self) -> bytes | None:
        """See RelayFeed."""
        return self._waiting.popleft() if self._waiting else None

    async def close(self) -> None:
        """See RelayFeed."""
        await self._connection.close()


def _as_bytes(message: bytes | str) -> bytes:
    return message.encode() if isinstance(message, str) else message
