"""A hummingbot-api of a checkout with a database and a broker of its own, on free ports, in a folder of its own.

PostgreSQL and mosquitto are Debian's programs, started as processes: no Docker, no service of the machine, and nothing
stays behind.
"""

import asyncio
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

CHECKOUT_FILES = ("main.py", "config.py", "environment.yml", "routers/trading.py", "bots/credentials/master_account")
LEFT_BEHIND = shutil.ignore_patterns(".git", ".env", "__pycache__", "instances", "archived", "data")
SERVE = Path(__file__).with_name("serve.py")
ACCOUNT = "master_account"
SERVICE_S = 30.0
API_S = 240.0  # importing Hummingbot on a busy machine
STOP_S = 20.0
LAST_LINES = 30


class StackError(Exception):
    """Raised when a part cannot be started; the text says which, and what it printed last."""


@dataclass(frozen=True, slots=True)
class Running:
    """A hummingbot-api that answers. `password` is of the user `user`."""

    url: str
    user: str
    password: str

    async def call(self, method: str, path: str, body: Any = None) -> Any:
        """Call it and return its answer. Raises StackError for anything but success."""
        auth = aiohttp.BasicAuth(self.user, self.password)
        async with (
            aiohttp.ClientSession(auth=auth) as session,
            session.request(method, self.url + path, json=body, timeout=aiohttp.ClientTimeout(120)) as response,
        ):
            if response.status >= 300:
                raise StackError(f"{method} {path}: HTTP {response.status}: {await response.text()}")
            return await response.json()


def check_checkout(text: str | None) -> Path:
    """Return the folder of a hummingbot-api. Raises StackError for what is none."""
    if not text:
        raise StackError(
            "HUMMINGBOT_API_DIR is not set: clone github.com/hummingbot/hummingbot-api and run "
            "make test-hummingbot-api HUMMINGBOT_API_DIR=<that folder>"
        )
    folder = Path(text).expanduser()
    missing = [name for name in CHECKOUT_FILES if not (folder / name).exists()]
    if missing:
        raise StackError(f"{folder} is no checkout of hummingbot-api: it has no {', '.join(missing)}")
    return folder


