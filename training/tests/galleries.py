"""Galleries of made-up embeddings: people are directions, and their photographs lie around them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from clients.models import Client
from people.models import FaceTemplate, Person, ReferenceImage
from people.models import Gallery as People
from training.types import Gallery, Vectors
from vectors.stored import all_to_store

SPREAD = 0.03  # of a photograph from its person in each of 128 dimensions: 0.34 in all


def faces_of(count: int, *, person: int, spread: float = SPREAD, seed: int = 0) -> Vectors:
    """(count, 128) of unit length."""
    middle = np.random.default_rng(1000 + person).normal(size=128)
    noise = np.random.default_rng(seed * 7919 + person).normal(size=(count, 128)) * spread
    vectors = middle / np.linalg.norm(middle) + noise
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def gallery_of(people: int, images: int, *, spread: float = SPREAD) -> Gallery:
    vectors = np.concatenate([faces_of(images, person=person, spread=spread) for person in range(people)])
    labels = np.repeat(np.arange(people), images)
    return Gallery(list(range(people)), ["1:1"] * people, vectors, labels)


def enrol(client: Client, *, source: str, name: str, vectors: Sequence[Vectors] | Vectors, space: str) -> Person:
    """A person with one template for each vector, as if photographs had been enrolled."""
    gallery = People.objects.named(client, source)
    person = Person.objects.get_or_create(client=client, gallery=gallery, external_id=name, name=name)[0]
    for vector in all_to_store(list(vectors), client_id=client.pk, space=space):
        image = ReferenceImage.objects.create(
            person=person, width=100, height=100, box_x=0, box_y=0, box_w=100, box_h=100, confidence=1.0
        )
        FaceTemplate.objects.create(
            client=client, gallery=gallery, person=person, reference_image=image, space=space, embedding=vector
        )
    return person
