"""Every finding of the doctor, in this process; on real Hummingbots in test_layouts.py and test_lock_out.py."""

import asyncio
import json
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from types import ModuleType

import pytest
from typer.testing import CliRunner

from hummingbot_extended import _bootstrap
from hummingbot_extended.cli import app
from hummingbot_extended.cli import doctor as doctor_command
from hummingbot_extended.installer import clock_check, dependencies, diagnosis, probe_result
from hummingbot_extended.installer.findings import Finding
from hummingbot_extended.installer.hummingbot_folder import CONNECTORS, Hummingbot
from hummingbot_extended.installer.probe_result import Probe, SavedCheck
from hummingbot_extended.installer.saved_configs import read_saved_configs
from hummingbot_extended.installer.shim_files import InstalledShim, Presence, install_copy
from hummingbot_extended.shim import probe as hummingbot_probe

type Pair = tuple[str, str]
HEALTHY = Probe(listed=CONNECTORS)


@pytest.fixture
def patient(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> diagnosis.Patient:
    monkeypatch.setattr(diagnosis, "hook_path", lambda: tmp_path / "hook.pth")
    root = tmp_path / "hummingbot"
    for folder in ("hummingbot/client", "hummingbot/connector/derivative", *diagnosis.FOLDERS):
        (root / folder).mkdir(parents=True)
    (root / "hummingbot/VERSION").write_text("dev-2.18.0")
    return diagnosis.Patient(Hummingbot(root), (root / "conf",), offline=True)


def seen(findings: Iterator[Finding] | list[Finding]) -> list[Pair]:
    return [(finding.status.value, finding.check) for finding in findings]


def test_untested_version_is_a_warning(patient: diagnosis.Patient) -> None:
    (patient.hummingbot.package / "VERSION").write_text("3.0")
    assert seen(diagnosis._check_versions(patient)) == [("ok", "python"), ("warn", "hummingbot")]


@pytest.mark.parametrize(
    ("shim", "status", "word"),
    [
        (InstalledShim(Presence.ABSENT), "fail", "is not in this Hummingbot"),
        (InstalledShim(Presence.FOREIGN), "fail", "lost its marker"),
        (InstalledShim(Presence.COPY, "0.1.0", modified=("a.py",), missing=("b.py",)), "fail", "b.py, a.py"),
        (InstalledShim(Presence.SYMLINK, "0.1.0", dangling=True), "fail", "its package is gone"),
        (InstalledShim(Presence.COPY, "0.0.9", outdated=True), "fail", "of version 0.0.9"),
        (InstalledShim(Presence.COPY, "0.1.0", extra=("notes.txt",)), "ok", "copy of version 0.1.0"),
    ],
)
def test_every_state_of_the_shim_has_a_sentence_and_a_cure(
    patient: diagnosis.Patient, shim: InstalledShim, status: str, word: str
) -> None:
    (finding,) = diagnosis._check_shim(patient, shim)
    assert finding.status == status
    assert word in finding.detail
    assert ("hummingbot-extended install --hummingbot-dir" in finding.cure) == (status == "fail")


def test_absent_shim_is_fine_with_the_hook(patient: diagnosis.Patient, tmp_path: Path) -> None:
    (tmp_path / "hook.pth").touch()
    assert seen(diagnosis._check_shim(patient, InstalledShim(Presence.ABSENT))) == [("ok", "shim")]


def git(root: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=t", "-c", "user.email=t@t", "-c", "init.defaultBranch=main"]
    subprocess.run(["git", "-C", root, *identity, *arguments], check=True, capture_output=True)


def test_untracked_shim_in_a_checkout_is_a_warning(patient: diagnosis.Patient) -> None:
    git(patient.hummingbot.root, "init")
    install_copy(patient.hummingbot)
    copy = InstalledShim(Presence.COPY)
    assert seen(diagnosis._check_upstream(patient, copy)) == [("warn", "upstream")]
    (patient.hummingbot.root / ".git/info/exclude").write_text("extended_perpetual\n")
    assert seen(diagnosis._check_upstream(patient, copy)) == []


def test_upstream_that_brings_its_own_connector_is_named_before_the_update_fails(
    patient: diagnosis.Patient, tmp_path: Path
) -> None:
    """`git merge --ff-only` refuses to write over untracked files."""
    upstream, root = tmp_path / "upstream", patient.hummingbot.root
    upstream.mkdir()
    git(upstream, "init")
    git(upstream, "commit", "--allow-empty", "-m", "one")
    git(root, "init")
    git(root, "remote", "add", "origin", str(upstream))
    git(root, "fetch", "origin")
    git(root, "reset", "--soft", "origin/main")
    git(root, "branch", "--set-upstream-to", "origin/main")
    assert seen(diagnosis._check_upstream(patient, InstalledShim(Presence.ABSENT))) == []

    theirs = upstream / "hummingbot/connector/derivative/extended_perpetual/__init__.py"
    theirs.parent.mkdir(parents=True)
    theirs.touch()
    git(upstream, "add", ".")
    git(upstream, "commit", "-m", "two")
    git(root, "fetch", "origin")
    (finding,) = diagnosis._check_upstream(patient, InstalledShim(Presence.COPY))
    assert (finding.status, finding.detail.split(" of")[0]) == ("fail", "the next update")
    assert "hummingbot-extended uninstall" in finding.cure
    git(root, "reset", "--soft", "origin/main")
    (finding,) = diagnosis._check_upstream(patient, InstalledShim(Presence.COPY))
    assert "this checkout" in finding.detail


def test_release_that_brings_its_own_connector_is_named(patient: diagnosis.Patient) -> None:
    record = patient.hummingbot.root / "hummingbot-1.dist-info/RECORD"
    record.parent.mkdir()
    record.write_text("hummingbot/connector/derivative/extended_perpetual/__init__.py,,\n")
    assert seen(diagnosis._check_upstream(patient, InstalledShim(Presence.ABSENT))) == [("fail", "upstream")]
    record.write_text("hummingbot/__init__.py,,\n")
    assert seen(diagnosis._check_upstream(patient, InstalledShim(Presence.ABSENT))) == []
    assert patient.hummingbot.kind == "pip install"


def test_missing_git_is_no_error(patient: diagnosis.Patient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert diagnosis._git(patient.hummingbot, "status") == ""


def test_lock_outs_are_named_with_a_cure(patient: diagnosis.Patient) -> None:
    conf = patient.conf_folders[0]
    (conf / "connectors/extended_perpetual.yml").touch()
    (conf / "conf_client.yml").write_text("rate_oracle_source: {name: extended_perpetual_local}\n")
    findings = list(diagnosis._check_discovery(patient, Probe(discovery="SyntaxError"), [read_saved_configs(conf)]))
    assert seen(findings) == [("fail", "discovery"), ("fail", "lock-out"), ("fail", "lock-out")]
    assert "(SyntaxError)" in findings[0].detail
    assert f"mv {conf}/connectors/extended_perpetual.yml {conf}/_extended_backup/" in findings[1].cure
    only_main = Probe(listed=CONNECTORS[:1])
    assert len(list(diagnosis._check_discovery(patient, only_main, [read_saved_configs(conf)]))) == 2


def test_parts_that_fail_are_named_one_by_one(patient: diagnosis.Patient) -> None:
    probe = Probe(listed=CONNECTORS, connector="ImportError: x", registration=("a", "b"))
    assert seen(diagnosis._check_parts(patient, probe)) == [
        ("fail", "connector"), ("fail", "registration"),
        ("ok", "candles"), ("ok", "rate oracle"), ("ok", "fee overrides"),
    ]  # fmt: skip
    assert list(diagnosis._check_parts(patient, Probe())) == []


def test_saved_files_are_judged(patient: diagnosis.Patient) -> None:
    checks = {"a.yml": SavedCheck("bad", ()), "b.yml": SavedCheck("", ("colour",)), "c.yml": SavedCheck("", ())}
    findings = list(diagnosis._check_saved(Probe(saved=checks)))
    assert [finding.status.value for finding in findings] == ["fail", "warn", "ok"]


def test_missing_folders_come_with_a_command_that_makes_them(patient: diagnosis.Patient) -> None:
    assert list(diagnosis._check_folders(patient)) == []
    for missing in (["data"], ["data", "logs"]):
        for name in missing:
            (patient.hummingbot.root / name).rmdir()
        (finding,) = diagnosis._check_folders(patient)
        subprocess.run(["sh", "-c", finding.cure], check=True)
        assert list(diagnosis._check_folders(patient)) == []


def test_diagnose_runs_every_check(patient: diagnosis.Patient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diagnosis, "run_probe", lambda hummingbot, conf: HEALTHY)
    install_copy(patient.hummingbot)
    (patient.conf_folders[0] / "conf_client.yml").write_text("a: [")
    findings = diagnosis.diagnose(patient)
    assert [finding.check for finding in findings if finding.status == "fail"] == ["conf"]
    assert not diagnosis.is_healthy(findings)
    (patient.conf_folders[0] / "conf_client.yml").unlink()
    assert diagnosis.is_healthy(diagnosis.diagnose(patient))


# --- the command ------------------------------------------------------------------------------------------------------


@pytest.fixture
def run(patient: diagnosis.Patient, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[int, str]]:
    monkeypatch.setattr(diagnosis, "run_probe", lambda hummingbot, conf: HEALTHY)
    (patient.hummingbot.package / "client/settings.py").touch()
    if "doctor" not in {info.callback.__name__ for info in app.registered_commands if info.callback}:
        doctor_command.register(app)

    def run_doctor(*arguments: str) -> tuple[int, str]:
        command = ["doctor", "--offline", "--hummingbot-dir", str(patient.hummingbot.root), *arguments]
        result = CliRunner().invoke(app, command)
        return result.exit_code, result.output

    return run_doctor


def test_doctor_ends_with_0_when_healthy_and_1_when_not(
    run: Callable[..., tuple[int, str]], patient: diagnosis.Patient
) -> None:
    code, said = run()
    assert (code, said.splitlines()[-1]) == (1, "not healthy: see the lines marked fail")
    assert "→ hummingbot-extended install" in said
    install_copy(patient.hummingbot)
    code, said = run()
    assert (code, said.splitlines()[-1]) == (0, "healthy")


def test_doctor_json_is_one_object(run: Callable[..., tuple[int, str]], patient: diagnosis.Patient) -> None:
    install_copy(patient.hummingbot)
    code, said = run("--json")
    answer = json.loads(said)
    assert (code, answer["healthy"]) == (0, True)
    assert set(answer["checks"][0]) == {"check", "status", "detail", "cure"}


# --- the probe: what Hummingbot itself says ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def activated() -> ModuleType:
    _bootstrap.activate()
    from hummingbot.connector.derivative.extended_perpetual import extended_perpetual_utils, registration

    registration.ERRORS.clear()
    return extended_perpetual_utils


async def test_probe_finds_everything_in_order(activated: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "connectors").mkdir()
    saved = tmp_path / "connectors/extended_perpetual.yml"
    saved.write_text("connector: extended_perpetual\norder_expiry_days: 0\ncolour: red\n")
    found = await asyncio.to_thread(hummingbot_probe.probe, [tmp_path])
    assert found.pop("hummingbot")
    check = found.pop("saved")[str(saved)]
    assert found == {
        "listed": list(CONNECTORS), "discovery": "", "registration": [], "connector": "", "candles": "",
        "rate_source": "", "fee_overrides": "",
    }  # fmt: skip
    assert "order_expiry_days" in check["error"]
    assert check["unknown"] == ["colour"]


def test_probe_reports_each_part_that_is_broken(activated: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    from hummingbot.client.config import fee_overrides_config_map
    from hummingbot.connector.derivative.extended_perpetual import registration

    monkeypatch.setattr(registration, "CANDLES", "hummingbot_extended.gone")
    monkeypatch.setattr(registration, "RATE_SOURCES", "hummingbot_extended.gone")
    monkeypatch.setattr(fee_overrides_config_map, "fee_overrides_dict", dict)
    monkeypatch.setattr(activated, "REGISTRATION_ERROR", "OSError: disk")
    found = hummingbot_probe.probe([])
    assert found["registration"] == ["OSError: disk"]
    assert all(str(found[part]) for part in ("candles", "rate_source", "fee_overrides"))


def test_probe_without_the_connector_ends_early(activated: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    from hummingbot.client.settings import AllConnectorSettings

    monkeypatch.setattr(AllConnectorSettings, "all_connector_settings", {"binance": None})
    assert hummingbot_probe.probe([])["listed"] == []


@pytest.mark.parametrize(
    ("code", "word"),
    [
        ("raise RuntimeError('half built')", "half built"),
        ("import os; os._exit(3)", "exit code 3"),
        (None, "longer than"),
    ],
)
def test_run_probe_reports_a_hummingbot_that_cannot_be_imported(
    patient: diagnosis.Patient, monkeypatch: pytest.MonkeyPatch, code: str | None, word: str
) -> None:
    (patient.hummingbot.package / "__init__.py").write_text(code or "import time; time.sleep(60)")
    if code is None:
        monkeypatch.setattr(probe_result, "TIMEOUT_S", 0.5)
    found = probe_result.run_probe(patient.hummingbot, patient.conf_folders)
    assert word in found.discovery
    assert found.listed == ()


def test_environment_for_puts_the_packages_folder_before_nothing(patient: diagnosis.Patient) -> None:
    import site

    packages = Path(site.getsitepackages()[0]).resolve()
    assert str(packages) not in probe_result.environment_for(Hummingbot(packages))["PYTHONPATH"].split(":")
    named = probe_result.environment_for(patient.hummingbot)["PYTHONPATH"].split(":")
    assert named[0] == str(patient.hummingbot.root)


# --- packages and clock -----------------------------------------------------------------------------------------------


def test_dependencies_of_this_environment_are_sound() -> None:
    assert seen(dependencies.check_dependencies()) == [("ok", "dependencies"), ("ok", "aiohttp"), ("ok", "signing")]


def test_dependency_that_cannot_be_imported_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dependencies, "NEEDED", ("aiohttp", "no_such_module"))
    (finding,) = dependencies.check_dependencies()
    assert "no_such_module (ModuleNotFoundError" in finding.detail
    assert "pip install" in finding.cure


def test_old_or_slow_aiohttp_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    from aiohttp import http_parser

    monkeypatch.setattr(dependencies, "_version", lambda name: "3.8.6")
    assert dependencies._check_aiohttp().status == "fail"
    monkeypatch.undo()
    monkeypatch.setattr(http_parser, "HttpResponseParser", http_parser.HttpResponseParserPy)
    assert dependencies._check_aiohttp().status == "warn"
    assert dependencies._version("no-such-distribution") == "of unknown version"


def test_signer_in_python_is_a_warning_and_a_wrong_one_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    from hummingbot_extended.exchange import backends, signing

    python = backends.PythonBackend()
    monkeypatch.setattr(backends, "find_backend", lambda: python)
    assert dependencies._check_signer("pip").status == "warn"
    monkeypatch.setattr(signing, "verify", lambda *arguments: False)
    assert "wrong signatures" in dependencies._check_signer("pip").detail
    monkeypatch.setattr(signing, "verify", None)
    assert "cannot be signed" in dependencies._check_signer("pip").detail


@pytest.fixture
def exchange(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, object]]:
    """A server whose clock is `ahead_s` ahead; a None leaves the Date out."""
    answer: dict[str, object] = {"ahead_s": 0.0, "status": 200}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response_only(int(str(answer["status"])))
            if answer["ahead_s"] is not None:
                self.send_header("Date", formatdate(time.time() + float(str(answer["ahead_s"])), usegmt=True))
            self.end_headers()

        def log_message(self, *arguments: object) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}).start()
        monkeypatch.setenv("EXTENDED_PERPETUAL_LOCAL_URL", f"http://127.0.0.1:{server.server_port}")
        yield answer
        server.shutdown()


@pytest.mark.parametrize(
    ("ahead_s", "http_status", "status", "word"),
    [
        (0.0, 200, "ok", "agrees with extended_perpetual_local"), (0.0, 500, "ok", "agrees"),
        (30.0, 200, "warn", "behind extended_perpetual_local"), (-600.0, 200, "fail", "ahead of"),
        (None, 200, "warn", "has no Date"),
    ],
)  # fmt: skip
def test_clock_is_compared_with_the_network_whose_keys_are_saved(
    exchange: dict[str, object], ahead_s: float | None, http_status: int, status: str, word: str
) -> None:
    exchange.update(ahead_s=ahead_s, status=http_status)
    (finding,) = clock_check.check_clock(["extended_perpetual_local"])
    assert (finding.status.value, word in finding.detail) == (status, True)


def test_clock_without_a_server_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    monkeypatch.setenv("EXTENDED_PERPETUAL_LOCAL_URL", f"http://127.0.0.1:{port}")
    assert seen(clock_check.check_clock(["extended_perpetual_local"])) == [("warn", "clock")]
    monkeypatch.setenv("EXTENDED_PERPETUAL_LOCAL_URL", "http://example.org")
    assert seen(clock_check.check_clock(["extended_perpetual_local"])) == [("warn", "clock")]


def test_clock_asks_nobody_when_offline_or_not_connected() -> None:
    assert "offline" in next(iter(clock_check.check_clock(CONNECTORS, offline=True))).detail
    assert "no network is connected" in next(iter(clock_check.check_clock([]))).detail
