"""What the console says of errors. Services say it in English; pages in other languages take a sentence from a table.

An English page shows the message of the service, which knows more than its code: a limit, a name, the reason for each
file. `docs/errors.md` lists the codes, and a test asks for a sentence for each of them.
"""

from __future__ import annotations

from traceback import walk_tb
from typing import Any

from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from blacklist.exceptions import NoUsableImage
from console.sentences import ALWAYS, SENTENCES
from console.try_it.words import reason
from errors import FaceAppError
from people.exceptions import PoorQuality
from rest.errors import Problem
from vision.exceptions import NotRecognisable

# Mistakes in values of a form for which Django REST framework has sentences in every language.
FRAMEWORK = {"required", "null", "blank", "max_length", "min_length", "max_value", "min_value", "invalid_choice",
             "not_a_list", "empty", "max_digits", "no_name"}  # fmt: skip
UNKNOWN = gettext_lazy("The service has refused this.")
BAD_VALUE = gettext_lazy("A value cannot be used. Correct it, and send the form again.")


def sentence(message: str, code: str) -> str:
    """What a page says of an error with this code, for which a service has an English message."""
    if is_english():
        return message
    return str(SENTENCES.get(code, UNKNOWN)) if message or code else ""


def said(error: Any) -> str:
    """The same of an error of the domain (`FaceAppError`, `Refusal`), with what else it knows."""
    if error.code in ALWAYS:
        return str(ALWAYS[error.code])
    if is_own(error) or is_english():
        return str(error.message)
    if isinstance(error, NotRecognisable):
        return _("The face cannot be recognised: it is %(reason)s.") % {"reason": reason(error.reason)}
    if isinstance(error, PoorQuality):
        return " ".join(sentence(remark.message, remark.code) for remark in error.remarks)
    if isinstance(error, NoUsableImage) and len(error.refusals) > 1:
        each = " ".join(f"{one.name or _('Photograph')}: {said(one)}" for one in error.refusals)
        return f"{sentence(error.message, error.code)} {each}"
    return sentence(error.message, error.code)


def explained(problem: Problem, error: BaseException) -> str:
    """The text of a page, or of a part of one, about a request that failed."""
    if isinstance(error, FaceAppError):
        return said(error)
    if problem.code in ALWAYS:
        return str(ALWAYS[problem.code])
    if isinstance(problem.detail, list):
        return " ".join(dict.fromkeys(map(_mistake, problem.detail)))
    return sentence(str(problem.detail), problem.code)


def _mistake(mistake: dict[str, Any]) -> str:
    if is_english() or mistake["type"] in FRAMEWORK:
        return str(mistake["msg"])
    return str(SENTENCES.get(mistake["type"], BAD_VALUE))


def is_english() -> bool:
    return (get_language() or "en").startswith("en")


def is_own(error: Any) -> bool:
    """Whether the console has raised it, whose sentences are in the language of the page already."""
    if not isinstance(error, BaseException):
        return False
    *_before, last = [None, *walk_tb(error.__traceback__)]
    return last is not None and str(last[0].f_globals.get("__name__", "")).startswith("console.")
