"""The opt-in import hook: one .pth file among this Python's packages, nothing in Hummingbot's folder."""

import sysconfig
from pathlib import Path

from hummingbot_extended.installer.hummingbot_folder import Hummingbot, imported_root
from hummingbot_extended.installer.saved_configs import read_saved_configs
from hummingbot_extended.installer.shim_files import Presence, inspect_shim

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


def reads_hook(hummingbot: Hummingbot) -> bool:
    """Return whether it is certain that `hummingbot` starts with this Python, and so with the hook."""
    return imported_root() == hummingbot.root


def other_that_needs_hook(hummingbot: Hummingbot) -> Hummingbot | None:
    """Return another Hummingbot than `hummingbot` that this Python imports, whose user could not log in without it."""
    root = imported_root()
    if root is None or root == hummingbot.root:
        return None
    other = Hummingbot(root)
    has_shim = inspect_shim(other).presence is not Presence.ABSENT
    return other if not has_shim and read_saved_configs(other.conf).wants_connector else None


def remove_hook_file() -> bool:
    """Remove the file; return whether it was there."""
    path = hook_path()
    if not path.exists():
        return False
    path.unlink()
    return True
