"""Labelled photographs for evaluation: whose face each one shows, and which of them are compared.

Either a folder with one sub-folder per person, where every pair is compared, or a table of pairs with the columns
image_1, image_2 (paths relative to the table) and same (1 or 0). People belong to a group if their folders lie in one,
or if the table has a column `group`. Nothing is stored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Literal

import numpy as np

from errors import InvalidInput
from evaluation.exceptions import UnusableSet
from evaluation.rates import Integers, Pairs, pair_everyone, score_pairs
from people.types import Refusal
from transfer.folders import BadLayout, PersonFolder, check_file, read_people, read_upload, shown
from transfer.tables import read_table
from vision import inference
from vision.engines import engines
from vision.inference import AnalysisOptions
from vision.selection import central_face, choose_face, recognisable
from vision.types import Analysis, DetectedFace, Embedding

Bystanders = Literal["largest", "centre"]  # which of several faces is meant

COLUMNS = ("image_1", "image_2", "same")
WORDS = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}

WITHOUT_FACE = {"face.none", "face.not_recognisable"}


@dataclass(frozen=True)
class Photograph:
    """A file and the number of the person it shows; `group` is empty if the set has none."""

    path: Path
    name: str
    person: int
    group: str = ""


@dataclass(frozen=True)
class LabelledSet:
    """Photographs, and the pairs to compare as (index, index, same person); None means every pair."""

    photographs: list[Photograph]
    refused: list[Refusal]
    pairs: list[tuple[int, int, bool]] | None = None

    @property
    def groups(self) -> list[str]:
        return sorted({photograph.group for photograph in self.photographs} - {""})


@dataclass
class DescribedSet:
    """A set in one space: embeddings by the photograph's index, and how long each photograph took.

    `missed`: the indices of the photographs without a face that can be recognised, which are among the refused.
    """

    embeddings: dict[int, Embedding] = field(default_factory=dict)
    milliseconds: list[float] = field(default_factory=list)  # in the worker: decode, detect, align, embed
    refused: list[Refusal] = field(default_factory=list)
    missed: list[int] = field(default_factory=list)


def read_set(source: Path) -> LabelledSet:
    """The set in a folder or a table. Raises `BadLayout` or, without photographs, `UnusableSet`."""
    found = _read_table_of_pairs(source) if source.is_file() else _read_folder(source)
    if not found.photographs:
        raise UnusableSet("There are no photographs to compare.")
    return found


def _read_folder(folder: Path) -> LabelledSet:
    photographs, refused = [], []
    for number, (group, person) in enumerate(_people_in(folder)):
        prefix = f"{group}/" if group else ""
        photographs += [Photograph(path, prefix + shown(path), number, group) for path in person.files]
        refused += [replace(refusal, name=prefix + refusal.name) for refusal in person.refused]
    return LabelledSet(photographs, refused)


def _people_in(folder: Path) -> Iterator[tuple[str, PersonFolder]]:
    """Every person with the name of the group, which is empty for people who are in none.

    A folder that holds folders and no files is a group.
    """
    for found in read_people(folder):
        path = folder / found.name
        inside = [folder / refusal.name for refusal in found.refused if refusal.code == "import.not_a_file"]
        others = {refusal.code for refusal in found.refused} - {"import.not_a_file", "import.outside"}
        is_group = inside and not found.files and not others and not path.is_symlink()
        if is_group and all(one.is_dir() for one in inside):
            yield from ((found.name, person) for person in read_people(path))
        else:
            yield "", found


def _read_table_of_pairs(file: Path) -> LabelledSet:
    root = file.parent.resolve()
    numbers: dict[str, int] = {}
    groups: dict[int, str] = {}
    pairs = []
    for line, row in enumerate(read_table(file, required=COLUMNS), start=2):
        if row["same"].lower() not in WORDS:
            raise BadLayout(f"Line {line}: same is 1 or 0.")
        first, second = (numbers.setdefault(row[column], len(numbers)) for column in COLUMNS[:2])
        pairs.append((first, second, WORDS[row["same"].lower()]))
        group = row.get("group", "")
        if group and {groups.setdefault(one, group) for one in (first, second)} != {group}:
            raise BadLayout(f"Line {line}: one of these photographs belongs to another group in an earlier line.")
    refused = [refusal for name in numbers if (refusal := check_file(root / name, root, name))]
    people = _linked_people(len(numbers), pairs)
    photographs = [Photograph(root / name, name, people[n], groups.get(n, "")) for name, n in numbers.items()]
    return LabelledSet(photographs, refused, pairs)


def _linked_people(count: int, pairs: Iterable[tuple[int, int, bool]]) -> list[int]:
    """A number for the person of each photograph: photographs linked by pairs of one person show the same one."""
    person = list(range(count))

    def root(index: int) -> int:
        while person[index] != index:
            person[index] = index = person[person[index]]
        return index

    for first, second, same in pairs:
        if same:
            person[root(first)] = root(second)
    return [root(index) for index in range(count)]


def describe_set(
    *, labelled: LabelledSet, alias: str, bystanders: Bystanders | None = None, advance: Callable[[], object]
) -> DescribedSet:
    """The face of each photograph in the space of an engine. A photograph that cannot be used is refused alone.

    `bystanders` says which of several faces is meant; without it there must be just one. `advance` is called after each
    photograph. Raises `EngineUnavailable` when no worker answers.
    """
    result = DescribedSet(refused=list(labelled.refused))
    space = engines[alias].space
    unread = {refusal.name for refusal in labelled.refused}
    seen: dict[str, str] | None = {} if labelled.pairs is None else None
    for index, photograph in enumerate(labelled.photographs):
        if photograph.name not in unread:
            described = _describe(photograph, alias, bystanders, seen)
            if isinstance(described, Refusal):
                result.refused.append(described)
                if described.code in WITHOUT_FACE:
                    result.missed.append(index)
            else:
                face, milliseconds = described
                result.embeddings[index] = face.embeddings[space.name]
                result.milliseconds.append(milliseconds)
        advance()
    return result


def _describe(
    photograph: Photograph, alias: str, bystanders: Bystanders | None, seen: dict[str, str] | None
) -> tuple[DetectedFace, float] | Refusal:
    """The face and the time that it took a worker in milliseconds, or why the photograph is refused.

    With `seen` (digests of files and their names), a copy under another name is refused too, because it would flatter
    the rates.
    """
    upload = read_upload(photograph.path, photograph.name)
    if isinstance(upload, Refusal):
        return upload
    if seen is not None:
        earlier = seen.setdefault(sha256(upload.data).hexdigest(), upload.name)
        if earlier != upload.name:
            return Refusal(upload.name, "import.duplicate", f"The same file as {earlier}.")
    try:
        analysis = inference.analyse(upload.data, AnalysisOptions(aliases=[alias]))
        return recognisable(_face_of(analysis, bystanders)), analysis.milliseconds
    except InvalidInput as error:
        return Refusal(upload.name, error.code, error.message)


def _face_of(analysis: Analysis, bystanders: Bystanders | None) -> DetectedFace:
    """Raises `UnusableFace`."""
    faces = analysis.faces
    if bystanders == "centre" and (central := central_face(faces, width=analysis.width, height=analysis.height)):
        return central
    return choose_face(faces, "largest" if bystanders else "only")


def people_of(labelled: LabelledSet, indices: Iterable[int]) -> Integers:
    """The number of the person on each of these photographs."""
    return np.array([labelled.photographs[index].person for index in indices], np.int64)


def score_set(labelled: LabelledSet, embeddings: Mapping[int, Embedding], *, metric: str) -> Pairs | None:
    """The pairs among the photographs with these embeddings, by their indices; None if there are none."""
    rows = {index: row for row, index in enumerate(embeddings)}
    people = people_of(labelled, embeddings)
    if labelled.pairs is None:
        chosen, genuine = pair_everyone(people)
    else:
        kept = [(rows[a], rows[b], same) for a, b, same in labelled.pairs if a in rows and b in rows]
        chosen = np.array([pair[:2] for pair in kept], np.int64).reshape(-1, 2)
        genuine = np.array([pair[2] for pair in kept], np.bool_)
    if not len(chosen):
        return None
    return score_pairs(np.stack(list(embeddings.values())), people, chosen, genuine=genuine, metric=metric)
