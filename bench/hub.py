"""The hub's faces: fan-out to many WebSocket clients and candles over HTTP, beside what one writes first and the floor.

The server runs on core 0, the clients (sockets and epoll) on core 1. A latency counts from the time at which a message
was due. Every figure is a median over rounds that take the servers in turns.
"""

import json
import os
import select
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from bench.measure import Goal, Rounds, Verdict, command, limit, percentile, tell

MODES = ("fastapi", "aiohttp", "websockets", "raw", "hub")
MARK = b'"price":'
LEAST = 0.001  # stands for nothing, so that ratios exist
SAMPLE_EVERY = 10  # clients of which every message's latency is taken
# Messages before it counts. Linux acknowledges the first 16 segments after a connection's start, or a pause of 200 ms,
# each at once and on the sender's core: they cost twice what a stream costs that goes on.
WARM_UP = 20
SUBSCRIBE = json.dumps(
    {"type": "subscribe", "stream_type": "price", "symbols": ["BTC-USD"], "params": {"mode": "tick"}}
).encode()
HANDSHAKE = (
    b"GET /ws/stream HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)


class Server:
    """One server process."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self.port = int(process.stdout.readline())  # type: ignore[union-attr]

    def send(self, line: str) -> None:
        """Give a command."""
        self.process.stdin.write(f"{line}\n".encode())  # type: ignore[union-attr]
        self.process.stdin.flush()  # type: ignore[union-attr]

    def ask(self, line: str) -> dict[str, float]:
        """Give a command and return its reply."""
        self.send(line)
        return self.reply()

    def reply(self) -> dict[str, float]:
        """Return the reply to a command."""
        answer: dict[str, float] = json.loads(self.process.stdout.readline())  # type: ignore[union-attr]
        return answer


@contextmanager
def server(mode: str) -> Iterator[Server]:
    """Run a server in a process of its own."""
    with subprocess.Popen(
        [sys.executable, "-m", "bench.hub_server", mode],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            yield Server(process)
        finally:
            process.stdin.close()  # type: ignore[union-attr]
            process.wait(10)


class Client:
    """One WebSocket client: counts messages; `delays_ms` where it is a sample."""

    __slots__ = ("count", "delays_ms", "socket", "tail")

    def __init__(self, port: int, *, is_sample: bool = False, subscribes: bool = True) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.sendall(HANDSHAKE)
        head = b""
        while b"\r\n\r\n" not in head:
            head += self.socket.recv(1024)
        if subscribes:
            assert len(SUBSCRIBE) < 126, len(SUBSCRIBE)
            self.socket.sendall(bytes((0x81, 0x80 | len(SUBSCRIBE))) + bytes(4) + SUBSCRIBE)
        self.socket.setblocking(False)
        self.count = 0
        self.tail = b""
        self.delays_ms: list[float] | None = [] if is_sample else None

    def forget(self) -> None:
        """Count from zero again."""
        self.count = 0
        if self.delays_ms is not None:
            self.delays_ms = []

    def read(self) -> None:
        """Take what is there."""
        data = self.tail + self.socket.recv(262_144)
        if self.delays_ms is None:
            self.count += data.count(MARK)
            self.tail = data[-len(MARK) + 1 :]
            return
        now_ns, place = time.time_ns(), 0
        while (found := data.find(MARK, place)) >= 0 and found + len(MARK) + 20 < len(data):
            begin = found + len(MARK)
            self.delays_ms.append((now_ns - int(data[begin : begin + 20].split(b",")[0])) / 1e6)
            self.count += 1
            place = begin
        self.tail = data[max(place, found if found >= 0 else len(data) - len(MARK) + 1) :]


def read_all(poll: select.epoll, clients: dict[int, Client], wanted: int, seconds: float) -> None:
    """Read until the clients, by their sockets' numbers, have got `wanted` messages, or the time is over."""
    ends_s = time.monotonic() + seconds
    while time.monotonic() < ends_s and sum(client.count for client in clients.values()) < wanted:
        for _ in range(20):
            ready = poll.poll(0.01)
            for number, _events in ready:
                clients[number].read()
            if not ready:
                break


def fan_out(running: Server, clients: int, count: int, rate: float, size: int, stalled: int = 0) -> dict[str, float]:
    """Publish to `clients` (and some that never read) and return what it cost and when messages arrived."""
    before = running.ask("state")
    with ExitStack() as stack:
        asleep = [Client(running.port, is_sample=False) for _ in range(stalled)]
        awake = [Client(running.port, is_sample=number % SAMPLE_EVERY == 0) for number in range(clients)]
        for client in (*asleep, *awake):
            stack.callback(client.socket.close)
        time.sleep(0.3 + clients / 2000)
        idle = running.ask("state")
        poll = select.epoll()
        stack.callback(poll.close)
        by_number = {client.socket.fileno(): client for client in awake}
        for number in by_number:
            poll.register(number, select.EPOLLIN)
        for messages in (WARM_UP, count):
            for client in awake:
                client.forget()
            running.send(f"{messages} {rate} {size}")
            read_all(poll, by_number, messages * clients, messages / rate * 3 + 5)
            told = running.reply()
        delays = [delay for client in awake for delay in client.delays_ms or ()]
        wanted, delivered = count * clients, sum(client.count for client in awake)
        figures = {
            "CPU µs a message": told["cpu_s"] / max(1, count * clients) * 1e6,
            "p50 ms": percentile(delays, 0.5) if delays else float("inf"),
            "p99 ms": percentile(delays, 0.99) if delays else float("inf"),
            "ms a tick": 1000 / told["ticks_s"],
            "lost %": max(LEAST, 100 - delivered / wanted * 100),
            "KB a client": max(LEAST, (idle["memory_kb"] - before["memory_kb"]) / (clients + stalled)),
            "growth KB": max(LEAST, told["memory_kb"] - idle["memory_kb"]),
        }
    time.sleep(0.2)
    return figures


def idle(running: Server, clients: int) -> dict[str, float]:
    """Return the memory of clients that are connected and silent."""
    before = running.ask("state")
    with ExitStack() as stack:
        for _ in range(clients):
            stack.callback(Client(running.port, subscribes=False).socket.close)
        time.sleep(0.5)
        after = running.ask("state")
    return {"KB a client": max(LEAST, (after["memory_kb"] - before["memory_kb"]) / clients)}


def rounds_of(
    title: str, modes: tuple[str, ...], rounds: int, clients: int, count: int, rate: float, size: int
) -> Rounds:
    """Measure every server in turns, each round in a new process."""
    found = Rounds(title, modes[0])
    for _ in range(rounds):
        for mode in modes:
            with server(mode) as running:
                found.add(mode, fan_out(running, clients, count, rate, size))
    return found


def candles(running: Server, limit_: int, seconds: float) -> dict[str, float]:
    """Ask for candles over four kept connections; return the server's CPU a request and requests a second."""
    request = f"GET /streamer/candles/BTC-USD/M1?limit={limit_} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()
    sockets = [socket.create_connection(("127.0.0.1", running.port)) for _ in range(4)]
    try:
        sockets[0].sendall(request)
        size = _reply_size(sockets[0])
        before, began_s, done = running.ask("state"), time.monotonic(), 0
        waiting = dict.fromkeys((each.fileno() for each in sockets), 0)
        by_number = {each.fileno(): each for each in sockets}
        poll = select.epoll()
        for number, each in by_number.items():
            poll.register(number, select.EPOLLIN)
            each.sendall(request)
        while time.monotonic() - began_s < seconds:
            for number, _ in poll.poll(0.1):
                waiting[number] += len(by_number[number].recv(262_144))
                if waiting[number] >= size:
                    waiting[number], done = 0, done + 1
                    by_number[number].sendall(request)
        took_s = time.monotonic() - began_s
        poll.close()
        spent_s = running.ask("state")["cpu_s"] - before["cpu_s"]
    finally:
        for each in sockets:
            each.close()
    return {"CPU µs a request": spent_s / done * 1e6, "µs a request": took_s / done * 1e6}


def _reply_size(connection: socket.socket) -> int:
    data = b""
    while b"\r\n\r\n" not in data:
        data += connection.recv(65_536)
    head = data.split(b"\r\n\r\n")[0].lower()
    size = len(head) + 4 + int(head.split(b"content-length: ")[1].split(b"\r\n")[0])
    while len(data) < size:
        data += connection.recv(65_536)
    return size


def _goal(id_: str, measure: str, at_least: float, baseline: str = "fastapi", floor: str = "") -> Goal:
    return Goal(id=id_, measure=measure, variant="hub", baseline=baseline, at_least=at_least, floor=floor)


def run(quick: bool) -> list[Verdict]:
    """Measure everything and judge it."""
    os.sched_setaffinity(0, {1})
    rounds, ticks = (2, 100) if quick else (5, 300)
    cpu = "CPU µs a message"
    small = rounds_of("fan-out to 100 clients, 100/s, 250 B", MODES, rounds, 100, ticks, 100, 250)
    verdicts = tell(small, [_goal("G16", cpu, 2.4, floor="raw"), _goal("G16 floor", cpu, 0.7, "raw")])
    big = rounds_of("fan-out to 100 clients, 20/s, 20 kB", MODES, rounds, 100, ticks // 4, 20, 20_000)
    verdicts += tell(big, [_goal("G18", cpu, 8, floor="raw")])
    many = rounds_of("fan-out to 1,000 clients, 100/s, 250 B", MODES, max(2, rounds // 2), 1000, ticks, 100, 250)
    verdicts += tell(many, [_goal("G17", "p99 ms", 50, floor="raw")], _limits_of(many))
    verdicts += beside_a_stalled_one(max(rounds, 5), ticks)
    silent = Rounds("memory of 1,000 silent clients", "fastapi")
    for _ in range(rounds):
        for mode in ("fastapi", "aiohttp", "websockets", "hub"):
            with server(mode) as running:
                silent.add(mode, idle(running, 1000))
    verdicts += tell(silent, (), [limit("G20", "memory of a client", silent.median("hub", "KB a client"), 15, " KB")])
    return verdicts + history(rounds, 1.0 if quick else 3.0)


def _limits_of(many: Rounds) -> list[Verdict]:
    def most(id_: str, what: str, measure: str, at_most: float, unit: str) -> Verdict:
        raw = many.median("raw", measure)
        return limit(id_, f"{what} (raw: {raw:.3g}{unit})", many.median("hub", measure), at_most, unit)

    return [
        most("G17 p99", "p99 to 1,000 clients at 100/s", "p99 ms", 25, " ms"),
        most("G17 lost", "messages that were not delivered", "lost %", LEAST, " %"),
        most("G17 ticks", "time a tick", "ms a tick", 10.1, " ms"),
    ]


def beside_a_stalled_one(rounds: int, ticks: int) -> list[Verdict]:
    """Measure what a client that reads nothing does to the others. Tails vary, so this takes more rounds."""
    found = Rounds("20 clients, 100/s, 20 kB", "none stalled")
    for _ in range(rounds):
        for variant, stalled in (("none stalled", 0), ("one stalled", 1)):
            with server("hub") as running:
                found.add(variant, fan_out(running, 20, ticks, 100, 20_000, stalled))
    ratio = found.ratio("one stalled", "none stalled", "p99 ms")
    grown = found.median("one stalled", "growth KB") - found.median("none stalled", "growth KB")
    return tell(
        found,
        (),
        [
            limit("G19", "p99 of the others beside a stalled client, of the run without", ratio, 1.25),
            limit("G19 held", "memory that a stalled client costs", grown, 1024, " KB"),
        ],
    )


def history(rounds: int, seconds: float) -> list[Verdict]:
    """Measure candles over HTTP."""
    found = {size: Rounds(f"{size} candles over HTTP", "fastapi") for size in (50, 500)}
    for _ in range(rounds):
        for mode in ("fastapi", "hub"):
            with server(mode) as running:
                for size, figures in found.items():
                    figures.add(mode, candles(running, size, seconds))
    asked = "CPU µs a request"
    return tell(found[50], [_goal("G21 50", asked, 10)]) + tell(found[500], [_goal("G21 500", asked, 40)])


if __name__ == "__main__":
    sys.exit(command(run, __doc__))
