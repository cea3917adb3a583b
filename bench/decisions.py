"""Would the same vectors decide better in another way? `python -m bench.decisions FOLDER` measures four ideas.

FOLDER has people/<person>/* and strangers/*. The projection of `pair128` and whatever a way leaves open are fitted on
half of the people, and the others are searched and compared: 20 draws, both ways round. A search misses when the person
is not the nearest or lies beyond the distance within which 1 % of the faces of others have a neighbour (FNIR at an FPIR
of 1 %), a comparison when it lies beyond that of one pair of strangers in 10,000 (FNMR at an FMR of 1e-4). Each way has
distances of its own, so that ways are compared at equal false alarms; `FPIR by the other half` is what its distance of
the other half gives. People of the gallery are strangers too, without their own entry. In brackets: 95 % of a bootstrap
that draws people, the same ones for every way. `fewer`: how much less a way misses than the first one. All in percent.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bench.engine import set_up_django

Array = NDArray[Any]
DRAWS, RESAMPLES, FPIR, FMR = 20, 400, 1e-2, 1e-4
TINY = (16, 20, 24, 30, 36)  # pixels, the shorter side of a reduced face
USUAL = 3.4  # length of the raw vector of `fr512`
HIDDEN = np.inf  # distance of an entry that is not there, and of a face that is not decided
HEAD = "way", "FNIR at FPIR 1 %", "fewer", "FNMR at FMR 1e-4", "fewer", "FPIR by the other half"


class Faces(NamedTuple):
    """A row for each face. `both` are the vectors before the projection, `size` is that of a reduced face or 0."""

    both: Array  # (n, 704)
    dlib: Array  # (n, 128)
    length: Array  # of the raw vector of `fr512`
    usable: Array  # whether it can be recognised
    person: Array
    size: Array

    def at(self, rows: Array) -> Faces:
        return Faces(*(column[rows] for column in self))


@dataclass(frozen=True)
class Search:
    """Every probe against every entry; the photographs of an entry begin at `starts`. `own`: the entry of the probe's
    person, or -1. It is hidden where probes are `strangers`.
    """

    probes: Faces
    photographs: Faces
    starts: Array
    own: Array
    matrix: Array
    strangers: bool

    @cached_property
    def cosines(self) -> Array:
        return 1 - self.vectors(self.probes) @ self.vectors(self.photographs).T

    @cached_property
    def best(self) -> Array:
        """(probes, entries), as for everything that a way answers."""
        return self.shown(np.minimum.reduceat(self.cosines, self.starts, axis=1))

    def vectors(self, faces: Faces) -> Array:
        return unit(faces.both @ self.matrix)

    def shown(self, distances: Array) -> Array:
        distances = np.where(self.probes.usable[:, None], distances, HIDDEN)
        if self.strangers:
            known = np.flatnonzero(self.own >= 0)
            distances[known, self.own[known]] = HIDDEN
        return distances


Way = Callable[[Search], Array]


def unit(rows: Array) -> Array:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


# ---- the ways ---------------------------------------------------------------------------------------------------
def mean(search: Search, *, power: float = 0.0) -> Array:
    """To the mean of an entry's vectors, weighted by a power of their lengths."""
    rows = search.vectors(search.photographs) * search.photographs.length[:, None] ** power
    return 1 - search.vectors(search.probes) @ unit(np.add.reduceat(rows, search.starts, axis=0)).T


def normalised(search: Search, *, of: str, nearest: int, share: float, spread: bool) -> Array:
    """By the nearest other entries of the probe (t), of the entry (z), or half by each (s)."""
    if of == "s":
        both = (normalised(search, of=one, nearest=nearest, share=share, spread=spread) for one in "tz")
        return sum(both) / 2
    if of == "t":
        centre, deviation = cohort(search.best, nearest)
    else:
        entries = search.vectors(search.photographs.at(search.starts))
        among, entry = 1 - entries @ entries.T, np.arange(len(entries))
        among[entry, entry] = HIDDEN
        hidden = search.own[:, None] if search.strangers else np.full((len(search.own), 1), -1)
        centre, deviation = (rows[entry, np.where(hidden < 0, entry, hidden)] for rows in cohort(among, nearest))
    return (search.best - centre) / deviation if spread else search.best - share * centre


def cohort(distances: Array, nearest: int) -> tuple[Array, Array]:
    """For each row and column the mean and deviation of the row's nearest distances, that column left out."""
    near = np.partition(distances, nearest, axis=1)[:, : nearest + 1]
    near[~np.isfinite(near).all(1)] = 0  # a face that is not decided
    out = np.minimum(distances, near.max(1)[:, None])
    centre = (near.sum(1)[:, None] - out) / nearest
    squares = ((near**2).sum(1)[:, None] - out**2) / nearest
    return centre, np.sqrt(np.maximum(squares - centre**2, 1e-6))


