"""Where this package was installed from: what to hand to pip to install it again."""

import importlib.metadata
import json
import shlex
import sys
from urllib.parse import urlsplit
from urllib.request import url2pathname

NAME = "hummingbot-extended"


def requirement() -> str:
    """Return what `pip install` was given, by pip's own record (PEP 610): a folder, a URL, or the package's name."""
    try:
        recorded = json.loads(importlib.metadata.distribution(NAME).read_text("direct_url.json") or "{}")
        url = str(recorded["url"])
    except (importlib.metadata.PackageNotFoundError, ValueError, KeyError, TypeError):
        return NAME
    if "vcs_info" in recorded:
        return f"{recorded['vcs_info']['vcs']}+{url}"
    parts = urlsplit(url)
    return url2pathname(parts.path) if parts.scheme == "file" else url


def pip_install(*options: str) -> str:
    """Return the command that installs this package again into this Python, with further options of pip's."""
    return shlex.join([sys.executable, "-m", "pip", "install", "--upgrade", *options, requirement()])
