"""Brokers for the tests of the bus: in memory, mosquitto, nats-server."""

import shutil
import socket
import subprocess
from pathlib import Path

from hummingbot_extended.hub.bus.base import Bus, make_bus
from hummingbot_extended.hub.bus.memory import MemoryBroker, MemoryBus
from test.until import until


class Broker:
    """A broker that can be killed and started again; `bus()` makes a connection to it."""

    def __init__(self, scheme: str, folder: Path) -> None:
        self.scheme = scheme
        self.memory = MemoryBroker()
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    def bus(self) -> Bus:
        if self.scheme == "memory":
            return MemoryBus(self.memory)
        made = make_bus(f"{self.scheme}://127.0.0.1:{self.port}")
        assert made is not None
        return made

    async def start(self) -> None:
        if self.scheme == "memory":
            self.memory.heal()
            return
        if self.scheme == "mqtt":
            config = self._folder / "mosquitto.conf"
            config.write_text(f"listener {self.port} 127.0.0.1\nallow_anonymous true\n")
            command = [shutil.which("mosquitto") or "/usr/sbin/mosquitto", "-c", str(config)]
        else:
            command = [shutil.which("nats-server") or "/usr/sbin/nats-server", "-a", "127.0.0.1", "-p", str(self.port)]
            command += ["-js", "-sd", str(self._folder / "js")]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        await until(self._listens)

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def stop(self) -> None:
        self.memory.cut()
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
