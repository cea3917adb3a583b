"""Splitting a gallery, made-up strangers, and how good a decision is. Pure numpy, no tables."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from training.network import Network
from training.types import Gallery, Judgement, Labels, Split, Vectors
from vision.distances import distance_matrix

HELD_OUT = 0.25  # of each person's images, one at least
SEED = 20180913
STRANGERS_EACH = 8  # made-up strangers for each image of the gallery
MOST_STRANGERS = 4000
MIX = (0.35, 0.65)  # how much of the first of two people
NOISE = 0.35  # as in training, in units of the spread
COPIES = 4  # of each image, with noise, for the calibration
STRANGER = -1


def split(gallery: Gallery) -> Split:
    """Hold out images of every person, at random but always the same ones."""
    chance = np.random.default_rng(SEED)
    out = np.zeros(len(gallery.labels), bool)
    for label in range(len(gallery.people)):
        own = np.flatnonzero(gallery.labels == label)
        out[chance.permutation(own)[: max(1, int(len(own) * HELD_OUT))]] = True
    return Split(gallery.vectors[~out], gallery.labels[~out], gallery.vectors[out], gallery.labels[out])


def strangers(vectors: Vectors, labels: Labels, *, seed: int = SEED) -> Vectors:
    """(n, d): faces between two people of the gallery, of the same length; no real person looks like that.

    They stand for people without photographs: a face that resembles two people is the most easily mistaken.
    """
    chance = np.random.default_rng(seed)
    count = min(STRANGERS_EACH * len(vectors), MOST_STRANGERS)
    first, second = chance.integers(0, len(vectors), (2, 4 * count))
    pairs = np.flatnonzero(labels[first] != labels[second])[:count]
    a, b = vectors[first[pairs]], vectors[second[pairs]]
    share = chance.uniform(*MIX, (len(pairs), 1)).astype(np.float32)
    mixed = share * a + (1 - share) * b
    length = np.linalg.norm(a, axis=1, keepdims=True) / np.maximum(np.linalg.norm(mixed, axis=1, keepdims=True), 1e-9)
    made: Vectors = (mixed * length).astype(np.float32)
    return made


def spread(vectors: Vectors) -> tuple[Vectors, Vectors]:
    """Mean (d,) and one standard deviation for all dimensions (), which keeps the embeddings' geometry."""
    mean = vectors.mean(axis=0)
    return mean.astype(np.float32), np.float32(max(float((vectors - mean).std()), 1e-6))  # type: ignore[return-value]


def calibrate(network: Network, vectors: Vectors, labels: Labels) -> float:
    """The least probability that counts: what separates noisy copies of known images best from strangers.

    Held-out images have no part in it, so that the evaluation stays honest. The middle, where many separate as well.
    """
    chance = np.random.default_rng(SEED + 1)
    copies = np.repeat(vectors, COPIES, axis=0)
    noisy = copies + chance.normal(0, NOISE * float(network.scale), copies.shape).astype(np.float32)
    right = network.probabilities(noisy)[np.arange(len(copies)), np.repeat(labels, COPIES)]
    wrong = network.probabilities(strangers(vectors, labels, seed=SEED + 2)).max(axis=1)
    limits = np.arange(0.05, 0.96, 0.01)
    gain = np.array([(right >= limit).mean() + (wrong < limit).mean() for limit in limits])
    return float(round(np.median(limits[gain >= gain.max() - 1e-9]), 3))


def choose(*, distances: Mapping[int, float], judgement: Judgement) -> int | None:
    """Which of the people within the threshold (`distances`) it is; None for a stranger.

    The nearest one, unless the classifier knows that person: then the most probable of those whom it knows, if
    probable enough. A person who is new to the classifier is thus recognised from the first photograph on.
    """
    if not distances:
        return None
    nearest = min(distances, key=lambda person: distances[person])
    known = [person for person in distances if person in judgement.probabilities]
    if nearest not in judgement.probabilities:
        return nearest
    best = max(known, key=lambda person: judgement.probabilities[person])
    return best if judgement.probabilities[best] >= judgement.minimum else None


def evaluate(network: Network, minimum: float, parts: Split, *, metric: str, threshold: float) -> dict[str, float]:
    """Shares of right answers, for held-out images and for strangers, of the classifier and of the nearest template."""
    foreign = strangers(parts.held_out, parts.held_out_labels, seed=SEED + 3)
    faces = np.concatenate([parts.held_out, foreign])
    truth = np.concatenate([parts.held_out_labels, np.full(len(foreign), STRANGER)])
    distances = distance_matrix(faces, parts.vectors, metric=metric)
    people = range(int(parts.labels.max()) + 1)
    near = np.stack([distances[:, parts.labels == label].min(axis=1) for label in people], axis=1)  # (faces, people)
    within = [{label: float(d) for label, d in enumerate(row) if d <= threshold} for row in near]
    shares = network.probabilities(faces)
    trained = [Judgement(dict(enumerate(map(float, row))), minimum) for row in shares]
    return {
        "held_out": len(parts.held_out),
        "strangers": len(foreign),
        **_scores("", within, trained, truth),
        **_scores("nearest_", within, [Judgement()] * len(faces), truth),
    }


def _scores(
    prefix: str, within: list[dict[int, float]], judgements: list[Judgement], truth: Labels
) -> dict[str, float]:
    said = [choose(distances=d, judgement=j) for d, j in zip(within, judgements, strict=True)]
    right = np.array([STRANGER if answer is None else answer for answer in said]) == truth
    known = truth != STRANGER
    return {
        f"{prefix}accuracy": round(float(right[known].mean()), 4),
        f"{prefix}strangers_rejected": round(float(right[~known].mean()), 4) if (~known).any() else 1.0,
    }


def is_as_good(metrics: Mapping[str, float]) -> bool:
    """Whether the classifier answered at least as well as the nearest template, for known people and for strangers."""
    return (
        metrics["accuracy"] >= metrics["nearest_accuracy"]
        and metrics["strangers_rejected"] >= metrics["nearest_strangers_rejected"]
    )
