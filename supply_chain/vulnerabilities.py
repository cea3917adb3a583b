"""Looks the locked packages up in a database of known vulnerabilities, with pip-audit.

`python -m supply_chain.vulnerabilities` (`make audit`) exits with 1 for a vulnerability that `accepted.toml` does not
name and for packages that were not looked up, and with 0 if there is none or if the database cannot be reached: then it
says that nothing was looked up.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from environment import BASE_DIR
from supply_chain.lock import LOCKS

ACCEPTED = Path(__file__).with_name("accepted.toml")
SERVICES = ("pypi", "osv")
OPTIONS = ("--require-hashes", "--disable-pip", "--progress-spinner", "off", "--format", "json")
BLOCKED = "your network may be blocking this service"  # pip-audit's advice after an error of the connection


@dataclass(frozen=True)
class Found:
    """What pip-audit reports: `vulnerable` lines for people, and packages that the database does not know."""

    packages: int
    vulnerable: tuple[str, ...]
    unknown: tuple[str, ...]


class AuditError(Exception):
    """pip-audit failed for another reason than the network."""


def accepted(today: date, file: Path = ACCEPTED) -> list[str]:
    """The ids that are accepted today. Raises `AuditError` for an entry without id, reason or date."""
    entries = tomllib.loads(file.read_text(encoding="utf-8")).get("accepted", [])
    for entry in entries:
        if set(entry) != {"id", "reason", "until"} or not isinstance(entry["until"], date):
            raise AuditError(f"Each entry of {file.name} needs an id, a reason and a date (until).")
    return [entry["id"] for entry in entries if today <= entry["until"]]


def looked_up(service: str, ignored: list[str]) -> Found | None:
    """What the database knows about the locks; None if it cannot be reached. Raises `AuditError`."""
    locks = [part for lock in LOCKS for part in ("--requirement", lock)]
    ignoring = [part for name in ignored for part in ("--ignore-vuln", name)]
    command = [sys.executable, "-m", "pip_audit", *OPTIONS, "--vulnerability-service", service, *locks, *ignoring]
    done = subprocess.run(command, cwd=BASE_DIR, capture_output=True, text=True)
    return found(done.stdout, done.stderr)


def found(report: str, messages: str) -> Found | None:
    """The report of pip-audit, read; None if its messages, or a report without any package, show that no database
    answered. PyPI's mirrors have packages but often not their vulnerabilities: then every package is unknown.
    """
    try:
        packages = json.loads(report)["dependencies"]
    except (ValueError, KeyError) as error:
        if BLOCKED in messages:
            return None
        raise AuditError(messages.strip()[-2000:] or "pip-audit printed no report.") from error
    unknown = tuple(package["name"] for package in packages if "skip_reason" in package)
    vulnerable = tuple(
        f"{package['name']} {package['version']}: {', '.join([known['id'], *known['aliases']])}; "
        f"fixed in {', '.join(known['fix_versions']) or 'no version'}"
        for package in packages
        for known in package.get("vulns", ())
    )
    return Found(len(packages), vulnerable, unknown) if len(unknown) < len(packages) else None


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m supply_chain.vulnerabilities", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("--service", choices=SERVICES, default="pypi", help="the database: PyPI's own, or OSV")
    service = parser.parse_args(arguments).service
    try:
        result = looked_up(service, accepted(date.today()))
    except AuditError as error:
        print(error, file=sys.stderr)
        return 1
    if result is None:
        print(f"NOT AUDITED: the database of vulnerabilities ({service}) cannot be reached from here.", file=sys.stderr)
        return 0
    for line in (
        *result.vulnerable,
        *(f"{name}: not looked up, the database does not know it" for name in result.unknown),
    ):
        print(line)
    looked = result.packages - len(result.unknown)
    print(f"{looked} packages looked up, {len(result.vulnerable)} known vulnerabilities.")
    return 1 if result.vulnerable or result.unknown else 0


if __name__ == "__main__":
    sys.exit(main())
