"""What is made of the reports and errors of pip-audit."""

import json
from datetime import date
from pathlib import Path

import pytest

from supply_chain import vulnerabilities
from supply_chain.vulnerabilities import AuditError, Found

SAFE = {"name": "tqdm", "version": "4.70.1", "vulns": []}
VULNERABLE = {
    "name": "django", "version": "5.2.0", "vulns": [
        {"id": "PYSEC-2025-47", "aliases": ["CVE-2025-48432"], "fix_versions": ["5.2.2"], "description": "Logs"},
        {"id": "PYSEC-2025-99", "aliases": [], "fix_versions": [], "description": "No fix"},
    ],
}  # fmt: skip
UNKNOWN = {"name": "dlib-bin", "skip_reason": "Dependency not found on PyPI and could not be audited: dlib-bin (20)"}
NO_NETWORK = (
    "ERROR:pip_audit._cli:Could not connect\nERROR:pip_audit._cli:Tip: your network may be blocking this service."
)


def report(*packages: object) -> str:
    return json.dumps({"dependencies": packages, "fixes": []})


def test_vulnerabilities_are_told_with_their_fixes() -> None:
    assert vulnerabilities.found(report(SAFE, VULNERABLE), "") == Found(
        packages=2,
        vulnerable=(
            "django 5.2.0: PYSEC-2025-47, CVE-2025-48432; fixed in 5.2.2",
            "django 5.2.0: PYSEC-2025-99; fixed in no version",
        ),
        unknown=(),
    )


def test_a_database_that_knows_no_package_was_not_reached() -> None:
    """A mirror without the database answers 404 for each, which pip-audit reports as no known vulnerability."""
    assert vulnerabilities.found(report(UNKNOWN, UNKNOWN), "No known vulnerabilities found") is None
    assert vulnerabilities.found("", NO_NETWORK) is None


def test_other_errors_are_errors() -> None:
    with pytest.raises(AuditError, match="hash-checking"):
        vulnerabilities.found("", "ERROR:pip_audit._cli:requirement tqdm does not contain a hash-checking option")


@pytest.mark.parametrize(
    ("result", "code", "printed"),
    [
        (None, 0, "NOT AUDITED: the database of vulnerabilities (osv) cannot be reached from here.\n"),
        (Found(3, (), ()), 0, "3 packages looked up, 0 known vulnerabilities.\n"),
        (Found(3, ("django: x",), ()), 1, "django: x\n3 packages looked up, 1 known vulnerabilities.\n"),
        (Found(3, (), ("a",)), 1, "a: not looked up, the database does not know it\n"
                                  "2 packages looked up, 0 known vulnerabilities.\n"),
    ],
)  # fmt: skip
def test_only_an_unreachable_database_is_no_failure(
    result: Found | None, code: int, printed: str,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setattr(vulnerabilities, "looked_up", lambda service, ignored: result)
    assert vulnerabilities.main(["--service", "osv"]) == code
    assert "".join(capsys.readouterr()) == printed


def test_an_accepted_vulnerability_is_judged_again_after_its_day(tmp_path: Path) -> None:
    file = tmp_path / "accepted.toml"
    file.write_text('[[accepted]]\nid = "PYSEC-2026-1"\nreason = "Not used."\nuntil = 2026-12-31\n')
    assert vulnerabilities.accepted(date(2026, 12, 31), file) == ["PYSEC-2026-1"]
    assert vulnerabilities.accepted(date(2027, 1, 1), file) == []


@pytest.mark.parametrize("entry", ['id = "A"\nreason = "B"', 'id = "A"\nreason = "B"\nuntil = "soon"'])
def test_an_entry_needs_an_id_a_reason_and_a_day(entry: str, tmp_path: Path) -> None:
    file = tmp_path / "accepted.toml"
    file.write_text(f"[[accepted]]\n{entry}\n")
    with pytest.raises(AuditError, match="needs an id, a reason and a date"):
        vulnerabilities.accepted(date(2026, 1, 1), file)


def test_the_projects_own_list_can_be_read() -> None:
    vulnerabilities.accepted(date.today())
