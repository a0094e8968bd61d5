"""`hummingbot-extended doctor`: say what is wrong with the connector in a Hummingbot, and the command that cures it."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hummingbot_extended.cli.failure import one_sentence

if TYPE_CHECKING:
    from hummingbot_extended.installer.findings import Finding

COLOURS = {"ok": "green", "warn": "yellow", "fail": "red"}


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command()(doctor)


def doctor(
    hummingbot_dir: Annotated[
        Path | None,
        typer.Option(help="Hummingbot's folder: a checkout, /home/hummingbot in the image, or site-packages."),
    ] = None,
    conf_dir: Annotated[
        list[Path] | None,
        typer.Option(help="A further conf folder, such as hummingbot-api's bots/credentials/master_account."),
    ] = None,
    offline: Annotated[bool, typer.Option("--offline", help="Do not compare the clock over the network.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as one JSON object.")] = False,
) -> None:
    """Check everything that keeps the connector from working. Exit code 0: healthy (warnings allowed), 1: not."""
    from hummingbot_extended.installer.diagnosis import Patient, diagnose, is_healthy
    from hummingbot_extended.installer.hummingbot_folder import find_hummingbot

    with one_sentence():
        hummingbot = find_hummingbot(hummingbot_dir)
        findings = diagnose(Patient(hummingbot, (hummingbot.conf, *(conf_dir or ())), offline))
    healthy = is_healthy(findings)
    if as_json:
        typer.echo(json.dumps({"healthy": healthy, "checks": [asdict(finding) for finding in findings]}))
    else:
        for finding in findings:
            _print(finding)
        typer.echo("healthy" if healthy else "not healthy: see the lines marked fail")
    raise typer.Exit(0 if healthy else 1)


def _print(finding: "Finding") -> None:
    status = typer.style(f"{finding.status:<5}", fg=COLOURS[finding.status])
    typer.echo(f"{status} {finding.check:<14} {finding.detail}")
    if finding.cure:
        typer.echo(f"{'':<21}→ {finding.cure}")