class Process:
    """One program, its output in a file, ended with everything it has started."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self._log = folder / f"{name}.log"
        self._process: asyncio.subprocess.Process | None = None

    async def start(self, command: Sequence[str], **how: Any) -> None:
        with self._log.open("wb") as log:
            self._process = await asyncio.create_subprocess_exec(
                *command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True, **how
            )

    async def until_listening(self, port: int, within_s: float) -> None:
        """Wait until somebody accepts connections. Raises StackError when the program ends, or the time."""
        deadline_s = asyncio.get_running_loop().time() + within_s
        while True:
            if self._process is None or self._process.returncode is not None:
                raise StackError(f"{self.name} ended:\n{self.last_lines()}")
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                if asyncio.get_running_loop().time() > deadline_s:
                    raise StackError(
                        f"{self.name} does not listen after {within_s:g} s:\n{self.last_lines()}"
                    ) from None
                await asyncio.sleep(0.05)
            else:
                writer.close()
                return

    def last_lines(self) -> str:
        """What it printed last."""
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-LAST_LINES:])

    async def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        process, self._process = self._process, None
        if process is None or process.returncode is not None:
            return
        process.send_signal(number)
        try:
            async with asyncio.timeout(STOP_S):
                await process.wait()
        except TimeoutError:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()


@asynccontextmanager
async def postgres(folder: Path) -> AsyncIterator[str]:
    """Run a database and yield its URL."""
    place, port = folder / "postgres", free_port()
    place.mkdir()
    how: dict[str, Any] = {"cwd": place}
    if os.geteuid() == 0:  # it refuses to run as root
        shutil.chown(place, "postgres", "postgres")
        how |= {"user": "postgres", "group": "postgres", "extra_groups": []}
    data = place / "data"
    init = [program("initdb"), "-D", str(data), "-U", "hbot", "--auth=trust", "--encoding=UTF8", "--no-sync"]
    await _run("initdb", init, how)
    process = Process("postgres", folder)
    try:
        options = ["-c", "listen_addresses=127.0.0.1", "-c", f"unix_socket_directories={place}", "-c", "fsync=off"]
        await process.start([program("postgres"), "-D", str(data), "-p", str(port), *options], **how)
        await process.until_listening(port, SERVICE_S)
        create = [program("createdb"), "-h", "127.0.0.1", "-p", str(port), "-U", "hbot", "hummingbot_api"]
        await _run("createdb", create, how, tries=20)  # it listens before it lets anybody in
        yield f"postgresql+asyncpg://hbot@127.0.0.1:{port}/hummingbot_api"
    finally:
        await process.stop(signal.SIGINT)  # a quick end, whoever is connected


@asynccontextmanager
async def mosquitto(folder: Path) -> AsyncIterator[Mapping[str, str]]:
    """Run a broker and yield what hummingbot-api reads of it from the environment."""
    port, password = free_port(), secrets.token_urlsafe(12)
    users, config = folder / "mosquitto.users", folder / "mosquitto.conf"
    users.touch(0o600)
    await _run("mosquitto_passwd", [program("mosquitto_passwd"), "-b", str(users), "hbot", password], {})
    user = "user root\n" if os.geteuid() == 0 else ""
    config.write_text(f"{user}listener {port} 127.0.0.1\nallow_anonymous false\npassword_file {users}\n")
    process = Process("mosquitto", folder)
    try:
        await process.start([program("mosquitto"), "-c", str(config)])
        await process.until_listening(port, SERVICE_S)
        yield {
            "BROKER_HOST": "127.0.0.1",
            "BROKER_PORT": str(port),
            "BROKER_USERNAME": "hbot",
            "BROKER_PASSWORD": password,
        }
    finally:
        await process.stop()


@asynccontextmanager
async def hummingbot_api(
    checkout: Path, python: Path, folder: Path, environment: Mapping[str, str]
) -> AsyncIterator[Running]:
    """Run everything: the API is a copy of the checkout, so that nothing is written there."""
    place, port, password = folder / "api", free_port(), secrets.token_urlsafe(12)
    shutil.copytree(checkout, place, ignore=LEFT_BEHIND)
    async with postgres(folder) as database_url, mosquitto(folder) as broker:
        settings = {
            "USERNAME": "admin",
            "PASSWORD": password,
            "CONFIG_PASSWORD": secrets.token_urlsafe(12),
            "DATABASE_URL": database_url,
            **broker,
        }
        process = Process("hummingbot-api", folder)
        try:
            command = [str(python), str(SERVE), str(port)]
            await process.start(command, cwd=place, env={**os.environ, **environment, **settings})
            await process.until_listening(port, API_S)
            running = Running(f"http://127.0.0.1:{port}", "admin", password)
            await running.call("GET", f"/accounts/{ACCOUNT}/credentials")
            yield running
        except StackError as error:
            raise StackError(f"{error}\n{process.last_lines()}") from error
        finally:
            await process.stop()


def open_folder(folder: Path) -> Path:
    """Let the user `postgres` enter a folder of a test, and return it."""
    for each in (folder, *folder.parents[:-2]):
        each.chmod(each.stat().st_mode | 0o055)
    return folder


def program(name: str) -> str:
    """Return the path of one of Debian's programs. Raises StackError where it is not installed."""
    places = [str(path) for path in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)]
    found = shutil.which(name, path=os.pathsep.join([*places, os.environ.get("PATH", ""), "/usr/sbin"]))
    if found is None:
        raise StackError(f"{name} is not installed: apt install postgresql mosquitto")
    return found


def free_port() -> int:
    """Return a port nobody uses now."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


async def _run(name: str, command: Sequence[str], how: Mapping[str, Any], tries: int = 1) -> None:
    for left in reversed(range(tries)):
        process = await asyncio.create_subprocess_exec(
            *command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, **how
        )
        output, _ = await process.communicate()
        if process.returncode == 0:
            return
        if not left:
            raise StackError(f"{name} failed:\n{output.decode(errors='replace')}")
        await asyncio.sleep(0.2)


if __name__ == "__main__":
    try:
        check_checkout(sys.argv[1])
    except StackError as error:
        sys.exit(f"hummingbot-extended: {error}")
