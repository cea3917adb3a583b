"""What actions of the audit are called, and who took them."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from audit.spot_checks import Proof
from audit.types import Action

ACTIONS = {
    Action.SEARCH: _("Searched for a face"),
    Action.VERIFY: _("Verified a person"),
    Action.COMPARE: _("Compared images"),
    Action.SCREEN: _("Screened images"),
    Action.MATCH: _("Matched the images of an album"),
    Action.DETECT: _("Computed embeddings of faces"),
    Action.LIVENESS: _("Checked liveness"),
    Action.VIEW: _("Looked at"),
    Action.ENROL: _("Enrolled faces"),
    Action.CREATE: _("Made"),
    Action.CHANGE: _("Changed"),
    Action.MERGE: _("Merged"),
    Action.SPLIT: _("Split"),
    Action.DECIDE: _("Decided a hit"),
    Action.TRAIN: _("Trained a recogniser"),
    Action.EXPORT: _("Exported or sent"),
    Action.IMPORT: _("Imported"),
    Action.ERASE: _("Erased"),
    Action.LOGIN: _("Logged in"),
    Action.FAILED_LOGIN: _("Failed to log in"),
    Action.LOGOUT: _("Logged out"),
    Action.KEY_MADE: _("Made an API key"),
    Action.KEY_REVOKED: _("Revoked an API key"),
    Action.KEY_CHANGED: _("Changed an API key"),
    Action.KEY_ROTATED: _("Replaced an API key"),
    Action.ROLE_CHANGED: _("Changed what a user may do"),
    Action.SETTINGS_CHANGED: _("Changed settings"),
    Action.STOP: _("Stopped all searching"),
    Action.GO: _("Let searching go on"),
}
KINDS = {
    "key": _("Key"),
    "user": _("User"),
    "command": _("Command"),
    "worker": _("Worker"),
    "anonymous": _("Anonymous"),
}
PROOFS = {
    Proof.WAITING: (_("waits for its seal"), ""),
    Proof.INTACT: (_("as it was sealed"), "good"),
    Proof.BROKEN: (_("not as it was sealed"), "alarm"),
    Proof.UNKNOWN: (_("not compared here"), ""),
}
