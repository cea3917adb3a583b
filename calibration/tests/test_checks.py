"""What the system checks say about allowed rates and measured tables."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from pytest_django.fixtures import Settings

from calibration.checks import check_tables, check_targets
from calibration.tests.measured import measured as measured  # a fixture


@pytest.mark.parametrize("name", ["FPIR_PER_THOUSAND", "FMR_PER_MILLION", "REVIEW_FPIR_PER_THOUSAND"])
@pytest.mark.parametrize("value", [0.0, -1.0, 1e6, math.nan, math.inf])
def test_rates_that_cannot_be_promised_are_errors(settings: Settings, name: str, value: float) -> None:
    setattr(settings, name, value)
    found = check_targets()
    if name.startswith("REVIEW") and value == 0:
        assert found == []
    else:
        [error] = found
        assert error.id == "calibration.E001" and f"FACEAPP_{name}={value}" in error.msg


@pytest.mark.parametrize("value", [1e-6, 1.0, 10.0, 999.0])
def test_other_rates_are_not(settings: Settings, value: float) -> None:
    settings.FPIR_PER_THOUSAND = settings.FMR_PER_MILLION = settings.REVIEW_FPIR_PER_THOUSAND = value
    assert check_targets() == []


def test_damaged_tables_are_named(measured: Path) -> None:
    assert check_tables() == []
    measured.write_text('{"space": "x", "metrics": {"cosine": [{"distance": 1, "rate": NaN}]}}')
    [error] = check_tables()
    assert error.id == "calibration.E002" and "fake.json" in error.msg


def test_the_shipped_tables_are_usable() -> None:
    assert check_tables() == []
