"""A JSON-RPC server by hand, on top of `server.py`: it answers as the API reference (§6.8) says, or not."""

import asyncio
import json
from dataclasses import dataclass, field

from hummingbot_extended.streams.backoff import Backoff


@dataclass(frozen=True)
class T:
    name: str
    scope: str = "orderbooks"
    selector: dict = field(default_factory=dict)


A, B = T("orderbooks.A", selector={"market": "A"}), T("orderbooks.B", selector={"market": "B"})
MUTE, REFUSED = T("mute", "mute"), T("refused", "refused")


def quick(**options):
    return {"backoff": Backoff(first_s=0.01, max_s=0.02), **options}


class RpcServer:
    """Answers as the reference says: a snapshot after each subscribe, no answer at all to the scope "mute"."""

    def __init__(self):
        self.peer = None
        self.seq = 0
        self.refuses = {"refused"}

    async def script(self, peer):
        await peer.accept()
        self.peer, self.seq, answered = peer, 0, 0
        while peer.close_code is None and not peer._listening.done():
            while answered < len(peer.received):
                await self.answer(json.loads(peer.received[answered]))
                answered += 1
            await asyncio.sleep(0.002)

    async def answer(self, call):
        reply = {"id": call["id"], "jsonrpc": "2.0"}
        params = call.get("params", {})
        if params.get("scope") == "mute":
            return
        if params.get("scope") in self.refuses:
            await self.peer.send(reply | {"error": {"code": -32602, "message": f"no {params.get('apiKey')}"}})
            return
        name = ".".join([params.get("scope", ""), params.get("selector", {}).get("market", "")])
        await self.peer.send(reply | {"result": {"method": call["method"], "status": "OK", "subscription": name}})
        if call["method"] == "subscribe":
            await self.data(name, "snapshot")

    async def data(self, name, what, skip=0):
        self.seq += skip
        await self.peer.send({"type": "X", "data": what, "ts": 1, "seq": self.seq, "subscription": name})
        self.seq += 1

    def calls(self, number):
        return [json.loads(text) for text in self.all_peers[number].received]


def datas(texts):
    return [json.loads(text)["data"] for text in texts]