def by_length(search: Search, *, of: str, shift: float = 0.0, power: float = 0.0) -> Array:
    """By the length of the probe's raw vector, or of the shorter one of both faces."""
    length = search.probes.length[:, None]
    length = length if of == "probe" else np.minimum(length, search.photographs.length[search.starts])
    return search.best * (length / USUAL) ** power + shift * (length - USUAL)


def with_dlib(search: Search, *, share: float) -> Array:
    """Part of the distance is Dlib's, on a scale with the same spread."""
    pair, dlib = search.cosines, 1 - unit(search.probes.dlib) @ unit(search.photographs.dlib).T
    return ((1 - share) * pair + share * dlib * (pair.std() / dlib.std()))[:, search.starts]


PLAIN: dict[str, list[Way]] = {"distance": [lambda search: search.best]}
COHORTS = PLAIN | {
    f"{of}-norm{' by spread' * spread}": [
        partial(normalised, of=of, nearest=nearest, share=share, spread=spread)
        for nearest in (10, 20, 50)
        for share in ((1.0,) if spread else (0.25, 0.5, 0.75, 1.0))
    ]
    for of in "zts"
    for spread in (False, True)
}
PHOTOGRAPHS: dict[str, list[Way]] = {
    "best photograph": PLAIN["distance"],
    "one photograph only": [lambda search: search.cosines[:, search.starts]],
    "mean template": [mean],
    "mean template by length": [partial(mean, power=power) for power in (1, 2, 4, 8)],
    "nearer of mean and best": [lambda search: np.minimum(mean(search), search.best)],
    "half mean, half best": [lambda search: (mean(search) + search.best) / 2],
}
QUALITY = PLAIN | {
    f"{name} by the length of {of}": [partial(by_length, of=of, **{name: value}) for value in values]
    for name, values in (("shift", (-0.2, -0.1, -0.05, 0.05, 0.1, 0.2)), ("power", (-1, -0.5, -0.25, 0.25, 0.5, 1)))
    for of in ("probe", "either face")
}
DLIB = PLAIN | {
    "with Dlib": [partial(with_dlib, share=share) for share in (0.1, 0.2, 0.3, 0.4, 0.5)],
    "Dlib alone": [partial(with_dlib, share=1)],
}


# ---- what they miss ---------------------------------------------------------------------------------------------
class Outcome(NamedTuple):
    """Distances with the people concerned: of people to their own entry in a search (hidden unless it is the nearest)
    and in a comparison, of strangers to the nearest entry, and of the closest pairs of strangers.
    """

    found: Array
    compared: Array
    alarms: Array
    closest: Array
    probes: Array  # of strangers, how many each person has
    entries: Array


def outcome(searches: tuple[Search, Search], search: Way, compare: Way, people: int) -> Outcome:
    """What ways to search and to compare say about people with an entry and about strangers."""
    mates, strangers = searches
    row, who = np.arange(len(mates.own)), mates.probes.person
    distances, others = mates.shown(search(mates)), strangers.shown(compare(strangers))
    found = np.where(distances.argmin(1) == mates.own, distances[row, mates.own], HIDDEN)
    compared = mates.shown(compare(mates))[row, mates.own]
    alarms = strangers.shown(search(strangers)).min(1)
    kept = int(30 * FMR * others.size)
    probe, entry = np.unravel_index(np.argpartition(others, kept, axis=None)[:kept], others.shape)
    probes, entries = strangers.probes.person, strangers.photographs.person[strangers.starts]
    rows = (found, who), (compared, who), (alarms, probes), (others[probe, entry], probes[probe], entries[entry])
    counts = (np.bincount(some, minlength=people) for some in (probes, entries))
    return Outcome(*(np.stack(row)[:, np.argsort(row[0])] for row in rows), *counts)


def misses(outcomes: Sequence[Outcome], drawn: Array) -> Array:
    """(n, 2): FNIR and FNMR, each person counted as often as drawn, (n, people)."""
    rates = []
    for one in outcomes:
        found, compared, alarms, first, second = (
            drawn[:, who.astype(int)] for who in (one.found[1], one.compared[1], one.alarms[1], *one.closest[1:])
        )
        pairs = (drawn @ one.probes) * (drawn @ one.entries) - drawn**2 @ (one.probes * one.entries)
        in_search = limit(one.alarms[0], alarms, FPIR * alarms.sum(1))
        in_comparison = limit(one.closest[0], first * second, FMR * pairs)
        missed = ((found, one.found[0], in_search), (compared, one.compared[0], in_comparison))
        rates.append(
            [(often * (far > end[:, None])).sum(1) / np.maximum(often.sum(1), 1) for often, far, end in missed]
        )
    return np.mean(rates, axis=0).T


