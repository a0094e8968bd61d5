"""Are the packages there that the connector needs, in versions that work together?"""

import importlib
import importlib.metadata
import re
import sys
from collections.abc import Iterator

from hummingbot_extended.installer.findings import Finding, fail, ok, warn
from hummingbot_extended.installer.own_package import pip_install

NEEDED = ("aiohttp", "msgspec", "rich", "typer", "yaml")
OLDEST_AIOHTTP = (3, 9)


def check_dependencies() -> Iterator[Finding]:
    """Yield one finding on the packages together, one on aiohttp and one on what signs orders."""
    pip = pip_install()
    broken = [f"{name} ({error})" for name in NEEDED if (error := _import_error(name))]
    if broken:
        yield fail("dependencies", f"cannot be imported: {', '.join(broken)}", pip)
        return
    yield ok("dependencies", ", ".join(f"{name} {_version(name)}" for name in NEEDED))
    yield _check_aiohttp()
    yield _check_signer(pip)


def _import_error(name: str) -> str:
    try:
        importlib.import_module(name)
    except Exception as error:  # noqa: BLE001 - a broken package may raise anything
        return f"{type(error).__name__}: {error}"
    return ""


def _version(name: str) -> str:
    try:
        return importlib.metadata.version({"yaml": "pyyaml"}.get(name, name))
    except importlib.metadata.PackageNotFoundError:
        return "of unknown version"


def _check_aiohttp() -> Finding:
    from aiohttp import http_parser

    version = _version("aiohttp")
    numbers = tuple(int(number) for number in re.findall(r"\d+", version)[:2])
    if numbers and numbers < OLDEST_AIOHTTP:
        return fail("aiohttp", f"{version} is too old", f"{sys.executable} -m pip install 'aiohttp>=3.9'")
    if http_parser.HttpResponseParser is getattr(http_parser, "HttpResponseParserPy", None):
        return warn("aiohttp", f"{version} runs without its C parser: streams are slower", "reinstall aiohttp")
    return ok("aiohttp", f"{version} with its C parser")


def _check_signer(pip: str) -> Finding:
    """Sign with a throw-away key in whichever way this machine has, and verify it."""
    try:
        from hummingbot_extended.exchange.backends import find_backend
        from hummingbot_extended.exchange.signing import StarkSigner, verify

        backend, message_hash = find_backend(), 42
        signer = StarkSigner("0x1", backend)
        is_right = verify(signer.public_key, message_hash, signer.sign(message_hash), backend)
    except Exception as error:  # noqa: BLE001 - a broken native library may raise anything
        return fail("signing", f"orders cannot be signed ({type(error).__name__}: {error})", pip)
    if not is_right:
        return fail("signing", f"the {backend.name} signer makes wrong signatures", pip)
    if backend.name == "python":
        return warn("signing", "in Python, some milliseconds an order: fast-stark-crypto is not installed", pip)
    return ok("signing", "in Rust (fast-stark-crypto)")
