"""Everything that other apps may ask of the gallery; the modules behind it are cut by noun."""

from __future__ import annotations

from people.batches import enrol_photographs
from people.enrolment import enrol_face
from people.erasure import erase_faces, erase_person
from people.gate import deployment_gate, remarks_on, require_quality
from people.portraits import (
    add_reference_image,
    add_templates,
    adopt_face,
    embed_reference_image,
    read_portrait,
    read_portraits,
)
from people.records import (
    checked,
    create_person,
    delete_reference_image,
    find_person,
    get_person,
    get_reference_image,
    set_primary_image,
    update_person,
)
from people.searching import compare_faces, search_each, search_people, verify_person
from people.verifying import compare_live, verify_live
from storage.files import STORAGE_ERRORS, discard_files, erase_files, read_file, store_file

__all__ = [
    "STORAGE_ERRORS",
    "add_reference_image",
    "add_templates",
    "adopt_face",
    "checked",
    "compare_faces",
    "compare_live",
    "create_person",
    "delete_reference_image",
    "deployment_gate",
    "discard_files",
    "embed_reference_image",
    "enrol_face",
    "enrol_photographs",
    "erase_faces",
    "erase_files",
    "erase_person",
    "find_person",
    "get_person",
    "get_reference_image",
    "read_file",
    "read_portrait",
    "read_portraits",
    "remarks_on",
    "require_quality",
    "search_each",
    "search_people",
    "set_primary_image",
    "store_file",
    "update_person",
    "verify_live",
    "verify_person",
]
