"""Classifiers judge rotated embeddings. Theirs is a linear first layer, so that rotating it changes no answer."""

import io
from functools import partial

import numpy as np
from django.db import migrations

from vectors.rewriting import rotated


def rotate(apps, schema_editor, *, undo=False):
    versions = apps.get_model("training", "Recogniser").objects
    for pk in list(versions.exclude(weights=b"").values_list("pk", flat=True)):
        version = versions.get(pk=pk)
        with np.load(io.BytesIO(bytes(version.weights)), allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
        turn = partial(rotated, version.client_id, version.space, undo=undo)
        arrays["mean"], arrays["hidden"] = turn(arrays["mean"][None])[0], turn(arrays["hidden"].T).T
        buffer = io.BytesIO()
        np.savez(buffer, **arrays)
        version.weights = buffer.getvalue()
        version.save(update_fields=["weights"])


class Migration(migrations.Migration):
    dependencies = [("training", "0001_initial"), ("vault", "0001_initial")]

    operations = [migrations.RunPython(rotate, partial(rotate, undo=True))]
