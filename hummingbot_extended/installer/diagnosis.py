"""Everything `doctor` checks, in the order of causes: a later finding often follows from an earlier one."""

import platform
import shlex
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from hummingbot_extended import __version__
from hummingbot_extended.errors import SettingsError
from hummingbot_extended.installer.clock_check import check_clock
from hummingbot_extended.installer.dependencies import check_dependencies
from hummingbot_extended.installer.findings import Finding, Status, fail, ok, warn
from hummingbot_extended.installer.hook_file import hook_path
from hummingbot_extended.installer.hummingbot_folder import CONNECTORS, SUPPORTED_VERSIONS, Hummingbot
from hummingbot_extended.installer.own_package import pip_install
from hummingbot_extended.installer.probe_result import Probe, run_probe
from hummingbot_extended.installer.saved_configs import SavedConfigs, read_saved_configs
from hummingbot_extended.installer.shim_files import InstalledShim, Presence, inspect_shim

FOLDERS = ("conf/connectors", "conf/strategies", "conf/scripts", "conf/controllers", "scripts", "logs", "data")


@dataclass(frozen=True, slots=True)
class Patient:
    """What is examined: a Hummingbot and the conf folders that are used with it."""

    hummingbot: Hummingbot
    conf_folders: tuple[Path, ...]
    offline: bool = False

    def command(self, name: str) -> str:
        """Return the command line `hummingbot-extended NAME` for this Hummingbot."""
        return f"hummingbot-extended {name} --hummingbot-dir {shlex.quote(str(self.hummingbot.root))}"


def diagnose(patient: Patient) -> list[Finding]:
    """Run every check and return its findings. Imports Hummingbot in another process; takes some seconds."""
    shim = inspect_shim(patient.hummingbot)
    findings = [*_check_versions(patient), *_check_shim(patient, shim), *_check_upstream(patient, shim)]
    saved, unreadable = _read_saved(patient)
    probe = run_probe(patient.hummingbot, patient.conf_folders)
    findings += [*unreadable, *_check_discovery(patient, probe, saved), *_check_parts(patient, probe)]
    findings += [*_check_saved(probe), *_check_folders(patient), *check_dependencies()]
    names = {name for config in saved for name in config.names}
    return [*findings, *check_clock(sorted(names), offline=patient.offline)]


def _check_versions(patient: Patient) -> Iterator[Finding]:
    yield ok("python", f"{platform.python_version()} ({sys.executable})")
    hummingbot = patient.hummingbot
    what = f"{hummingbot.version}, {hummingbot.kind} in {hummingbot.root}"
    if hummingbot.is_supported:
        yield ok("hummingbot", what)
    else:
        supported = ", ".join(SUPPORTED_VERSIONS)
        yield warn(
            "hummingbot", f"{what}: the tests do not run on this version", f"use a supported version: {supported}"
        )


def _check_shim(patient: Patient, shim: InstalledShim) -> Iterator[Finding]:
    install = patient.command("install")
    target = patient.hummingbot.shim
    has_hook = hook_path().exists()
    match shim.presence:
        case Presence.FOREIGN:
            away = shlex.quote(str(patient.hummingbot.root / "extended_perpetual.moved"))
            move = f"mv {shlex.quote(str(target))} {away} && {install}"
            yield fail("shim", f"{target} is not of hummingbot-extended, or lost its marker", move)
        case Presence.ABSENT if has_hook:
            yield ok("shim", f"import hook ({hook_path()})")
        case Presence.ABSENT:
            yield fail("shim", f"the connector is not in this Hummingbot ({target})", install)
        case _ if not shim.is_intact:
            broken = "its package is gone" if shim.dangling else ", ".join((*shim.missing, *shim.modified))
            yield fail("shim", f"damaged or changed by hand: {broken}", install)
        case _ if shim.outdated:
            yield fail("shim", f"of version {shim.version or 'unknown'}; the package is {__version__}", install)
        case _:
            yield ok("shim", f"{shim.presence.value} of version {shim.version}, unchanged")


def _check_upstream(patient: Patient, shim: InstalledShim) -> Iterator[Finding]:
    """Hummingbot may one day bring a connector of the same name: then ours must make room, or its update fails."""
    if where := _upstream_has_its_own(patient.hummingbot):
        yield fail(
            "upstream", f"{where} of Hummingbot has an extended_perpetual of its own", patient.command("uninstall")
        )
    elif shim.presence is not Presence.ABSENT and _shows_in_git_status(patient.hummingbot):
        yield warn("upstream", "git status shows the shim as untracked", patient.command("install"))


