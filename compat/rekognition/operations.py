"""Every operation that is offered: how its input is read, which service it calls, and how its answer is written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from clients.models import Client, Scope
from compat.rekognition import collections, detection, faces, pages, payloads, users
from compat.rekognition.exceptions import BadPage, BadParameter
from compat.rekognition.faces import Threshold
from compat.rekognition.pictures import read_image
from people.models import Gallery

Body = dict[str, Any]
LISTED, LISTED_USERS = 4096, 500  # in a page, unless a call wants fewer
STORED_FILTER, SEARCH_FILTER = "AUTO", "NONE"


@dataclass(frozen=True)
class Call:
    """Who calls, what was sent, and whether the caller may read people (`people:read`)."""

    client: Client
    operation: str
    given: Body
    may_read: bool

    @property
    def gallery(self) -> Gallery:
        """Raises `UnknownCollection`."""
        return collections.find(client=self.client, name=self.given["CollectionId"])

    def image(self, name: str = "Image") -> bytes:
        return read_image(self.client, self.given[name])

    def threshold(self, name: str) -> Threshold:
        return Threshold(self.given.get(name), self.may_read)

    @property
    def digits(self) -> int:
        """Of similarities: too few to approach a stored face step by step, for callers who may not read."""
        return payloads.DIGITS if self.may_read else 0

    def page(self, largest: int) -> tuple[str, int]:
        """What the page begins after, empty for the first one, and its size."""
        token, size = self.given.get("NextToken"), self.given.get("MaxResults") or largest
        return (pages.read_token(token, of=self._list) if token else ""), size

    def page_number(self, largest: int) -> tuple[int, int]:
        after, size = self.page(largest)
        if after and not after.isdecimal():
            raise BadPage("Pagination token in the request is not valid.")
        return int(after or 0), size

    def next(self, last: object, more: bool) -> Body:
        return {"NextToken": pages.write_token(str(last), of=self._list)} if more else {}

    @property
    def _list(self) -> str:
        return f"{self.client.pk} {self.operation} {self.given.get('CollectionId', '')} {self.given.get('UserId', '')}"


@dataclass(frozen=True)
class Operation:
    """`is_large`: whether the input may be longer than 64 kB. `stores`: whether a repetition is answered as the first
    call was, and nothing is carried out twice.
    """

    scope: Scope
    carry_out: Callable[[Call], Body]
    is_large: bool = False
    stores: bool = False


# ---- collections ------------------------------------------------------------------------------------------------
def create_collection(call: Call) -> Body:
    if call.given.get("Tags"):
        raise BadParameter("Request has invalid parameters: collections have no tags here.")
    gallery = collections.create(client=call.client, name=call.given["CollectionId"])
    version = payloads.model_version(gallery)
    return {"StatusCode": 200, "CollectionArn": payloads.arn(gallery.name), "FaceModelVersion": version}


def delete_collection(call: Call) -> Body:
    collections.delete(client=call.client, name=call.given["CollectionId"])
    return {"StatusCode": 200}


def describe_collection(call: Call) -> Body:
    gallery = call.gallery
    face_count, user_count = collections.counts(gallery=gallery)
    return {
        "FaceCount": face_count,
        "UserCount": user_count,
        "FaceModelVersion": payloads.model_version(gallery),
        "CollectionARN": payloads.arn(gallery.name),
        "CreationTimestamp": payloads.epoch(gallery.created_at),
    }


def list_collections(call: Call) -> Body:
    after, size = call.page(LISTED)
    found, more = pages.page_of(collections.several(client=call.client, after=after, most=size), size)
    answer = {
        "CollectionIds": [gallery.name for gallery in found],
        "FaceModelVersions": [payloads.model_version(gallery) for gallery in found],
    }
    return answer | call.next(found[-1].name if found else "", more)


# ---- faces ------------------------------------------------------------------------------------------------------
def index_faces(call: Call) -> Body:
    gallery, given = call.gallery, call.given
    indexed = faces.index(
        gallery=gallery,
        data=call.image(),
        external_image_id=given.get("ExternalImageId", ""),
        most=given.get("MaxFaces", faces.MOST_INDEXED),
        quality=given.get("QualityFilter", STORED_FILTER),
    )
    return {
        "FaceRecords": [
            {
                "Face": payloads.write_face(image, image.person, gallery),
                "FaceDetail": payloads.write_detail(face, indexed.analysis),
            }
            for face, image in indexed.stored
        ],
        "UnindexedFaces": [
            {"FaceDetail": payloads.write_detail(face, indexed.analysis), "Reasons": reasons}
            for face, reasons in indexed.refused
        ],
        "FaceModelVersion": payloads.model_version(gallery),
    }


def list_faces(call: Call) -> Body:
    gallery, given = call.gallery, call.given
    if "UserId" in given:
        users.find(gallery=gallery, user_id=given["UserId"])
    after, size = call.page_number(LISTED)
    ids, user_id = given.get("FaceIds"), given.get("UserId")
    found, more = pages.page_of(
        faces.listed(gallery=gallery, after=after, most=size, user_id=user_id, face_ids=ids), size
    )
    written = [payloads.write_face(image, image.person, gallery) for image in found]
    answer: Body = {"Faces": written, "FaceModelVersion": payloads.model_version(gallery)}
    return answer | call.next(found[-1].number if found else 0, more)


def delete_faces(call: Call) -> Body:
    gone, kept = faces.delete(gallery=call.gallery, face_ids=call.given["FaceIds"], may_read=call.may_read)
    return {"DeletedFaces": gone, "UnsuccessfulFaceDeletions": kept}


def search_faces_by_image(call: Call) -> Body:
    gallery, given = call.gallery, call.given
    found = faces.search_image(
        gallery=gallery,
        data=call.image(),
        threshold=call.threshold("FaceMatchThreshold"),
        most=given.get("MaxFaces", faces.MOST_FOUND),
        quality=given.get("QualityFilter", SEARCH_FILTER),
    )
    if found.face is None:
        raise BadParameter(faces.NO_FACES)
    searched = payloads.write_found(found.face, found.analysis)
    return {
        "SearchedFaceBoundingBox": searched["BoundingBox"],
        "SearchedFaceConfidence": searched["Confidence"],
        "FaceMatches": payloads.write_matches(found.candidates, gallery, call.digits),
        "FaceModelVersion": payloads.model_version(gallery),
    }


def search_faces(call: Call) -> Body:
    gallery, given = call.gallery, call.given
    image = faces.find_one(gallery=gallery, face_id=given["FaceId"])
    threshold, most = call.threshold("FaceMatchThreshold"), given.get("MaxFaces", faces.MOST_FOUND)
    found = faces.search_stored(gallery=gallery, stored=[image], threshold=threshold, most=most)
    return {
        "SearchedFaceId": given["FaceId"],
        "FaceMatches": payloads.write_matches(found, gallery, call.digits),
        "FaceModelVersion": payloads.model_version(gallery),
    }


# ---- images -----------------------------------------------------------------------------------------------------
def detect_faces(call: Call) -> Body:
    wanted = call.given.get("Attributes", [])
    analysis = detection.detect(data=call.image())
    return {"FaceDetails": [payloads.write_detail(face, analysis, wanted) for face in analysis.faces]}


def compare_faces(call: Call) -> Body:
    first, second = call.image("SourceImage"), call.image("TargetImage")
    quality = call.given.get("QualityFilter", SEARCH_FILTER)
    pairs = detection.compare(client=call.client, first=first, second=second, quality=quality)
    threshold = call.threshold("SimilarityThreshold")
    compared = [(face, one, one is not None and threshold.accepts(one)) for face, one in pairs.compared]
    matches = [
        {
            "Similarity": round(payloads.similarity(one), call.digits),
            "Face": payloads.write_compared(face, pairs.second),
        }
        for face, one, accepted in compared
        if accepted and one
    ]
    others = [payloads.write_compared(face, pairs.second) for face, _, accepted in compared if not accepted]
    return {
        "SourceImageFace": payloads.write_found(pairs.face, pairs.first) if pairs.face else {},
        "FaceMatches": sorted(matches, key=lambda match: -match["Similarity"]),
        "UnmatchedFaces": others,
    }


# ---- users ------------------------------------------------------------------------------------------------------
def create_user(call: Call) -> Body:
    users.create(gallery=call.gallery, user_id=call.given["UserId"])
    return {}


def delete_user(call: Call) -> Body:
    users.delete(gallery=call.gallery, user_id=call.given["UserId"])
    return {}


def list_users(call: Call) -> Body:
    after, size = call.page_number(LISTED_USERS)
    found, more = pages.page_of(users.listed(gallery=call.gallery, after=after, most=size), size)
    written = [
        {"UserId": person.external_id, "UserStatus": "ACTIVE" if has_face else "CREATED"} for person, has_face in found
    ]
    return {"Users": written} | call.next(found[-1][0].number if found else 0, more)


def associate_faces(call: Call) -> Body:
    given = call.given
    outcome = users.associate(
        gallery=call.gallery,
        user_id=given["UserId"],
        face_ids=given["FaceIds"],
        threshold=given.get("UserMatchThreshold"),
        may_read=call.may_read,
    )
    return {
        "AssociatedFaces": [{"FaceId": face_id} for face_id in outcome.done],
        "UnsuccessfulFaceAssociations": outcome.refused,
        "UserStatus": "ACTIVE",
    }


def disassociate_faces(call: Call) -> Body:
    given = call.given
    outcome = users.disassociate(
        gallery=call.gallery, user_id=given["UserId"], face_ids=given["FaceIds"], may_read=call.may_read
    )
    return {
        "DisassociatedFaces": [{"FaceId": face_id} for face_id in outcome.done],
        "UnsuccessfulFaceDisassociations": outcome.refused,
        "UserStatus": "ACTIVE",
    }


def search_users(call: Call) -> Body:
    gallery, given = call.gallery, call.given
    if ("UserId" in given) == ("FaceId" in given):
        raise BadParameter("Request has invalid parameters: name either a UserId or a FaceId.")
    threshold, most = call.threshold("UserMatchThreshold"), given.get("MaxUsers", LISTED_USERS)
    if "FaceId" in given:
        stored = [faces.find_one(gallery=gallery, face_id=given["FaceId"])]
        searched: Body = {"SearchedFace": {"FaceId": given["FaceId"]}}
    else:
        stored = users.faces_of(users.find(gallery=gallery, user_id=given["UserId"]))
        searched = {"SearchedUser": {"UserId": given["UserId"]}}
    found = faces.search_stored(gallery=gallery, stored=stored, threshold=threshold, most=most + 1, users=True)
    others = [one for one in found if one.person.external_id != given.get("UserId")][:most]
    return {
        "UserMatches": payloads.write_user_matches(others, call.digits),
        "FaceModelVersion": payloads.model_version(gallery),
    } | searched


def search_users_by_image(call: Call) -> Body:
    gallery, given = call.gallery, call.given
    found = faces.search_image(
        gallery=gallery,
        data=call.image(),
        threshold=call.threshold("UserMatchThreshold"),
        most=given.get("MaxUsers", LISTED_USERS),
        quality=given.get("QualityFilter", SEARCH_FILTER),
        users=True,
    )
    answer: Body = {
        "UserMatches": payloads.write_user_matches(found.candidates, call.digits),
        "FaceModelVersion": payloads.model_version(gallery),
        "UnsearchedFaces": [
            {
                "FaceDetails": payloads.write_detail(face, found.analysis),
                "Reasons": found.refused if face is found.face else ["FACE_NOT_LARGEST"],
            }
            for face in found.analysis.faces
            if face is not found.face or found.refused
        ],
    }
    if found.face is not None and not found.refused:
        answer["SearchedFace"] = {"FaceDetail": payloads.write_detail(found.face, found.analysis)}
    return answer


OPERATIONS = {
    "AssociateFaces": Operation(Scope.PEOPLE_WRITE, associate_faces, stores=True),
    "CompareFaces": Operation(Scope.PEOPLE_MATCH, compare_faces, is_large=True),
    "CreateCollection": Operation(Scope.PEOPLE_WRITE, create_collection),
    "CreateUser": Operation(Scope.PEOPLE_WRITE, create_user, stores=True),
    "DeleteCollection": Operation(Scope.PEOPLE_WRITE, delete_collection),
    "DeleteFaces": Operation(Scope.PEOPLE_WRITE, delete_faces, is_large=True),
    "DeleteUser": Operation(Scope.PEOPLE_WRITE, delete_user, stores=True),
    "DescribeCollection": Operation(Scope.PEOPLE_READ, describe_collection),
    "DetectFaces": Operation(Scope.DETECT, detect_faces, is_large=True),
    "DisassociateFaces": Operation(Scope.PEOPLE_WRITE, disassociate_faces, stores=True),
    "IndexFaces": Operation(Scope.PEOPLE_WRITE, index_faces, is_large=True, stores=True),
    "ListCollections": Operation(Scope.PEOPLE_READ, list_collections),
    "ListFaces": Operation(Scope.PEOPLE_READ, list_faces, is_large=True),
    "ListUsers": Operation(Scope.PEOPLE_READ, list_users),
    "SearchFaces": Operation(Scope.PEOPLE_SEARCH, search_faces),
    "SearchFacesByImage": Operation(Scope.PEOPLE_SEARCH, search_faces_by_image, is_large=True),
    "SearchUsers": Operation(Scope.PEOPLE_SEARCH, search_users),
    "SearchUsersByImage": Operation(Scope.PEOPLE_SEARCH, search_users_by_image, is_large=True),
}
