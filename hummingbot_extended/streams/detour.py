"""The way around a relay: the same streams at another base, for when the relay is gone."""

from dataclasses import replace

from hummingbot_extended.streams.transport import StreamConnection, StreamRequest, StreamTransport

RETURN_AFTER_S = 30.0


class DetourTransport:
    """Opens what is asked for below `relay` below `direct` instead, by `transport` (contract: `StreamTransport`).

    Put it last into a TransportChoice: it is taken where the relay does not open, and left for the relay later.
    """

    def __init__(self, transport: StreamTransport, *, relay: str, direct: str) -> None:
        self.name = f"{transport.name} without the relay"
        self._transport = transport
        self._relay = relay
        self._direct = direct

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._relay} → {self._direct}>"

    async def open(self, request: StreamRequest) -> StreamConnection:
        """See `StreamTransport.open`."""
        url = self._direct + request.url.removeprefix(self._relay)
        return await self._transport.open(replace(request, url=url, last_event_id=""))
