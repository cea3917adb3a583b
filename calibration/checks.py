"""System checks of allowed error rates and of the measured tables."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register

from calibration import tables
from calibration.exceptions import DamagedTable

TARGETS = {"FPIR_PER_THOUSAND": 1e3, "FMR_PER_MILLION": 1e6, "REVIEW_FPIR_PER_THOUSAND": 1e3}


@register()
def check_targets(**_: Any) -> list[CheckMessage]:
    """Rates above 0 and below 1; 0 is no review."""
    problems: list[CheckMessage] = []
    for name, whole in TARGETS.items():
        value = getattr(settings, name)
        if not (0 < value < whole or (name.startswith("REVIEW") and value == 0)):
            hint = f"A number above 0 and below {whole:,.0f}."
            message = f"FACEAPP_{name}={value} is no rate of errors that can be promised."
            problems.append(Error(message, hint=hint, id="calibration.E001"))
    return problems


@register()
def check_tables(**_: Any) -> list[CheckMessage]:
    """Every file of measured rates can be used."""
    problems: list[CheckMessage] = []
    for path in sorted(tables.FOLDER.glob("*.json")):
        try:
            tables.read_tables(tables.read_file(path), path.name)
        except DamagedTable as error:
            hint = "Restore the file, or write it anew with `python manage.py fit_rates <folder> --write`."
            problems.append(Error(error.message, hint=hint, id="calibration.E002"))
    return problems
