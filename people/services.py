"""What other apps may ask of people; each verb lives in the module of its noun."""

from __future__ import annotations

from people.elsewhere.asking import AskedGalleries, RemoteNeighbour, asked_in, ours_of
from people.elsewhere.places import remaining_of, wait_until_there
from people.enrolment import enrol_face, enrol_photographs
from people.erasure import add_receipt, erase_faces, erase_people, erase_person, forget_photographs, hold_people
from people.evidence import demands_liveness, require_no_policy
from people.failures import attempt_at
from people.galleries import (
    SearchedGalleries,
    create_gallery,
    delete_gallery,
    galleries_called,
    get_gallery,
    search_in,
    update_gallery,
)
from people.health import Health, health_of
from people.looks import Described, Look, describe_faces
from people.merging import keep_apart, merge_persons, merged_fields, split_person
from people.nameless import enrol_nameless, erase_face, is_nameless, move_face, read_faces, set_apart
from people.neighbours import SearchedTemplates
from people.news import Seen, record_search
from people.one_gallery import (
    EveryFace,
    Wanted,
    search_embeddings,
    search_every_face,
    search_face,
    search_stored_faces,
    similarity_to,
)
from people.pairs import (
    ClosestPair,
    EveryComparison,
    FacePairs,
    compare_all,
    compare_closest,
    compare_embeddings,
    compare_embeddings_with_photograph,
    compare_with_photograph,
)
from people.persons import checked, create_person, find_person, get_person, save_person, update_person
from people.quality_gate import deployment_gate, remarks_on
from people.reference_images import (
    add_reference_image,
    adopt_face,
    delete_reference_image,
    get_reference_image,
    read_portrait,
    read_portraits,
    save_reference_images,
    set_primary_image,
    written_files,
)
from people.report import report_of_image, report_of_person
from people.search import search_each, search_people
from people.shadow import offer_probe
from people.suggestions import (
    Check,
    Hints,
    check_of,
    compare_people,
    hints_of,
    is_unlike,
    request_check,
    same_person_pairs,
)
from people.verification import compare_faces, compare_live, verify_live, verify_person

__all__ = [
    "AskedGalleries",
    "Check",
    "ClosestPair",
    "Described",
    "EveryComparison",
    "EveryFace",
    "FacePairs",
    "Health",
    "Hints",
    "Look",
    "RemoteNeighbour",
    "SearchedGalleries",
    "SearchedTemplates",
    "Seen",
    "Wanted",
    "add_receipt",
    "add_reference_image",
    "adopt_face",
    "asked_in",
    "attempt_at",
    "check_of",
    "checked",
    "compare_all",
    "compare_closest",
    "compare_embeddings",
    "compare_embeddings_with_photograph",
    "compare_faces",
    "compare_live",
    "compare_people",
    "compare_with_photograph",
    "create_gallery",
    "create_person",
    "delete_gallery",
    "delete_reference_image",
    "demands_liveness",
    "deployment_gate",
    "describe_faces",
    "enrol_face",
    "enrol_nameless",
    "enrol_photographs",
    "erase_face",
    "erase_faces",
    "erase_people",
    "erase_person",
    "find_person",
    "forget_photographs",
    "galleries_called",
    "get_gallery",
    "get_person",
    "get_reference_image",
    "health_of",
    "hints_of",
    "hold_people",
    "is_nameless",
    "is_unlike",
    "keep_apart",
    "merge_persons",
    "merged_fields",
    "move_face",
    "offer_probe",
    "ours_of",
    "read_faces",
    "read_portrait",
    "read_portraits",
    "record_search",
    "remaining_of",
    "remarks_on",
    "report_of_image",
    "report_of_person",
    "request_check",
    "require_no_policy",
    "same_person_pairs",
    "save_person",
    "save_reference_images",
    "search_each",
    "search_embeddings",
    "search_every_face",
    "search_face",
    "search_in",
    "search_people",
    "search_stored_faces",
    "set_apart",
    "set_primary_image",
    "similarity_to",
    "split_person",
    "update_gallery",
    "update_person",
    "verify_live",
    "verify_person",
    "wait_until_there",
    "written_files",
]
