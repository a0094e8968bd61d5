"""The opt-in import hook: one .pth file among this Python's packages, nothing in Hummingbot's folder."""

import sysconfig
from pathlib import Path

NAME = "hummingbot_extended_hook.pth"
# One line, as .pth files want it. Silent without the package: every Python start of this environment runs it.
CONTENT = (
    'import sys; exec("try:\\n from hummingbot_extended._bootstrap import install_hook\\n'
    ' install_hook()\\nexcept Exception: pass")\n'
)


def hook_path() -> Path:
    """Return where the file belongs in the environment of this Python."""
    return Path(sysconfig.get_path("purelib")) / NAME


def install_hook_file() -> Path:
    """Write the file and return its path. Raises OSError when it cannot be written."""
    path = hook_path()
    temporary = path.with_suffix(".new")
    temporary.write_text(CONTENT, encoding="utf-8")
    temporary.replace(path)
    return path


def remove_hook_file() -> bool:
    """Remove the file; return whether it was there."""
    path = hook_path()
    if not path.exists():
        return False
    path.unlink()
    return True
