"""Under which licence an installed package says it is, in SPDX's terms where it uses them."""

from __future__ import annotations

from importlib import metadata

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model.license import License, LicenseExpression

CLASSIFIER = "License :: "
LONGEST = 100  # characters: some packages put the whole text of the licence where its name belongs


def licence(text: str) -> License | LicenseExpression:
    """An SPDX id or expression, or else a licence of this name."""
    return LicenseFactory().make_from_string(text)


def stated(package: str, version: str) -> str:
    """What the package states: an expression, the name of a licence, or its classifiers; empty if it states nothing,
    or is not installed in this version here.
    """
    try:
        found = metadata.metadata(package)
    except metadata.PackageNotFoundError:
        return ""
    if found["Version"] != version:
        return ""
    if "License-Expression" in found:
        return found["License-Expression"]
    values = [str(value) for value in found.get_all("Classifier") or ()]
    classifiers = [value.rpartition(" :: ")[2] for value in values if value.startswith(CLASSIFIER)]
    name = found["License"].strip() if "License" in found else ""
    return "; ".join(classifiers) or (name if "\n" not in name and len(name) <= LONGEST else "")