def _shows_in_git_status(hummingbot: Hummingbot) -> bool:
    return hummingbot.is_checkout and not _git(hummingbot, "check-ignore", str(hummingbot.shim))


def _upstream_has_its_own(hummingbot: Hummingbot) -> str:
    path = hummingbot.shim.relative_to(hummingbot.root).as_posix()
    if hummingbot.is_checkout:
        for revision, where in (("HEAD", "this checkout"), ("@{upstream}", "the next update")):
            if _git(hummingbot, "ls-tree", "--name-only", revision, path):
                return where
    for record in hummingbot.root.glob("hummingbot-*.dist-info/RECORD"):
        if f"{path}/" in record.read_text(encoding="utf-8", errors="replace"):
            return "the installed release"
    return ""


def _git(hummingbot: Hummingbot, *arguments: str) -> str:
    command = ["git", "-C", str(hummingbot.root), *arguments]
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=20, check=False).stdout.strip()  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return ""


def _read_saved(patient: Patient) -> tuple[list[SavedConfigs], list[Finding]]:
    saved, findings = [], []
    for conf in patient.conf_folders:
        try:
            saved.append(read_saved_configs(conf))
        except SettingsError as error:
            findings.append(fail("conf", str(error), "correct or remove the file; Hummingbot writes it anew"))
    return saved, findings


def _check_discovery(patient: Patient, probe: Probe, saved: Sequence[SavedConfigs]) -> Iterator[Finding]:
    missing = [name for name in CONNECTORS if name not in probe.listed]
    if not missing:
        yield ok("discovery", f"Hummingbot lists {', '.join(probe.listed)}")
        return
    said = f" ({probe.discovery})" if probe.discovery else ""
    yield fail("discovery", f"Hummingbot does not list {', '.join(missing)}{said}", patient.command("install"))
    for config in saved:
        yield from _lock_outs(patient, config, missing)


def _lock_outs(patient: Patient, config: SavedConfigs, missing: Sequence[str]) -> Iterator[Finding]:
    install = patient.command("install")
    for path in config.keys:
        if path.stem in missing:
            backup = shlex.quote(str(config.backup))
            yield fail(
                "lock-out",
                f"keys are saved in {path}, but Hummingbot does not find the connector: nobody can log in",
                f"{install}   (or, to log in without it: mkdir -p {backup} && mv {shlex.quote(str(path))} {backup}/)",
            )
    if config.rate_source in missing:
        yield fail(
            "lock-out",
            f"{config.conf / 'conf_client.yml'} names {config.rate_source} as rate_oracle_source: nobody can log in",
            f"{install}   (or, to log in without it: {patient.command('uninstall')})",
        )


def _check_parts(patient: Patient, probe: Probe) -> Iterator[Finding]:
    if not probe.listed:
        return
    reinstall = pip_install("--force-reinstall", "--no-deps")
    for check, error, good in (
        ("connector", probe.connector, "its class can be imported"),
        ("registration", "; ".join(probe.registration), "no error while Hummingbot started"),
        ("candles", probe.candles, "CandlesFactory has all three"),
        ("rate oracle", probe.rate_source, "rate_oracle_source may name all three"),
        ("fee overrides", probe.fee_overrides, "conf_fee_overrides.yml is read"),
    ):
        yield fail(check, error, reinstall) if error else ok(check, good)


def _check_saved(probe: Probe) -> Iterator[Finding]:
    for path, check in probe.saved.items():
        if check.error:
            yield fail("saved keys", f"{path} is refused, nobody can log in: {check.error}", f"edit {path}")
        elif check.unknown:
            yield warn("saved keys", f"{path}: unknown settings {', '.join(check.unknown)}", f"edit {path}")
        else:
            yield ok("saved keys", path)


def _check_folders(patient: Patient) -> Iterator[Finding]:
    absent = [name for name in FOLDERS if not (patient.hummingbot.root / name).is_dir()]
    if absent:
        root = patient.hummingbot.root
        make = "mkdir -p " + " ".join(shlex.quote(str(root / name)) for name in absent)
        yield warn("folders", f"Hummingbot will miss {', '.join(absent)} in {root}", make)


def is_healthy(findings: Sequence[Finding]) -> bool:
    """Whether nothing failed; warnings are no failure."""
    return all(finding.status is not Status.FAIL for finding in findings)
