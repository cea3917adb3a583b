"""Labelled photographs for evaluation: whose face each one shows, and which of them are compared.

Either a folder with one sub-folder per person, where every pair is compared, or a table of pairs with the columns
image_1, image_2 (paths relative to the table) and same (1 or 0). Nothing is stored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

import numpy as np

from errors import InvalidInput
from evaluation.rates import Integers, Pairs, pair_everyone, score_pairs
from people.types import Refusal
from transfer.folders import BadLayout, check_file, read_people, read_upload, shown
from transfer.tables import read_table
from vision import inference
from vision.engines import engines
from vision.inference import AnalysisOptions
from vision.selection import choose_face, recognisable
from vision.types import Analysis, Embedding

COLUMNS = ("image_1", "image_2", "same")
WORDS = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}


@dataclass(frozen=True)
class Photograph:
    """A file and the number of the person it shows."""

    path: Path
    name: str
    person: int


@dataclass(frozen=True)
class LabelledSet:
    """Photographs, and the pairs to compare as (index, index, same person); None means every pair."""

    photographs: list[Photograph]
    refused: list[Refusal]
    pairs: list[tuple[int, int, bool]] | None = None


@dataclass
class DescribedSet:
    """A set in one space: embeddings by the photograph's index, and how long each photograph took."""

    embeddings: dict[int, Embedding] = field(default_factory=dict)
    milliseconds: list[float] = field(default_factory=list)  # in the worker: decode, detect, align, embed
    refused: list[Refusal] = field(default_factory=list)


def read_set(source: Path) -> LabelledSet:
    """The set in a folder or a table. Raises `BadLayout`."""
    if source.is_file():
        found = _read_table_of_pairs(source)
    else:
        people = read_people(source)
        photographs = [
            Photograph(path, shown(path), number) for number, person in enumerate(people) for path in person.files
        ]
        found = LabelledSet(photographs, [refusal for person in people for refusal in person.refused])
    if not found.photographs:
        raise BadLayout("There are no photographs to compare.")
    return found


def _read_table_of_pairs(file: Path) -> LabelledSet:
    root = file.parent.resolve()
    numbers: dict[str, int] = {}
    pairs = []
    for number, row in enumerate(read_table(file, required=COLUMNS), start=2):
        if row["same"].lower() not in WORDS:
            raise BadLayout(f"Line {number}: same is 1 or 0.")
        first, second = (numbers.setdefault(row[column], len(numbers)) for column in COLUMNS[:2])
        pairs.append((first, second, WORDS[row["same"].lower()]))
    refused = [refusal for name in numbers if (refusal := check_file(root / name, root, name))]
    people = _linked_people(len(numbers), pairs)
    return LabelledSet([Photograph(root / name, name, people[n]) for name, n in numbers.items()], refused, pairs)


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


def describe_set(*, labelled: LabelledSet, alias: str, advance: Callable[[], object]) -> DescribedSet:
    """One face of each photograph in the space of an engine. A photograph that cannot be used is refused alone.

    `advance` is called after each photograph. Raises `EngineUnavailable` when no worker answers.
    """
    result = DescribedSet(refused=list(labelled.refused))
    space = engines[alias].space.name
    unread = {refusal.name for refusal in labelled.refused}
    seen: dict[str, str] = {}
    for index, photograph in enumerate(labelled.photographs):
        if photograph.name not in unread:
            described = _describe(photograph, alias, seen if labelled.pairs is None else None)
            if isinstance(described, Refusal):
                result.refused.append(described)
            else:
                result.embeddings[index] = described.faces[0].embeddings[space]
                result.milliseconds.append(described.milliseconds)
        advance()
    return result


def _describe(photograph: Photograph, alias: str, seen: dict[str, str] | None) -> Analysis | Refusal:
    """A worker's analysis, or why the photograph is refused. With `seen` (digests of files and their names), a copy
    under another name is refused too, because it would flatter the rates.
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
        recognisable(choose_face(analysis.faces, "only"))
    except InvalidInput as error:
        return Refusal(upload.name, error.code, error.message)
    return analysis


def people_of(labelled: LabelledSet, described: DescribedSet) -> Integers:
    """The number of the person on each described photograph, in their order."""
    return np.array([labelled.photographs[index].person for index in described.embeddings], np.int64)


def score_set(labelled: LabelledSet, described: DescribedSet, *, metric: str) -> Pairs | None:
    """The pairs among the described photographs; None if there are none."""
    rows = {index: row for row, index in enumerate(described.embeddings)}
    people = people_of(labelled, described)
    if labelled.pairs is None:
        chosen, genuine = pair_everyone(people)
    else:
        kept = [(rows[a], rows[b], same) for a, b, same in labelled.pairs if a in rows and b in rows]
        chosen = np.array([pair[:2] for pair in kept], np.int64).reshape(-1, 2)
        genuine = np.array([pair[2] for pair in kept], np.bool_)
    if not len(chosen):
        return None
    return score_pairs(np.stack(list(described.embeddings.values())), people, chosen, genuine=genuine, metric=metric)
