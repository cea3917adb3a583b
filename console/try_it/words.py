"""What figures mean, in sentences."""

from __future__ import annotations

from django.utils.formats import number_format
from django.utils.translation import gettext as _

from calibration.types import Comparison, Decision, OperatingPoint, false_alarms
from vision.quality import RECOGNISABLE
from vision.types import DetectedFace

COMMON = 0.05  # a rate at which resemblance says nothing


def odds(point: OperatingPoint, distance: float | None) -> str:
    """How often a stranger comes as near as this; empty where nobody has measured it."""
    found = None if distance is None else point.stranger_rate(distance)
    if found is None:
        return ""
    rate, is_measured = found
    if rate >= COMMON:
        return _("Many strangers come this near.")
    if is_measured:
        said = _("A stranger would come this near about once in %(number)s comparisons.")
    else:
        said = _("A stranger would come this near less than once in %(number)s comparisons, the rarest measured.")
    said %= {"number": one_in(rate)}
    anybody = false_alarms(rate, point.people) or 0.0
    if point.people <= 1 or anybody >= COMMON:
        return said
    among = _("To any of %(people)s people: once in %(number)s searches.")
    if not is_measured:
        among = _("To any of %(people)s people: less than once in %(number)s searches.")
    return f"{said} {among % {'people': number_format(point.people, force_grouping=True), 'number': one_in(anybody)}}"


def one_in(rate: float) -> str:
    """The 40,000 of "one in 40,000": two digits that count."""
    digits = len(str(round(1 / rate)))
    return number_format(round(1 / rate, 2 - digits), decimal_pos=0, force_grouping=True)


def verdict(decision: Decision) -> str:
    return {
        Decision.MATCH: _("Match"),
        Decision.REVIEW: _("Look closer"),
        Decision.NO_MATCH: _("No match"),
        Decision.NOT_RECOGNISABLE: _("Cannot be recognised"),
    }[decision]


def tone(decision: Decision) -> str:
    """The colour of a decision, by the names of the style sheet."""
    return {
        Decision.MATCH: "good",
        Decision.REVIEW: "careful",
        Decision.NO_MATCH: "plain",
        Decision.NOT_RECOGNISABLE: "poor",
    }[decision]


def clarity(face: DetectedFace) -> str:
    """How well the face can be recognised, and why not."""
    if not face.is_recognisable:
        return _("The face cannot be recognised: it is %(reason)s.") % {"reason": reason(face.recognisability_reason)}
    if face.recognisability is not None and face.recognisability < RECOGNISABLE:
        return _("Hard to recognise: the face is %(reason)s.") % {"reason": reason(face.recognisability_reason)}
    return _("The face is clear enough to be recognised.") if face.recognisability is not None else ""


def reason(code: str | None) -> str:
    """In words, a code of `vision.quality`."""
    return {
        "cut": _("cut off at the edge of the picture"),
        "turned": _("turned away or tilted"),
        "small": _("too small"),
        "dark": _("too dark"),
        "blurred": _("blurred"),
    }.get(code or "", _("covered or unclear"))


def not_compared(comparison: Comparison) -> str:
    return _("The face cannot be recognised: it is %(reason)s.") % {"reason": reason(comparison.reason)}
