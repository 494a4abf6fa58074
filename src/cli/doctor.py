"""`playhead doctor`."""

import sys

import click

from src.operations.doctor import Level, examine


@click.command("doctor")
def command() -> None:
    """Check the set-up, one line each, with the cure; exit 1 when something must be mended."""
    findings = examine()
    for finding in findings:
        click.echo(str(finding))
    if any(finding.level is Level.FAIL for finding in findings):
        sys.exit(1)
