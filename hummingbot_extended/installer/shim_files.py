"""The shim in a Hummingbot's connector folder: written whole or not at all, recognised, and removed with care."""

import hashlib
import json
import os
import shlex
import shutil
import tempfile
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from hummingbot_extended import __version__
from hummingbot_extended.errors import SettingsError
from hummingbot_extended.installer.hummingbot_folder import Hummingbot
from hummingbot_extended.installer.own_package import requirement

SOURCE = Path(__file__).resolve().parent.parent / "shim" / "extended_perpetual"
MARKER = ".hummingbot-extended.json"
# Names with a leading underscore are passed over by Hummingbot's discovery.
_TEMPORARY_PREFIX = "_extended_perpetual."
_LINK_TAIL = ("hummingbot_extended", "shim", "extended_perpetual")


class Presence(Enum):
    """What stands at the shim's place."""

    ABSENT = "absent"
    COPY = "copy"
    SYMLINK = "symlink"
    FOREIGN = "foreign"


@dataclass(frozen=True, slots=True)
class InstalledShim:
    """What was found in a Hummingbot. `modified` and `missing` are files of ours; `extra` is not ours."""

    presence: Presence
    version: str = ""
    modified: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()
    outdated: bool = False
    dangling: bool = False

    @property
    def is_intact(self) -> bool:
        """Whether it is ours, whole and unchanged (it may be of another version)."""
        if self.presence is Presence.SYMLINK:
            return not self.dangling
        return self.presence is Presence.COPY and not (self.modified or self.missing)


def shim_hashes(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of every Python file in `folder`, by name."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.glob("*.py"))}


def inspect_shim(hummingbot: Hummingbot) -> InstalledShim:
    """Return what stands at the shim's place in `hummingbot`."""
    target = hummingbot.shim
    if target.is_symlink():
        points_to = Path(os.readlink(target))
        ours = points_to.parts[-3:] == _LINK_TAIL
        if not ours:
            return InstalledShim(Presence.FOREIGN)
        outdated = target.resolve() != SOURCE
        return InstalledShim(Presence.SYMLINK, __version__, outdated=outdated, dangling=not target.exists())
    if not target.exists():
        return InstalledShim(Presence.ABSENT)
    marker = _read_marker(target)
    if marker is None:
        return InstalledShim(Presence.FOREIGN)
    version, recorded = marker
    present = shim_hashes(target)
    own = {*recorded, MARKER, "__pycache__"}
    return InstalledShim(
        Presence.COPY,
        version,
        modified=tuple(name for name, digest in recorded.items() if present.get(name, digest) != digest),
        missing=tuple(name for name in recorded if name not in present),
        extra=tuple(sorted(path.name for path in target.iterdir() if path.name not in own)),
        outdated=recorded != shim_hashes(SOURCE),
    )


def _read_marker(folder: Path) -> tuple[str, dict[str, str]] | None:
    try:
        content = json.loads((folder / MARKER).read_text(encoding="utf-8"))
        return str(content["version"]), {str(name): str(digest) for name, digest in content["files"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def refuse_foreign(hummingbot: Hummingbot) -> InstalledShim:
    """Return what is there. Raises SettingsError when it is not ours."""
    found = inspect_shim(hummingbot)
    if found.presence is Presence.FOREIGN:
        raise SettingsError(
            f"{hummingbot.shim} exists and is not of hummingbot-extended; move it away first: "
            + shlex.join(["mv", str(hummingbot.shim), str(hummingbot.root / "extended_perpetual.moved")])
        )
    return found


def install_copy(hummingbot: Hummingbot) -> list[Path]:
    """Copy the shim into `hummingbot`, replacing one of ours; return where files that others changed were kept.

    The new folder is complete before it takes its place. Raises SettingsError on a foreign folder, OSError when the
    place cannot be written.
    """
    found = refuse_foreign(hummingbot)
    temporary = _temporary_folder(hummingbot)
    try:
        for path in sorted(SOURCE.glob("*.py")):
            shutil.copyfile(path, temporary / path.name)
        marker = {
            "package": "hummingbot-extended",
            "version": __version__,
            "requirement": requirement(),  # missing.py names it when the package is gone
            "files": shim_hashes(temporary),
        }
        (temporary / MARKER).write_text(json.dumps(marker, indent=1) + "\n", encoding="utf-8")
        return _take_place(hummingbot, temporary, found)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        _remove_leftovers(hummingbot)


def install_symlink(hummingbot: Hummingbot) -> list[Path]:
    """Link the shim into `hummingbot`, replacing one of ours; return where files that others changed were kept.

    Raises SettingsError on a foreign folder, OSError when the place cannot be written.
    """
    found = refuse_foreign(hummingbot)
    folder = _temporary_folder(hummingbot)
    try:
        link = folder / "link"
        link.symlink_to(SOURCE, target_is_directory=True)
        return _take_place(hummingbot, link, found)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        _remove_leftovers(hummingbot)


def _temporary_folder(hummingbot: Hummingbot) -> Path:
    folder = Path(tempfile.mkdtemp(prefix=_TEMPORARY_PREFIX, dir=hummingbot.derivatives))
    folder.chmod(0o755)
    return folder


def _take_place(hummingbot: Hummingbot, new: Path, found: InstalledShim) -> list[Path]:
    target = hummingbot.shim
    kept = keep_aside(hummingbot, found)
    old = Path(tempfile.mkdtemp(prefix=_TEMPORARY_PREFIX, dir=hummingbot.derivatives)) / "old"
    if found.presence is not Presence.ABSENT:
        target.rename(old)
    try:
        new.rename(target)
    except BaseException:
        if found.presence is not Presence.ABSENT:
            old.rename(target)
        raise
    return kept


def _remove_leftovers(hummingbot: Hummingbot) -> None:
    """Remove what a replacement leaves behind, also one that was killed."""
    for path in hummingbot.derivatives.glob(f"{_TEMPORARY_PREFIX}*"):
        shutil.rmtree(path, ignore_errors=True)


def keep_aside(hummingbot: Hummingbot, found: InstalledShim) -> list[Path]:
    """Copy files that others changed or added to conf/_extended_backup/shim; return where they are."""
    kept = []
    for name in (*found.modified, *found.extra):
        place = free_name(hummingbot.conf / "_extended_backup" / "shim" / name)
        place.parent.mkdir(parents=True, exist_ok=True)
        source = hummingbot.shim / name
        if source.is_dir():
            shutil.copytree(source, place)
        else:
            shutil.copy2(source, place)
        kept.append(place)
    return kept


def free_name(path: Path) -> Path:
    """Return `path`, or it with .1, .2, … appended where it is taken."""
    number, free = 0, path
    while free.exists():
        number += 1
        free = path.with_name(f"{path.name}.{number}")
    return free


def remove_shim(hummingbot: Hummingbot) -> list[Path]:
    """Remove the shim as far as it is ours and unchanged; return what was left in place.

    Where nothing was changed the folder vanishes at once. Raises OSError when it cannot be removed.
    """
    found = inspect_shim(hummingbot)
    target = hummingbot.shim
    if found.presence is Presence.SYMLINK:
        target.unlink()
    if found.presence is not Presence.COPY:
        return []
    left = [target / name for name in (*found.modified, *found.extra)]
    if not left:
        folder = _temporary_folder(hummingbot)
        target.rename(folder / "old")
        _remove_leftovers(hummingbot)
        return []
    _, recorded = _read_marker(target) or ("", {})
    for name in recorded:
        if name not in found.modified:
            (target / name).unlink(missing_ok=True)
    shutil.rmtree(target / "__pycache__", ignore_errors=True)
    return left
