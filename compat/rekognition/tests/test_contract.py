"""What unmodified boto3 sends and is answered. Each answer is compared with botocore's own model (`wire.py`)."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from pytest_django.fixtures import Settings

from clients.models import Client, Scope
from compat.rekognition.tests.wire import in_process, signing_key
from people.models import Gallery, GalleryKind, Person, ReferenceImage
from people.services import create_person
from storage.tests.test_storage import BUCKET, endpoint, on_s3, s3_client  # noqa: F401  fixtures
from vision.tests.drawing import BLUE, DIM, GREEN, RED, YELLOW, picture

pytestmark = pytest.mark.django_db
NOBODY = picture()
NEAR_RED = (195, 20, 20)  # to the engine of tests the same person as RED, and not the same face


def indexed(aws: Any, *colours: tuple[int, int, int], **more: Any) -> list[str]:
    """The ids of faces that are added to the collection `staff`."""
    answer = aws.index_faces(CollectionId="staff", Image={"Bytes": picture(*colours)}, **more)
    return [record["Face"]["FaceId"] for record in answer["FaceRecords"]]


def found(aws: Any, colour: tuple[int, int, int], **more: Any) -> list[str]:
    answer = aws.search_faces_by_image(CollectionId="staff", Image={"Bytes": picture(colour)}, **more)
    return [match["Face"]["FaceId"] for match in answer["FaceMatches"]]


@pytest.fixture
def staff(aws: Any) -> Any:
    """boto3 with an empty collection `staff`."""
    aws.create_collection(CollectionId="staff")
    return aws


# ---- collections ------------------------------------------------------------------------------------------------
def test_collections_are_galleries(aws: Any, client_a: Client) -> None:
    made = aws.create_collection(CollectionId="staff")
    assert made["StatusCode"] == 200 and made["CollectionArn"].endswith(":collection/staff")
    with pytest.raises(aws.exceptions.ResourceAlreadyExistsException):
        aws.create_collection(CollectionId="staff")
    assert Gallery.objects.get(client=client_a, name="staff").kind == GalleryKind.PEOPLE
    indexed(aws, RED, BLUE)
    aws.create_user(CollectionId="staff", UserId="u1")
    described = aws.describe_collection(CollectionId="staff")
    assert (described["FaceCount"], described["UserCount"]) == (2, 1)
    assert described["FaceModelVersion"] == made["FaceModelVersion"]
    assert described["CollectionARN"] == made["CollectionArn"]
    assert aws.delete_collection(CollectionId="staff")["StatusCode"] == 200
    assert not Person.objects.exists() and not ReferenceImage.objects.exists()
    for call in (aws.delete_collection, aws.describe_collection, aws.list_faces, aws.list_users):
        with pytest.raises(aws.exceptions.ResourceNotFoundException):
            call(CollectionId="staff")


def test_collections_are_listed_in_pages(aws: Any, client_a: Client) -> None:
    names = ["a", "b", "c", "d", "e"]
    for name in names:
        aws.create_collection(CollectionId=name)
    Gallery.objects.create(client=client_a, name="no collection id")
    pages = list(aws.get_paginator("list_collections").paginate(PaginationConfig={"PageSize": 2}))
    assert [page["CollectionIds"] for page in pages] == [["a", "b"], ["c", "d"], ["e"]]
    assert all(len(page["FaceModelVersions"]) == len(page["CollectionIds"]) for page in pages)


def test_the_default_gallery_stays(aws: Any, client_a: Client) -> None:
    create_person(client=client_a)
    assert aws.list_collections()["CollectionIds"] == ["default"]
    with pytest.raises(aws.exceptions.AccessDeniedException):
        aws.delete_collection(CollectionId="default")
    assert Person.objects.count() == 1


# ---- faces ------------------------------------------------------------------------------------------------------
def test_every_face_of_a_photograph_is_indexed(staff: Any) -> None:
    image = {"Bytes": picture(RED, BLUE)}
    answer = staff.index_faces(CollectionId="staff", Image=image, ExternalImageId="two:people.png")
    faces = [record["Face"] for record in answer["FaceRecords"]]
    assert len(faces) == 2 and answer["UnindexedFaces"] == []
    assert {face["ExternalImageId"] for face in faces} == {"two:people.png"}
    assert len({face["ImageId"] for face in faces}) == 1 and len({face["FaceId"] for face in faces}) == 2
    assert sorted(round(face["BoundingBox"]["Left"], 2) for face in faces) == [0.12, 0.62]
    assert all("UserId" not in face for face in faces)
    people = list(Person.objects.all())
    assert [(one.name, one.external_id, one.metadata) for one in people] == [
        ("", None, {"ExternalImageId": "two:people.png"})
    ] * 2
    listed = staff.list_faces(CollectionId="staff")["Faces"]
    assert sorted(listed, key=str) == sorted(faces, key=str)


def test_faces_of_a_group_are_kept_apart(staff: Any) -> None:
    """Each person has the surroundings of their own face, in which it is found again."""
    indexed(staff, RED, BLUE)
    for image in ReferenceImage.objects.all():
        assert (image.width, image.height) != (160, 80)
        assert 0 < image.box_x < image.box_x + image.box_w < image.width


def test_as_many_as_the_call_wants_the_largest_first(staff: Any) -> None:
    image = {"Bytes": picture(RED, BLUE)}
    answer = staff.index_faces(CollectionId="staff", Image=image, MaxFaces=1)
    assert len(answer["FaceRecords"]) == 1
    assert [face["Reasons"] for face in answer["UnindexedFaces"]] == [["EXCEEDS_MAX_FACES"]]


def test_faces_that_cannot_be_used_are_told(staff: Any) -> None:
    answer = staff.index_faces(CollectionId="staff", Image={"Bytes": picture(DIM)}, QualityFilter="NONE")
    assert answer["FaceRecords"] == [] and answer["UnindexedFaces"][0]["Reasons"]
    poor = staff.index_faces(CollectionId="staff", Image={"Bytes": picture(RED)}, QualityFilter="HIGH")
    assert "LOW_SHARPNESS" in poor["UnindexedFaces"][0]["Reasons"]
    none = staff.index_faces(CollectionId="staff", Image={"Bytes": NOBODY})
    assert none["FaceRecords"] == none["UnindexedFaces"] == []
    assert not Person.objects.exists()


def test_a_search_finds_every_photograph_best_first(staff: Any) -> None:
    [red], [near], [blue] = indexed(staff, RED), indexed(staff, NEAR_RED), indexed(staff, BLUE)
    image = {"Bytes": picture(RED, kind="JPEG")}
    answer = staff.search_faces_by_image(CollectionId="staff", Image=image)
    assert [match["Face"]["FaceId"] for match in answer["FaceMatches"]] == [red, near]
    scores = [match["Similarity"] for match in answer["FaceMatches"]]
    assert 100 >= scores[0] > scores[1] >= 80
    assert answer["SearchedFaceConfidence"] == pytest.approx(99)
    assert found(staff, RED, FaceMatchThreshold=0) == [red, near, blue]
    assert found(staff, RED, FaceMatchThreshold=80) == [red, near]
    assert found(staff, NEAR_RED, FaceMatchThreshold=99.9) == [near]
    assert found(staff, RED, FaceMatchThreshold=0, MaxFaces=1) == [red]
    assert found(staff, GREEN) == []


def test_a_search_needs_a_face(staff: Any) -> None:
    with pytest.raises(staff.exceptions.InvalidParameterException, match="There are no faces in the image"):
        staff.search_faces_by_image(CollectionId="staff", Image={"Bytes": NOBODY})
    users = staff.search_users_by_image(CollectionId="staff", Image={"Bytes": NOBODY})
    assert users["UserMatches"] == users["UnsearchedFaces"] == [] and "SearchedFace" not in users


def test_a_stored_face_is_searched_and_does_not_find_itself(staff: Any) -> None:
    [red], [near], _ = indexed(staff, RED), indexed(staff, NEAR_RED), indexed(staff, BLUE)
    answer = staff.search_faces(CollectionId="staff", FaceId=red)
    assert answer["SearchedFaceId"] == red
    assert [match["Face"]["FaceId"] for match in answer["FaceMatches"]] == [near]
    with pytest.raises(staff.exceptions.InvalidParameterException):
        staff.search_faces(CollectionId="staff", FaceId="00000000-0000-4000-8000-000000000000")


def test_faces_are_listed_in_pages(staff: Any) -> None:
    ids = indexed(staff, RED) + indexed(staff, BLUE, GREEN) + indexed(staff, YELLOW)
    pages = list(staff.get_paginator("list_faces").paginate(CollectionId="staff", PaginationConfig={"PageSize": 3}))
    assert [len(page["Faces"]) for page in pages] == [3, 1]
    assert [face["FaceId"] for page in pages for face in page["Faces"]] == ids
    some = staff.list_faces(CollectionId="staff", FaceIds=ids[1:3])
    assert [face["FaceId"] for face in some["Faces"]] == ids[1:3]


def test_faces_are_deleted(staff: Any) -> None:
    [red], [blue] = indexed(staff, RED), indexed(staff, BLUE)
    unknown = "00000000-0000-4000-8000-000000000000"
    staff.create_user(CollectionId="staff", UserId="u1")
    staff.associate_faces(CollectionId="staff", UserId="u1", FaceIds=[blue])
    answer = staff.delete_faces(CollectionId="staff", FaceIds=[red, blue, unknown])
    assert answer["DeletedFaces"] == [red]
    assert answer["UnsuccessfulFaceDeletions"] == [
        {"FaceId": blue, "UserId": "u1", "Reasons": ["ASSOCIATED_TO_AN_EXISTING_USER"]},
        {"FaceId": unknown, "Reasons": ["FACE_NOT_FOUND"]},
    ]
    assert found(staff, RED) == [] and found(staff, BLUE) == [blue]
    assert Person.objects.count() == 1  # nothing is left of the nameless one


# ---- images -----------------------------------------------------------------------------------------------------
def test_faces_are_detected(aws: Any) -> None:
    answer = aws.detect_faces(Image={"Bytes": picture(RED, BLUE)}, Attributes=["ALL"])
    assert len(answer["FaceDetails"]) == 2
    points = {point["Type"]: point["X"] for point in answer["FaceDetails"][0]["Landmarks"]}
    assert points["eyeLeft"] < points["eyeRight"]  # left and right of the image
    assert aws.detect_faces(Image={"Bytes": NOBODY})["FaceDetails"] == []


def test_one_face_is_compared_with_all_of_another_image(aws: Any) -> None:
    source, target = {"Bytes": picture(RED)}, {"Bytes": picture(BLUE, NEAR_RED, DIM)}
    answer = aws.compare_faces(SourceImage=source, TargetImage=target)
    assert len(answer["FaceMatches"]) == 1 and len(answer["UnmatchedFaces"]) == 2
    assert 80 <= answer["FaceMatches"][0]["Similarity"] < 100
    everybody = aws.compare_faces(SourceImage=source, TargetImage=target, SimilarityThreshold=0)
    assert len(everybody["FaceMatches"]) == 2  # what cannot be recognised is not compared
    for pair in ((NOBODY, picture(RED)), (picture(RED), NOBODY)):
        with pytest.raises(aws.exceptions.InvalidParameterException):
            aws.compare_faces(SourceImage={"Bytes": pair[0]}, TargetImage={"Bytes": pair[1]})


# ---- users ------------------------------------------------------------------------------------------------------
def test_users_are_people_and_their_faces_keep_their_ids(staff: Any, client_a: Client) -> None:
    [red], [near] = indexed(staff, RED, ExternalImageId="one"), indexed(staff, NEAR_RED)
    staff.create_user(CollectionId="staff", UserId="u1")
    assert staff.list_users(CollectionId="staff")["Users"] == [{"UserId": "u1", "UserStatus": "CREATED"}]
    answer = staff.associate_faces(CollectionId="staff", UserId="u1", FaceIds=[red, near])
    assert [face["FaceId"] for face in answer["AssociatedFaces"]] == [red, near]
    assert (answer["UnsuccessfulFaceAssociations"], answer["UserStatus"]) == ([], "ACTIVE")
    person = Person.objects.get(client=client_a)  # the nameless ones are gone
    assert person.external_id == "u1" and person.reference_images.count() == 2
    assert found(staff, RED) == [red, near]
    listed = staff.list_faces(CollectionId="staff", UserId="u1")["Faces"]
    assert [(face["FaceId"], face["UserId"], face.get("ExternalImageId")) for face in listed] == [
        (red, "u1", "one"),
        (near, "u1", None),
    ]
    answer = staff.disassociate_faces(CollectionId="staff", UserId="u1", FaceIds=[red])
    assert answer["DisassociatedFaces"] == [{"FaceId": red}]
    assert found(staff, RED) == [red, near]
    assert Person.objects.get(reference_images__uuid=red).metadata == {"ExternalImageId": "one"}
    staff.delete_user(CollectionId="staff", UserId="u1")
    assert found(staff, RED) == [red, near]  # faces outlive their user
    assert staff.list_users(CollectionId="staff")["Users"] == []


def test_a_face_that_is_not_the_users_is_not_associated(staff: Any) -> None:
    [red], [blue], [other] = indexed(staff, RED), indexed(staff, BLUE), indexed(staff, NEAR_RED)
    for user in ("u1", "u2"):
        staff.create_user(CollectionId="staff", UserId=user)
    staff.associate_faces(CollectionId="staff", UserId="u2", FaceIds=[other])
    unknown = "00000000-0000-4000-8000-000000000000"
    answer = staff.associate_faces(CollectionId="staff", UserId="u1", FaceIds=[red, blue, other, unknown])
    assert answer["AssociatedFaces"] == [{"FaceId": red}]
    low, taken, missing = answer["UnsuccessfulFaceAssociations"]
    assert (low["FaceId"], low["Reasons"]) == (blue, ["LOW_MATCH_CONFIDENCE"]) and low["Confidence"] < 75
    assert (taken["UserId"], taken["Reasons"]) == ("u2", ["ASSOCIATED_TO_A_DIFFERENT_USER"])
    assert missing["Reasons"] == ["FACE_NOT_FOUND"]
    lenient = staff.associate_faces(CollectionId="staff", UserId="u1", FaceIds=[blue], UserMatchThreshold=0)
    assert lenient["AssociatedFaces"] == [{"FaceId": blue}]


def test_users_are_searched(staff: Any) -> None:
    [red], [blue], [near] = indexed(staff, RED), indexed(staff, BLUE), indexed(staff, NEAR_RED)
    for user, face in (("u1", red), ("u2", blue)):
        staff.create_user(CollectionId="staff", UserId=user)
        staff.associate_faces(CollectionId="staff", UserId=user, FaceIds=[face])
    image = {"Bytes": picture(RED, DIM)}
    answer = staff.search_users_by_image(CollectionId="staff", Image=image)
    assert [match["User"] for match in answer["UserMatches"]] == [{"UserId": "u1", "UserStatus": "ACTIVE"}]
    assert [face["Reasons"] for face in answer["UnsearchedFaces"]] == [["FACE_NOT_LARGEST"]]
    by_face = staff.search_users(CollectionId="staff", FaceId=near)
    assert [match["User"]["UserId"] for match in by_face["UserMatches"]] == ["u1"]
    assert by_face["SearchedFace"] == {"FaceId": near}
    by_user = staff.search_users(CollectionId="staff", UserId="u1", UserMatchThreshold=0)
    assert [match["User"]["UserId"] for match in by_user["UserMatches"]] == ["u2"]
    with pytest.raises(staff.exceptions.InvalidParameterException):
        staff.search_users(CollectionId="staff", UserId="u1", FaceId=near)


def test_a_user_is_made_once_for_each_token(staff: Any) -> None:
    staff.create_user(CollectionId="staff", UserId="u1", ClientRequestToken="one")
    staff.create_user(CollectionId="staff", UserId="u1", ClientRequestToken="one")
    with pytest.raises(staff.exceptions.IdempotentParameterMismatchException):
        staff.create_user(CollectionId="staff", UserId="u2", ClientRequestToken="one")
    with pytest.raises(staff.exceptions.ConflictException):
        staff.create_user(CollectionId="staff", UserId="u1", ClientRequestToken="two")
    with pytest.raises(staff.exceptions.ResourceNotFoundException):
        staff.delete_user(CollectionId="staff", UserId="u2")


def test_users_are_listed_in_pages(staff: Any) -> None:
    for number in range(5):
        staff.create_user(CollectionId="staff", UserId=f"u{number}")
    pages = list(staff.get_paginator("list_users").paginate(CollectionId="staff", PaginationConfig={"PageSize": 2}))
    assert [user["UserId"] for page in pages for user in page["Users"]] == ["u0", "u1", "u2", "u3", "u4"]
    assert len(pages) == 3


def test_a_user_has_a_hundred_faces(staff: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("compat.rekognition.users.MOST_FACES", 1)
    ids = indexed(staff, RED) + indexed(staff, NEAR_RED)
    staff.create_user(CollectionId="staff", UserId="u1")
    with pytest.raises(staff.exceptions.ServiceQuotaExceededException):
        staff.associate_faces(CollectionId="staff", UserId="u1", FaceIds=ids)
    assert staff.list_faces(CollectionId="staff", UserId="u1")["Faces"] == []


def test_people_who_came_another_way_are_users_too(staff: Any, client_a: Client) -> None:
    [red] = indexed(staff, RED)
    Person.objects.update(external_id="E:1")
    assert staff.list_faces(CollectionId="staff")["Faces"][0]["UserId"] == "E:1"
    assert staff.delete_faces(CollectionId="staff", FaceIds=[red])["DeletedFaces"] == []


# ---- objects ----------------------------------------------------------------------------------------------------
def test_objects_are_read_from_the_clients_folder_of_the_own_bucket(client_a: Client, settings: Settings) -> None:
    settings.S3_BUCKET, settings.QUALITY_GATE = "faces", "off"
    default_storage.save(f"rekognition/{client_a.pk}/red.png", ContentFile(picture(RED)))
    default_storage.save("rekognition/bob/red.png", ContentFile(picture(RED)))
    key, secret = signing_key(client_a.name, "all", Scope.REFERENCES)
    aws = in_process(key.prefix, secret)
    own = {"Bucket": "faces", "Name": f"rekognition/{client_a.pk}/red.png"}
    assert len(aws.detect_faces(Image={"S3Object": own})["FaceDetails"]) == 1
    default_storage.save(f"rekognition/{client_a.name}/red.png", ContentFile(picture(RED)))
    for change in (
        {"Name": f"rekognition/{client_a.name}/red.png"},  # names are given again
        {"Bucket": "another"},
        {"Name": "rekognition/bob/red.png"},
        {"Name": f"rekognition/{client_a.pk}/../bob/red.png"},
        {"Name": f"rekognition/{client_a.pk}/none.png"},
        {"Name": "references/1/x.png"},
        {"Version": "1"},
    ):
        with pytest.raises(aws.exceptions.InvalidS3ObjectException):
            aws.detect_faces(Image={"S3Object": own | change})
    key, secret = signing_key(client_a.name)
    with pytest.raises(aws.exceptions.InvalidS3ObjectException):
        in_process(key.prefix, secret).detect_faces(Image={"S3Object": own})


def test_objects_are_read_from_a_real_bucket(client_a: Client, settings: Settings, on_s3: str) -> None:  # noqa: F811
    settings.S3_BUCKET, settings.QUALITY_GATE = BUCKET, "off"
    name = f"rekognition/{client_a.pk}/red.png"
    s3_client(on_s3).put_object(Bucket=BUCKET, Key=name, Body=picture(RED))
    key, secret = signing_key(client_a.name, "all", Scope.REFERENCES)
    aws = in_process(key.prefix, secret)
    assert len(aws.detect_faces(Image={"S3Object": {"Bucket": BUCKET, "Name": name}})["FaceDetails"]) == 1
    with pytest.raises(aws.exceptions.InvalidS3ObjectException):
        aws.detect_faces(Image={"S3Object": {"Bucket": BUCKET, "Name": f"{name}.gone"}})
