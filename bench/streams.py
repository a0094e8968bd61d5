"""Streams: reading and decoding, ours beside the founding document's loop, libraries, the SDK, and the floor.

    python -m bench.streams [--quick]

Goals G1 to G4 and G10 of performance.md B, and tick-to-book on one v2 socket that carries 100 markets (at least 3.5
times the inherited pipeline). Figures are CPU time of the reading process; the servers are processes of their own.
"""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import aiohttp

from bench import rpc_books, sse_readers, ws_readers
from bench.measure import Goal, Rounds, Verdict, command, tell
from bench.sse_cases import failed_cases
from hummingbot_extended.streams.aiohttp_transport import AiohttpSSETransport, stream_session
from hummingbot_extended.streams.transport import StreamRequest

CPU_EVENT, CPU_MESSAGE = "CPU µs/event", "CPU µs/msg"
NAIVE, OURS, FLOOR, INHERITED = "naive", "ours", "floor", "inherited"
STREAMS_AT_ONCE = 150
LIFE_S = 605.0  # aiohttp's own default ends a stream at 300 s

SSE_DELTA_GOALS = [
    Goal(id="G1", measure=CPU_EVENT, variant=OURS, baseline=NAIVE, at_least=2.5),
    Goal(id="G1", measure=CPU_EVENT, variant=OURS, baseline="httpx-sse", at_least=5.0),
    Goal(id="G1", measure=CPU_EVENT, variant=OURS, baseline=FLOOR, at_least=0.65),
]
SSE_SNAPSHOT_GOALS = [
    Goal(id="G1s", measure=CPU_EVENT, variant=OURS, baseline=NAIVE, at_least=1.25),
    Goal(id="G1s", measure=CPU_EVENT, variant=OURS, baseline=FLOOR, at_least=0.85),
]
WS_GOALS = [Goal(id="G4", measure=CPU_MESSAGE, variant=OURS, baseline=INHERITED, at_least=2.7)]
TLS_GOALS = [Goal(id="G10", measure=CPU_MESSAGE, variant=OURS, baseline=INHERITED, at_least=1.7)]
V2_GOALS = [
    Goal(id="issue 3 §4.4", measure=rpc_books.P50, variant=OURS, baseline=INHERITED, at_least=3.5),
]

type Reader = Callable[[str, int], Any]


@contextmanager
def server(module: str, *arguments: str) -> Iterator[int]:
    """A server process; gives its port."""
    process = subprocess.Popen([sys.executable, "-m", module, *arguments], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield int(process.stdout.readline())
    finally:
        process.terminate()
        process.wait()


def measure(
    title: str, baseline: str, readers: Mapping[str, Reader], url: str, count: int, rounds: int, unit: str
) -> Rounds:
    """Read a burst with each reader in turns; one round before does not count."""
    found = Rounds(title, baseline)
    for number in range(rounds + 1):
        for name, read in readers.items():
            spent_s = asyncio.run(read(url, count))
            if number:
                found.add(name, {unit: spent_s / count * 1e6})
    return found


def conformance() -> list[Verdict]:
    """G2: every case of the standard, fed whole and byte by byte, and a line of 4 MB."""
    failed = failed_cases()
    print("\n### Conformance of the SSE decoder\n", *(failed or ["every case passes"]), sep="\n")
    return [
        Verdict(
            id="G2", what="failed conformance cases", found=len(failed), goal=0, met=not failed, unit="", is_limit=True
        )
    ]


async def many_streams(port: int) -> float:
    """Seconds that REST takes while 150 streams are open."""
    base = f"http://127.0.0.1:{port}"
    async with stream_session() as streams, aiohttp.ClientSession() as rest:
        transport = AiohttpSSETransport(streams)
        opened = [await transport.open(StreamRequest(url=f"{base}/idle")) for _ in range(STREAMS_AT_ONCE)]
        await asyncio.gather(*(connection.receive() for connection in opened))
        began = time.perf_counter()
        async with asyncio.timeout(10), rest.get(f"{base}/rest") as response:
            await response.read()
        spent_s = time.perf_counter() - began
        for connection in opened:
            await connection.close()
    return spent_s


class LongLife(threading.Thread):
    """G3: one stream, read from the beginning of the benchmark for 605 s, on a loop of its own."""

    def __init__(self, port: int) -> None:
        super().__init__(daemon=True, name="long-lived stream")
        self._url = f"http://127.0.0.1:{port}/idle"
        self.lived_s = 0.0

    def run(self) -> None:
        asyncio.run(self._read())

    async def _read(self) -> None:
        began = time.monotonic()
        async with stream_session() as session:
            connection = await AiohttpSSETransport(session).open(StreamRequest(url=self._url))
            while (lived_s := time.monotonic() - began) < LIFE_S:
                await connection.receive()
                self.lived_s = lived_s
            self.lived_s = lived_s
            await connection.close()


def measure_tls(rounds: int, count: int) -> Rounds:
    """G10, in processes that trust this run's certificate: aiohttp makes its TLS context when it is imported."""
    found = Rounds(f"TLS to book, one market, {count:,} deltas at 2000 a second", INHERITED)
    with tempfile.TemporaryDirectory() as folder:
        certificate, key = str(Path(folder, "certificate.pem")), str(Path(folder, "key.pem"))
        subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
        make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *subject]
        subprocess.run([*make, "-out", certificate, "-keyout", key], check=True, capture_output=True)
        with server("bench.stream_server", certificate, key) as port:
            url = f"https://localhost:{port}/paced/delta/{count}/2000"
            told = subprocess.run(
                [sys.executable, "-m", "bench.stream_tls", url, str(count), str(rounds)],
                env={**os.environ, "SSL_CERT_FILE": certificate},
                check=True,
                capture_output=True,
                text=True,
            ).stdout
    for name, spent_s in json.loads(told):
        found.add(name, {CPU_MESSAGE: spent_s / count * 1e6})
    return found


