"""Database, broker and start of a hummingbot-api, with a stand-in for its source: it asks both, and Docker."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from test.hummingbot_api.stack import CHECKOUT_FILES, StackError, check_checkout, hummingbot_api, open_folder
from tools.hummingbot_api_requirements import requirements

STAND_IN = """
import os, re
import asyncpg, docker
from aiomqtt import Client
from contextlib import asynccontextmanager
from fastapi import FastAPI

found = {}

@asynccontextmanager
async def lifespan(app):
    found["pid"] = os.getpid()
    connection = await asyncpg.connect(re.sub(r"\\\\+asyncpg", "", os.environ["DATABASE_URL"]))
    found["database"] = await connection.fetchval("select current_database()")
    await connection.close()
    names = {"hostname": "HOST", "username": "USERNAME", "password": "PASSWORD"}
    async with Client(port=int(os.environ["BROKER_PORT"]), **{k: os.environ["BROKER_" + v] for k, v in names.items()}):
        found["broker"] = True
    try:
        docker.from_env().ping()
    except docker.errors.DockerException as error:
        found["docker"] = str(error)
    yield

app = FastAPI(lifespan=lifespan)

@app.get("/accounts/master_account/credentials")
def credentials():
    return {**found, "user": os.environ["USERNAME"], "here": os.listdir(".")}
"""
ASYNCPG = """
import asyncio
from urllib.parse import urlparse


async def connect(url):
    return Connection(*await asyncio.open_connection(urlparse(url).hostname, urlparse(url).port), url)


class Connection:
    def __init__(self, reader, writer, url):
        self.reader, self.writer, self.url = reader, writer, urlparse(url)

    async def fetchval(self, query):
        text = f"user\\0{self.url.username}\\0database\\0{self.url.path[1:]}\\0\\0".encode()
        self.writer.write((len(text) + 8).to_bytes(4, "big") + (196608).to_bytes(4, "big") + text)
        assert (await self.reader.read(1)) == b"R", "not let in"
        return self.url.path[1:]

    async def close(self):
        self.writer.close()
"""
DOCKER = """
from docker import errors


def from_env():
    raise errors.DockerException("no socket")
"""


@pytest.fixture
def checkout(tmp_path):
    """The files by which a hummingbot-api is known; main.py asks for database, broker and Docker."""
    folder = tmp_path / "hummingbot-api"
    for name in CHECKOUT_FILES:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("") if "." in path.name else path.mkdir()
    (folder / "main.py").write_text(STAND_IN)
    (folder / "asyncpg.py").write_text(ASYNCPG)
    (folder / "docker").mkdir()
    (folder / "docker" / "__init__.py").write_text(DOCKER)
    (folder / "docker" / "errors.py").write_text("class DockerException(Exception):\n    pass\n")
    (folder / ".env").write_text("PASSWORD=theirs")
    return folder


@pytest.fixture
def place(tmp_path_factory):
    return open_folder(tmp_path_factory.mktemp("stack"))


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def environment(checkout: Path) -> dict[str, str]:
    return {"PYTHONPATH": str(checkout)}


@pytest.mark.services
async def test_api_gets_database_broker_and_no_docker_and_nothing_is_left(checkout, place):
    async with hummingbot_api(checkout, Path(sys.executable), place, environment(checkout)) as api:
        found = await api.call("GET", "/accounts/master_account/credentials")
        assert (found["database"], found["broker"], found["user"]) == ("hummingbot_api", True, "admin")
        assert "runs without Docker" in found["docker"]
        assert ".env" not in found["here"]
        with pytest.raises(StackError, match="HTTP 404"):
            await api.call("GET", "/nowhere")
    assert not is_alive(found["pid"])
    left = subprocess.run(["pgrep", "-f", str(place)], capture_output=True, text=True, check=False)
    assert left.stdout == ""
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", int(api.url.rpartition(":")[2]))) != 0


@pytest.mark.services
async def test_api_that_does_not_start_is_told_with_what_it_printed_last(checkout, place):
    (checkout / "main.py").write_text("raise SystemExit('no settings today')")
    with pytest.raises(StackError, match=r"(?s)hummingbot-api ended:.*no settings today"):
        async with hummingbot_api(checkout, Path(sys.executable), place, environment(checkout)):
            pass
    left = subprocess.run(["pgrep", "-f", str(place)], capture_output=True, text=True, check=False)
    assert left.stdout == ""


def test_missing_folder_and_wrong_folder_are_told(tmp_path, checkout):
    with pytest.raises(StackError, match="HUMMINGBOT_API_DIR is not set: clone"):
        check_checkout(None)
    with pytest.raises(StackError, match=r"is no checkout of hummingbot-api: it has no main\.py"):
        check_checkout(str(tmp_path / "nowhere"))
    assert check_checkout(str(checkout)) == checkout


def test_requirements_are_what_environment_yml_names_of_pypi():
    text = """
name: hummingbot-api
channels:
  - conda-forge
dependencies:
  - python=3.12
  - fastapi
  - libcxx
  - docker-py
  - pandas=2.3   # conda's prefix
  - pip:
      # Unpinned: hummingbot
      - hummingbot
      - msgpack>=1.0.5
      - logfire[fastapi]
"""
    assert requirements(text) == ["fastapi", "docker", "pandas==2.3.*", "msgpack>=1.0.5", "logfire[fastapi]"]
