"""Bad input in AWS's words, and the rules that hold for every interface: scopes, limits, audit, the stop, erasure."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from PIL import Image
from pytest_django.fixtures import Settings

from audit.models import Receipt, Record
from audit.services import stop_searching
from audit.types import Action
from clients.models import Client, LivenessPolicy, Scope
from compat.rekognition.operations import OPERATIONS
from compat.rekognition.pages import read_token, write_token
from compat.rekognition.scale import from_aws, to_aws
from compat.rekognition.shapes import service
from compat.rekognition.tests.wire import PROTOCOL_ERRORS, in_process, signing_key
from people.models import Gallery, Person, ReferenceImage
from people.services import erase_person
from vision.tests.drawing import BLUE, RED, picture

pytestmark = pytest.mark.django_db
IMAGE = {"Bytes": picture(RED)}
NO_CHECKS = Config(parameter_validation=False, retries={"total_max_attempts": 1})
FACE = "00000000-0000-4000-8000-000000000000"


def code_of(call: Any, **given: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**given)
    told = caught.value.response["Error"]
    assert told["Code"] in {shape.name for shape in service().error_shapes} | PROTOCOL_ERRORS
    assert told["Message"]
    return str(told["Code"])


@pytest.fixture
def raw(client_a: Client, settings: Settings) -> Any:
    """boto3 that checks nothing itself, and a collection `staff`."""
    settings.QUALITY_GATE = "off"
    key, secret = signing_key(client_a.name)
    aws = in_process(key.prefix, secret, config=NO_CHECKS)
    aws.create_collection(CollectionId="staff")
    return aws


# ---- bad input --------------------------------------------------------------------------------------------------
BAD: list[tuple[str, dict[str, Any], str]] = [
    ("create_collection", {}, "InvalidParameterException"),
    ("create_collection", {"CollectionId": "bad id!"}, "InvalidParameterException"),
    ("create_collection", {"CollectionId": ""}, "InvalidParameterException"),
    ("create_collection", {"CollectionId": "x" * 256}, "InvalidParameterException"),
    ("create_collection", {"CollectionId": "x" * 101}, "InvalidParameterException"),  # of a gallery's name
    ("create_collection", {"CollectionId": "x", "Tags": {"a": "b"}}, "InvalidParameterException"),
    ("describe_collection", {"CollectionId": "nowhere"}, "ResourceNotFoundException"),
    ("list_collections", {"MaxResults": 5000}, "InvalidParameterException"),
    ("list_collections", {"MaxResults": -1}, "InvalidParameterException"),
    ("list_collections", {"NextToken": "made up"}, "InvalidPaginationTokenException"),
    ("list_faces", {"CollectionId": "staff", "NextToken": "AAAA"}, "InvalidPaginationTokenException"),
    ("list_faces", {"CollectionId": "staff", "UserId": "nobody"}, "ResourceNotFoundException"),
    ("list_faces", {"CollectionId": "staff", "FaceIds": ["1"]}, "InvalidParameterException"),
    ("index_faces", {"CollectionId": "staff"}, "InvalidParameterException"),
    ("index_faces", {"CollectionId": "staff", "Image": {}}, "InvalidParameterException"),
    ("index_faces", {"CollectionId": "staff", "Image": {"Bytes": b""}}, "InvalidParameterException"),
    ("index_faces", {"CollectionId": "staff", "Image": {"Bytes": b"not an image"}}, "InvalidImageFormatException"),
    (
        "index_faces",
        {"CollectionId": "staff", "Image": {"Bytes": picture(RED, kind="GIF")}},
        "InvalidImageFormatException",
    ),
    (
        "index_faces",
        {"CollectionId": "staff", "Image": {"Bytes": picture(RED)[:-200]}},
        "InvalidImageFormatException",
    ),
    ("index_faces", {"CollectionId": "staff", "Image": {"Bytes": b"x" * 5_242_881}}, "ImageTooLargeException"),
    ("index_faces", {"CollectionId": "staff", "Image": {"Bytes": b"x" * 16_000_000}}, "ImageTooLargeException"),
    ("index_faces", {"CollectionId": "staff", "Image": IMAGE, "MaxFaces": 0}, "InvalidParameterException"),
    ("index_faces", {"CollectionId": "staff", "Image": IMAGE, "QualityFilter": "BEST"}, "InvalidParameterException"),
    ("index_faces", {"CollectionId": "staff", "Image": IMAGE, "ExternalImageId": "a b"}, "InvalidParameterException"),
    (
        "index_faces",
        {"CollectionId": "staff", "Image": {"S3Object": {"Bucket": "faces", "Name": "a.png"}}},
        "InvalidS3ObjectException",
    ),
    ("detect_faces", {"Image": IMAGE | {"S3Object": {"Bucket": "faces"}}}, "InvalidParameterException"),
    (
        "search_faces_by_image",
        {"CollectionId": "staff", "Image": IMAGE, "FaceMatchThreshold": 101},
        "InvalidParameterException",
    ),
    ("search_faces", {"CollectionId": "staff", "FaceId": "x"}, "InvalidParameterException"),
    ("delete_faces", {"CollectionId": "staff", "FaceIds": []}, "InvalidParameterException"),
    ("delete_faces", {"CollectionId": "staff", "FaceIds": [FACE] * 4097}, "InvalidParameterException"),
    ("create_user", {"CollectionId": "staff", "UserId": "x" * 129}, "InvalidParameterException"),
    ("create_user", {"CollectionId": "nowhere", "UserId": "u1"}, "ResourceNotFoundException"),
    ("associate_faces", {"CollectionId": "staff", "UserId": "u1", "FaceIds": [FACE]}, "ResourceNotFoundException"),
    (
        "associate_faces",
        {"CollectionId": "staff", "UserId": "u1", "FaceIds": [FACE] * 101},
        "InvalidParameterException",
    ),
    ("detect_labels", {"Image": IMAGE}, "UnknownOperationException"),
]


@pytest.mark.parametrize("number", range(len(BAD)), ids=[f"{name}-{code}" for name, _, code in BAD])
def test_bad_input(raw: Any, number: int) -> None:
    name, given, code = BAD[number]
    assert code_of(getattr(raw, name), **given) == code
    assert not Person.objects.exists()


WRONG_TYPES: list[tuple[str, str]] = [
    ("ListCollections", "["),
    ("ListCollections", '{"MaxResults": NaN}'),
    ("ListCollections", "[]"),
    ("ListCollections", '{"MaxResults": "1"}'),
    ("ListCollections", '{"MaxResults": true}'),
    ("ListCollections", '{"NextToken": 1}'),
    ("DescribeCollection", '{"CollectionId": "a\\u0000"}'),
    ("DescribeCollection", '{"CollectionId": "\\ud800"}'),
    ("DescribeCollection", '{"CollectionId": ["staff"]}'),
    ("DetectFaces", '{"Image": {"Bytes": "not base64!"}}'),
    ("DetectFaces", '{"Image": "staff"}'),
    ("DetectFaces", "{" * 2000),
]


@pytest.mark.parametrize(("operation", "body"), WRONG_TYPES)
def test_bodies_that_boto3_would_not_send(client_a: Client, operation: str, body: str) -> None:
    key, secret = signing_key(client_a.name)
    aws = in_process(key.prefix, secret)

    def replace(request: Any, **_: Any) -> None:
        request.data = body.encode()
        request.headers.replace_header("X-Amz-Target", f"RekognitionService.{operation}")

    aws.meta.events.register_first("before-sign.rekognition", replace)
    assert code_of(aws.list_collections) in {"InvalidParameterException", "SerializationException"}


def test_unknown_members_and_nulls_are_passed_over(client_a: Client) -> None:
    key, secret = signing_key(client_a.name)
    aws = in_process(key.prefix, secret)
    body = json.dumps({"MaxResults": None, "Later": {"than": "botocore"}}).encode()
    aws.meta.events.register_first("before-sign.rekognition", lambda request, **_: setattr(request, "data", body))
    assert aws.list_collections()["CollectionIds"] == []


def test_tokens_are_good_for_their_own_list_only() -> None:
    token = write_token("17", of="1 ListFaces staff")
    assert read_token(token, of="1 ListFaces staff") == "17"
    for other in ("2 ListFaces staff", "1 ListUsers staff", "1 ListFaces other"):
        with pytest.raises(Exception, match="not valid"):
            read_token(token, of=other)
    assert len(write_token("x" * 100, of="")) <= 255


# ---- the scale --------------------------------------------------------------------------------------------------
def test_the_scale_is_80_at_our_one_to_one_point_and_rises() -> None:
    assert (to_aws(0.0), to_aws(0.7), to_aws(1.0)) == (0.0, 80.0, 100.0)
    assert to_aws(0.4) < 30  # nine pairs of strangers in ten are below 0.4 of a measured scale
    scores = [to_aws(step / 100) for step in range(101)]
    assert scores == sorted(set(scores))
    assert [from_aws(score) for score in scores] == pytest.approx([step / 100 for step in range(101)])
    assert 0.65 < from_aws(75.0) < 0.7


# ---- rules of every interface -----------------------------------------------------------------------------------
NEEDED: dict[str, Scope] = {
    "AssociateFaces": Scope.PEOPLE_WRITE,
    "CompareFaces": Scope.PEOPLE_MATCH,
    "CreateCollection": Scope.PEOPLE_WRITE,
    "CreateUser": Scope.PEOPLE_WRITE,
    "DeleteCollection": Scope.PEOPLE_WRITE,
    "DeleteFaces": Scope.PEOPLE_WRITE,
    "DeleteUser": Scope.PEOPLE_WRITE,
    "DescribeCollection": Scope.PEOPLE_READ,
    "DetectFaces": Scope.DETECT,
    "DisassociateFaces": Scope.PEOPLE_WRITE,
    "IndexFaces": Scope.PEOPLE_WRITE,
    "ListCollections": Scope.PEOPLE_READ,
    "ListFaces": Scope.PEOPLE_READ,
    "ListUsers": Scope.PEOPLE_READ,
    "SearchFaces": Scope.PEOPLE_SEARCH,
    "SearchFacesByImage": Scope.PEOPLE_SEARCH,
    "SearchUsers": Scope.PEOPLE_SEARCH,
    "SearchUsersByImage": Scope.PEOPLE_SEARCH,
}


def test_a_scope_opens_its_operations_and_no_others(client_a: Client) -> None:
    assert {name: one.scope for name, one in OPERATIONS.items()} == NEEDED
    key, secret = signing_key(client_a.name)
    aws = in_process(key.prefix, secret, config=NO_CHECKS)
    for scope in Scope:
        key.scopes = [scope]
        key.save()
        for name, needed in NEEDED.items():
            call = getattr(aws, "".join(f"_{one.lower()}" if one.isupper() else one for one in name)[1:])
            opened = scope in {needed, Scope.PEOPLE_SEARCH if needed == Scope.PEOPLE_MATCH else needed}
            if name == "ListCollections" and opened:
                assert call()["CollectionIds"] == []
            else:
                assert (code_of(call) == "AccessDeniedException") != opened, (scope, name)


def test_without_reading_nobody_is_named_who_does_not_match(client_a: Client, raw: Any) -> None:
    for colour in (RED, BLUE):
        raw.index_faces(CollectionId="staff", Image={"Bytes": picture(colour)})
    key, secret = signing_key(client_a.name, Scope.PEOPLE_SEARCH)
    image = {"Bytes": picture((195, 20, 20))}
    given = {"CollectionId": "staff", "Image": image, "FaceMatchThreshold": 0}
    [match] = in_process(key.prefix, secret).search_faces_by_image(**given)["FaceMatches"]
    assert match["Similarity"] == int(match["Similarity"]) >= 80
    assert len(raw.search_faces_by_image(**given)["FaceMatches"]) == 2


def test_without_reading_no_distance_is_measured_by_associating(client_a: Client, raw: Any) -> None:
    ids = [
        raw.index_faces(CollectionId="staff", Image={"Bytes": picture(colour)})["FaceRecords"][0]["Face"]["FaceId"]
        for colour in (RED, BLUE)
    ]
    for user in ("u0", "u1"):
        raw.create_user(CollectionId="staff", UserId=user)
    raw.associate_faces(CollectionId="staff", UserId="u0", FaceIds=ids[:1])
    key, secret = signing_key(client_a.name, Scope.PEOPLE_WRITE)
    writer = in_process(key.prefix, secret)
    given = {"CollectionId": "staff", "UserId": "u0", "FaceIds": ids[1:], "UserMatchThreshold": 0}
    refused = writer.associate_faces(**given)["UnsuccessfulFaceAssociations"]
    assert refused == [{"FaceId": ids[1], "Reasons": ["LOW_MATCH_CONFIDENCE"]}]
    raw.associate_faces(CollectionId="staff", UserId="u1", FaceIds=ids[1:])
    assert "UserId" not in writer.associate_faces(**given)["UnsuccessfulFaceAssociations"][0]
    assert "UserId" not in writer.delete_faces(CollectionId="staff", FaceIds=ids)["UnsuccessfulFaceDeletions"][0]


def test_many_photographs_are_found_in_steps(raw: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("people.one_gallery.STEPS", (1, 2))
    for shade in (20, 25, 30, 35):
        raw.index_faces(CollectionId="staff", Image={"Bytes": picture((220, shade, 20))})
    raw.index_faces(CollectionId="staff", Image={"Bytes": picture(BLUE)})
    given = {"CollectionId": "staff", "Image": IMAGE}
    assert len(raw.search_faces_by_image(**given)["FaceMatches"]) == 4
    assert len(raw.search_faces_by_image(**given, MaxFaces=3)["FaceMatches"]) == 3
    assert len(raw.search_faces_by_image(**given, FaceMatchThreshold=0)["FaceMatches"]) == 5


def test_the_gallerys_own_threshold_decides_where_the_call_has_none(raw: Any, client_a: Client) -> None:
    raw.index_faces(CollectionId="staff", Image=IMAGE)
    Gallery.objects.filter(name="staff").update(threshold=0.01)
    given = {"CollectionId": "staff", "Image": {"Bytes": picture((195, 20, 20))}}
    assert raw.search_faces_by_image(**given)["FaceMatches"] == []
    assert len(raw.search_faces_by_image(**given, FaceMatchThreshold=1)["FaceMatches"]) == 1


def test_searching_can_be_stopped(raw: Any, client_a: Client) -> None:
    answer = raw.index_faces(CollectionId="staff", Image=IMAGE)
    face = answer["FaceRecords"][0]["Face"]["FaceId"]
    other = raw.index_faces(CollectionId="staff", Image={"Bytes": picture(BLUE)})["FaceRecords"][0]["Face"]["FaceId"]
    raw.create_user(CollectionId="staff", UserId="u1")
    raw.associate_faces(CollectionId="staff", UserId="u1", FaceIds=[face])
    stop_searching(client_id=client_a.pk)
    for call, given in (
        (raw.search_faces_by_image, {"CollectionId": "staff", "Image": IMAGE}),
        (raw.search_users_by_image, {"CollectionId": "staff", "Image": IMAGE}),
        (raw.search_faces, {"CollectionId": "staff", "FaceId": face}),
        (raw.search_users, {"CollectionId": "staff", "FaceId": face}),
        (raw.compare_faces, {"SourceImage": IMAGE, "TargetImage": IMAGE}),
        (raw.associate_faces, {"CollectionId": "staff", "UserId": "u1", "FaceIds": [other]}),
    ):
        assert code_of(call, **given) == "AccessDeniedException"
    assert raw.index_faces(CollectionId="staff", Image=IMAGE)["FaceRecords"]


def test_what_is_done_is_recorded(raw: Any, client_a: Client) -> None:
    def latest() -> tuple[str, str, list[str]]:
        row = Record.objects.latest("pk")
        return row.action, row.actor_kind, row.objects_named

    face = raw.index_faces(CollectionId="staff", Image=IMAGE)["FaceRecords"][0]["Face"]["FaceId"]
    person, image = Person.objects.get(), ReferenceImage.objects.get()
    assert latest() == (Action.ENROL, "key", [person.audit_name, image.audit_name])
    raw.search_faces_by_image(CollectionId="staff", Image=IMAGE)
    assert latest() == (Action.SEARCH, "key", [person.audit_name])
    raw.list_faces(CollectionId="staff")
    assert latest() == (Action.VIEW, "key", [person.audit_name])
    raw.compare_faces(SourceImage=IMAGE, TargetImage=IMAGE)
    assert latest()[0] == Action.COMPARE
    raw.create_user(CollectionId="staff", UserId="u1")
    raw.associate_faces(CollectionId="staff", UserId="u1", FaceIds=[face])
    assert latest()[0] == Action.MERGE and image.audit_name in latest()[2]
    other = raw.index_faces(CollectionId="staff", Image={"Bytes": picture(BLUE)})["FaceRecords"][0]["Face"]["FaceId"]
    raw.associate_faces(CollectionId="staff", UserId="u1", FaceIds=[other])
    user, compared = Person.objects.get(external_id="u1"), ReferenceImage.objects.get(uuid=other)
    assert latest() == (Action.COMPARE, "key", [user.audit_name, compared.audit_name])
    raw.delete_faces(CollectionId="staff", FaceIds=[other])
    raw.delete_user(CollectionId="staff", UserId="u1")
    raw.delete_faces(CollectionId="staff", FaceIds=[face])
    assert latest()[0] == Action.ERASE
    assert (
        Receipt.objects.filter(client=client_a).count() == 3
    )  # of the other face, of the user's record, and of the face


def test_a_policy_of_liveness_holds(raw: Any, client_a: Client) -> None:
    client_a.liveness_policy = LivenessPolicy.FRAMES
    client_a.save()
    assert code_of(raw.index_faces, CollectionId="staff", Image=IMAGE) == "AccessDeniedException"
    assert code_of(raw.compare_faces, SourceImage=IMAGE, TargetImage=IMAGE) == "AccessDeniedException"


def test_quotas_hold(raw: Any, client_a: Client) -> None:
    client_a.max_people = 1
    client_a.save()
    assert code_of(raw.index_faces, CollectionId="staff", Image={"Bytes": picture(RED, BLUE)}) == (
        "ServiceQuotaExceededException"
    )
    assert not Person.objects.exists() and not ReferenceImage.objects.exists()
    assert raw.index_faces(CollectionId="staff", Image=IMAGE)["FaceRecords"]


def test_rates_hold(raw: Any, redis_flush: None, settings: Settings) -> None:
    settings.RATE_LIMIT = "1/min"
    raw.list_collections()
    assert code_of(raw.list_collections) == "ProvisionedThroughputExceededException"


def test_an_erased_person_leaves_nothing(raw: Any) -> None:
    raw.index_faces(CollectionId="staff", Image={"Bytes": picture(RED, BLUE)}, ExternalImageId="both")
    erase_person(person=Person.objects.order_by("pk")[0])
    faces = raw.list_faces(CollectionId="staff")["Faces"]
    assert len(faces) == 1
    for image in ReferenceImage.objects.all():
        with image.image.open() as file:
            colours = Image.open(file).convert("RGB").getcolors(1 << 20)
        strong = {colour for _, colour in colours or [] if max(colour) - min(colour) > 100}
        assert len({colour.index(max(colour)) for colour in strong}) == 1  # of the other one no pixel is left


def test_a_large_collection_is_erased_in_several_calls(raw: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    raw.index_faces(CollectionId="staff", Image={"Bytes": picture(RED, BLUE)})
    monkeypatch.setattr("compat.rekognition.collections.ERASING_SECONDS", -1.0)
    assert code_of(raw.delete_collection, CollectionId="staff") == "ThrottlingException"
    ids = [face["FaceId"] for face in raw.list_faces(CollectionId="staff")["Faces"]]
    assert code_of(raw.delete_faces, CollectionId="staff", FaceIds=ids) == "ThrottlingException"
    assert Person.objects.count() == 2
    monkeypatch.undo()
    raw.delete_collection(CollectionId="staff")
    assert not Person.objects.exists()
