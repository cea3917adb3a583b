"""Which numbers can be targets of error rates: NaN, infinities and rates of 0 or 1 cannot."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _


def validate_target(value: float) -> None:
    """Per thousand: above 0 and below 1,000."""
    if not 0 < value < 1000:
        raise ValidationError(_("A number above 0 and below 1,000 is required."))


def validate_rate(value: float) -> None:
    """Per million: above 0 and below 1,000,000."""
    if not 0 < value < 1_000_000:
        raise ValidationError(_("A number above 0 and below 1,000,000 is required."))


def validate_review(value: float) -> None:
    """Per thousand, or 0 for none."""
    if not 0 <= value < 1000:
        raise ValidationError(_("A number from 0 to below 1,000 is required."))
