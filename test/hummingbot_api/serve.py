"""Start the hummingbot-api of the current folder, without Docker:  python serve.py PORT   (in its own environment)

Its services ask Docker for a connection when they are made. None is needed to trade: they get one that says so.
"""

import sys
from typing import Any

import docker
import uvicorn
from docker.errors import DockerException


class NoDocker:
    """What stands for Docker: whatever is asked of it, there is none."""

    def __getattr__(self, name: str) -> Any:
        raise DockerException(f"this hummingbot-api runs without Docker ({name})")


if __name__ == "__main__":
    sys.path.insert(0, "")  # its modules are beside its main.py
    docker.from_env = lambda *_args, **_kwargs: NoDocker()
    uvicorn.run("main:app", host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")