def limit(distances: Array, often: Array, allowed: Array) -> Array:
    """(n,): the largest of rising distances within which no more than this many lie, counted `often` (n, distances)."""
    return np.append(-HIDDEN, distances)[(np.cumsum(often, axis=1) <= allowed[:, None] * (1 + 1e-9)).sum(1)]


# ---- galleries and halves ---------------------------------------------------------------------------------------
class Half(NamedTuple):
    """People, those with several photographs first, the other half, and the projection of one of them."""

    people: Array
    others: Array
    matrix: Array
    seed: int


def ordinary(faces: Faces) -> dict[int, Array]:
    """The photographs of each person that can be enrolled."""
    rows = np.flatnonzero((faces.size == 0) & faces.usable)
    return {who: rows[faces.person[rows] == who] for who in np.unique(faces.person[rows])}


def halves_of(faces: Faces) -> Iterator[tuple[Half, Half]]:
    """What is tuned on, and what is measured with the same projection."""
    from evaluation.projection import fit

    rows, random = ordinary(faces), np.random.default_rng(1)
    for seed in range(DRAWS):
        groups = [[who for who, own in rows.items() if (len(own) > 1) == several] for several in (True, False)]
        parts = [np.array_split(random.permutation(group), 2) for group in groups]
        sides = [np.concatenate(some) for some in zip(*parts, strict=True)]
        for one, other in (sides, sides[::-1]):
            matrix = fit(faces.both[(faces.size == 0) & np.isin(faces.person, one)])
            yield Half(one, other, matrix, seed), Half(other, one, matrix, seed)


class Setting(NamedTuple):
    """`entries` of a gallery (None: everybody with three photographs and more), photographs of an entry at most, pixels
    of the faces that are searched (0: as they came), and whether faces that cannot be recognised are decided.
    """

    entries: int | None
    photographs: int = 1
    pixels: int = 0
    gate: bool = True

    def searches(self, faces: Faces, half: Half, *, fill: bool) -> tuple[Search, Search]:
        """Of people by photographs that are not enrolled, and of everybody as strangers."""
        rows, random = ordinary(faces), np.random.default_rng(half.seed)
        listed = np.concatenate([half.people, half.others[: len(half.others) * fill]])[: self.entries]
        if self.entries is None:
            listed = np.array([who for who in half.people if len(rows[who]) > 2])
        count = {who: min(self.photographs, max(len(rows[who]) - 1, 1)) if len(rows[who]) > 2 else 1 for who in listed}
        enrolled = [
            (rows[who] if self.photographs == 1 else random.permutation(rows[who]))[: count[who]] for who in listed
        ]
        place = np.full(faces.person.max() + 1, -1)
        place[listed] = np.arange(len(listed))
        probes = np.flatnonzero((faces.size == self.pixels) & np.isin(faces.person, half.people))
        needed = 1 if self.photographs == 1 else 2
        mated = (place[faces.person[probes]] >= 0) & ~np.isin(probes, np.concatenate(enrolled))
        mated &= np.array([len(rows[who]) > needed for who in faces.person[probes]])
        if not self.gate:
            faces = faces._replace(usable=np.ones_like(faces.usable))
        starts = np.cumsum([0, *map(len, enrolled[:-1])])
        entries = faces.at(np.concatenate(enrolled))
        both = ((probes[mated], False), (probes, True))
        one, other = (Search(faces.at(r), entries, starts, place[faces.person[r]], half.matrix, s) for r, s in both)
        return one, other


