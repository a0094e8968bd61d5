"""Where a Hummingbot is and what it is: found and checked without importing it."""

import importlib.util
import os
from dataclasses import dataclass
from pathlib import Path

from hummingbot_extended.errors import SettingsError

CONNECTORS = ("extended_perpetual", "extended_perpetual_testnet", "extended_perpetual_local")
# What hummingbot/VERSION says, and the release on PyPI it belongs to: those that `make test-versions` runs.
# 20260920 says dev-2.17.0 too; it differs from 20260901 in two other connectors only.
SUPPORTED_VERSIONS = {"dev-2.18.0": "20260922", "dev-2.17.0": "20260901", "2.16.0": "20260729"}
IMAGE_ROOT = Path("/home/hummingbot")  # in the official Docker image
LANDMARK = Path("client/settings.py")


@dataclass(frozen=True, slots=True)
class Hummingbot:
    """One Hummingbot. `root` holds its package and, beside that, conf/, logs/, data/ and scripts/."""

    root: Path

    @property
    def package(self) -> Path:
        """The folder of the Python package `hummingbot`."""
        return self.root / "hummingbot"

    @property
    def derivatives(self) -> Path:
        """The folder of its derivative connectors."""
        return self.package / "connector" / "derivative"

    @property
    def shim(self) -> Path:
        """Where the connector's shim belongs."""
        return self.derivatives / CONNECTORS[0]

    @property
    def conf(self) -> Path:
        """Where it keeps what the user configured."""
        return self.root / "conf"

    @property
    def is_checkout(self) -> bool:
        """Whether it is a git checkout (or a worktree of one)."""
        return (self.root / ".git").exists()

    @property
    def kind(self) -> str:
        """Source checkout, image, pip install or just a folder."""
        if self.is_checkout:
            return "source checkout"
        if any(self.root.glob("hummingbot-*.dist-info")):
            return "pip install"
        return "image" if os.environ.get("INSTALLATION_TYPE") == "docker" else "folder"

    @property
    def version(self) -> str:
        """What its VERSION file says; "unknown" without one."""
        try:
            return (self.package / "VERSION").read_text(encoding="utf-8").strip() or "unknown"
        except OSError:
            return "unknown"

    @property
    def is_supported(self) -> bool:
        """Whether the tests of this package run on its version."""
        return self.version in SUPPORTED_VERSIONS


def find_hummingbot(directory: Path | None = None) -> Hummingbot:
    """Return the Hummingbot in `directory`, else the one that this Python imports, else one at the usual places.

    `directory` is the folder that holds the package `hummingbot`, or that package itself. Raises SettingsError when
    there is none.
    """
    if directory is not None:
        return _at(directory)
    if (imported := imported_root()) is not None:
        return Hummingbot(imported)
    for root in (Path.cwd(), IMAGE_ROOT):
        if (root / "hummingbot" / LANDMARK).is_file():
            return Hummingbot(root)
    raise SettingsError(
        "No Hummingbot was found: this Python has none and the current folder is none; name it with --hummingbot-dir"
    )


def imported_root() -> Path | None:
    """Return the root of the Hummingbot that this Python would import, or None."""
    try:
        spec = importlib.util.find_spec("hummingbot")
    except (ImportError, ValueError):
        return None
    if spec is None or spec.origin is None:
        return None
    package = Path(spec.origin).resolve().parent
    return package.parent if (package / LANDMARK).is_file() else None


def _at(directory: Path) -> Hummingbot:
    folder = directory.expanduser().resolve()
    for root in (folder, folder.parent):
        if (root / "hummingbot" / LANDMARK).is_file() and (root == folder or folder.name == "hummingbot"):
            return Hummingbot(root)
    what = "is not a Hummingbot (no hummingbot/client/settings.py in it)" if folder.is_dir() else "is not a folder"
    raise SettingsError(f"{folder} {what}")


def require_supported(hummingbot: Hummingbot) -> None:
    """Raise SettingsError unless the tests of this package run on this Hummingbot's version."""
    if not hummingbot.is_supported:
        supported = ", ".join(f"{version} (PyPI {release})" for version, release in SUPPORTED_VERSIONS.items())
        raise SettingsError(
            f"Hummingbot {hummingbot.version} in {hummingbot.root} is not supported; supported: {supported}. "
            "--any-version installs all the same"
        )