def run(quick: bool) -> list[Verdict]:
    """Measure G1 to G4, G10 and the v2 socket."""
    rounds, scale = (3, 4) if quick else (7, 1)
    verdicts = conformance()
    with server("bench.stream_server") as port:
        life = None if quick else LongLife(port)
        if life is not None:
            life.start()
        base, deltas, snapshots = f"http://127.0.0.1:{port}", 20_000 // scale, 60 // scale
        readers = sse_readers.READERS
        title = f"SSE burst, {deltas:,} deltas of about 230 bytes"
        verdicts += tell(
            measure(title, NAIVE, readers, f"{base}/sse/delta/{deltas}", deltas, rounds, CPU_EVENT), SSE_DELTA_GOALS
        )
        title = f"SSE burst, {snapshots} snapshots of about 180 KB"
        verdicts += tell(
            measure(title, NAIVE, readers, f"{base}/sse/snap/{snapshots}", snapshots, rounds, CPU_EVENT),
            SSE_SNAPSHOT_GOALS,
        )
        title = f"WebSocket burst, {deltas:,} deltas"
        found = measure(title, INHERITED, ws_readers.READERS, f"{base}/ws/delta/{deltas}", deltas, rounds, CPU_MESSAGE)
        verdicts += tell(found, WS_GOALS)
        if "sdk" not in ws_readers.READERS:
            print("the SDK's reader was left out: no .venv-sdk; make clients")
        spent_s = asyncio.run(many_streams(port))
        what = f"seconds of REST beside {STREAMS_AT_ONCE} streams"
        verdicts.append(Verdict(id="G3", what=what, found=spent_s, goal=1, met=spent_s <= 1, unit=" s", is_limit=True))
        print(f"\n{verdicts[-1]}")
        verdicts += tell(measure_tls(3 if quick else 5, 4_000 // (2 if quick else 1)), TLS_GOALS)
        verdicts += tell(rpc_books.measure(3 if quick else 5, ticks=10 if quick else 40), V2_GOALS)
        if life is not None:
            life.join()
            met = life.lived_s >= 600
            verdicts.append(Verdict(id="G3", what="a stream lived", found=life.lived_s, goal=600, met=met, unit=" s"))
            print(f"\n{verdicts[-1]}")
    return verdicts


if __name__ == "__main__":
    sys.exit(command(run, __doc__))