def measure(faces: Faces, halves: Sequence[tuple[Half, Half]], setting: Setting, ways: Mapping[str, list[Way]]) -> None:
    """Print a table of ways, of which the others are compared with the first."""
    people = int(faces.person.max()) + 1
    once, outcomes = np.ones((1, people)), {name: [] for name in ways}
    promised: dict[str, list[float]] = {name: [] for name in ways}
    for tuned, measured in halves:
        trial = setting._replace(entries=setting.entries and min(setting.entries, 300)).searches(
            faces, tuned, fill=False
        )
        target = setting.searches(faces, measured, fill=True)
        for name, options in ways.items():
            tries = [outcome(trial, way, way, people) for way in options]
            search, compare = np.array([misses([one], once)[0] for one in tries]).argmin(0)
            outcomes[name].append(outcome(target, options[search], options[compare], people))
            alarms = tries[search].alarms[0]
            promised[name].append(np.mean(outcomes[name][-1].alarms[0] <= alarms[max(int(FPIR * len(alarms)) - 1, 0)]))
    drawn = np.random.default_rng(2).multinomial(people, np.full(people, 1 / people), size=RESAMPLES).astype(float)
    rates = {name: np.concatenate([misses(some, once), misses(some, drawn)]) for name, some in outcomes.items()}
    usual = next(iter(rates.values()))
    counts = (sum(some[column].shape[1] for some in outcomes[next(iter(ways))]) for column in (0, 2))
    print("\n{}: {} searches of people, {} of strangers\n".format(setting, *counts))
    for row in (HEAD, ["---"] * len(HEAD)):
        print("|", " | ".join(row), "|")
    for name, own in rates.items():
        cells = [interval(column) for at in (0, 1) for column in (own[:, at], usual[:, at] - own[:, at])]
        print("|", " | ".join([name, *cells, f"{100 * np.mean(promised[name]):.2f}"]), "|")


def interval(rates: Array) -> str:
    """The first one, and between which the others lie."""
    low, high = 100 * np.quantile(rates[1:], [0.025, 0.975])
    return f"{100 * rates[0]:.1f} ({low:.1f} to {high:.1f})"


# ---- the photographs --------------------------------------------------------------------------------------------
def describe(folder: Path) -> tuple[Faces, dict[int, int]]:
    """The face nearest the centre of each photograph, and of copies of everybody's last one in which that face is tiny;
    and how many pictures of each size there are.
    """
    from tqdm import tqdm

    from evaluation.projection import photographs_of
    from vision import images
    from vision.engines.onnx.engine import OnnxEngine
    from vision.engines.onnx.recognisers import Recogniser
    from vision.recognisability import recognisability
    from vision.types import LEAST_RECOGNISABLE

    pair, dlib = OnnxEngine(), OnnxEngine(recogniser="dlib")
    networks = [Recogniser("fr512"), Recogniser("mobilefacenet192")]
    files, rows, tried = photographs_of(folder), [], dict.fromkeys((0, *TINY), 0)
    last = {who: path for path, who in files}
    people = {who: number for number, who in enumerate(last)}
    for path, who in tqdm(files, unit="image", disable=None):
        whole = images.decode(path.read_bytes())
        face = central(pair.detect(whole), whole)
        sizes = TINY if face and path == last[who] else ()
        copies = {size: reduced(whole, size / min(face.box.w, face.box.h)) for size in sizes}
        for size, picture in ({0: whole} | copies).items():
            tried[size] += 1
            if face := central(pair.detect(picture), picture):
                chips = pair.model_chips(picture, [face])
                (one, length), (other, _) = (network(chips) for network in networks)
                usable = recognisability(length[0], chips[0]) >= LEAST_RECOGNISABLE
                both, [vector] = np.concatenate([one[0], other[0]]), dlib.embed(picture, [face])
                rows.append((both, vector, length[0], usable, people[who], size))
    return Faces(*map(np.array, zip(*rows, strict=True))), tried


def central(faces: Sequence[Any], picture: Array) -> Any:
    """The face nearest the centre; None without one."""
    middle = np.array(picture.shape[1::-1]) / 2
    centres = [(face.box.x + face.box.w / 2, face.box.y + face.box.h / 2) for face in faces]
    return faces[int(np.linalg.norm(centres - middle, axis=1).argmin())] if faces else None


def reduced(picture: Array, scale: float) -> Array:
    size = round(picture.shape[1] * scale), round(picture.shape[0] * scale)
    return np.asarray(Image.fromarray(picture).resize(size))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    set_up_django()
    faces, tried = describe(folder)
    for size, count in tried.items():
        rows = faces.size == size
        print(f"{size or 'all'} pixels: {count} pictures, {rows.sum()} faces, {faces.usable[rows].sum()} recognisable")
    halves = [*halves_of(faces)]
    for entries in (100, 300, 600):
        measure(faces, halves, Setting(entries), COHORTS)
    for listed in (None, 300):
        measure(faces, halves, Setting(listed, photographs=3), PHOTOGRAPHS)
    measure(faces, halves, Setting(300), QUALITY)
    for pixels in TINY:
        for gate in (True, False):
            measure(faces, halves, Setting(100, pixels=pixels, gate=gate), DLIB)


if __name__ == "__main__":
    main()
