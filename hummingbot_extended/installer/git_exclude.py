"""Keeps the shim out of `git status` in a source checkout, through .git/info/exclude: no tracked file changes."""

from pathlib import Path

from hummingbot_extended.installer.hummingbot_folder import Hummingbot

LINE = "/hummingbot/connector/derivative/extended_perpetual"


def add_git_exclude(hummingbot: Hummingbot) -> bool:
    """Add the line where it is missing. Returns whether it is there now: False outside a checkout."""
    path = _exclude_file(hummingbot)
    if path is None:
        return False
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    if LINE not in text.splitlines():
        path.parent.mkdir(parents=True, exist_ok=True)
        gap = "" if not text or text.endswith("\n") else "\n"
        path.write_text(f"{text}{gap}{LINE}\n", encoding="utf-8")
    return True


def remove_git_exclude(hummingbot: Hummingbot) -> None:
    """Remove the line where it is."""
    path = _exclude_file(hummingbot)
    if path is not None and path.exists():
        lines = path.read_text(encoding="utf-8").splitlines()
        if LINE in lines:
            path.write_text("".join(f"{line}\n" for line in lines if line != LINE), encoding="utf-8")


def _exclude_file(hummingbot: Hummingbot) -> Path | None:
    git = hummingbot.root / ".git"
    if git.is_file():  # a worktree or submodule: "gitdir: PATH"; excludes are shared in the common folder
        _, _, named = git.read_text(encoding="utf-8").partition("gitdir:")
        git = (hummingbot.root / named.strip()).resolve()
        if (git / "commondir").is_file():
            git = (git / (git / "commondir").read_text(encoding="utf-8").strip()).resolve()
    return git / "info" / "exclude" if git.is_dir() else None
