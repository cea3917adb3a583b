"""Thresholds of albums follow the number of their faces, unless somebody chose one."""

from __future__ import annotations

from typing import Any

from django.db import migrations, models


def keep_chosen(apps: Any, schema_editor: Any) -> None:
    """A threshold that is neither the client's calibration nor the one that the space ships with was chosen."""
    from vision.engines import engines

    calibrations = apps.get_model("calibration", "SpaceCalibration").objects.all()
    known = {(row.client_id, row.space, row.metric, row.threshold) for row in calibrations}
    shipped = {
        (space.name, metric, value) for space in engines.spaces().values() for metric, value in space.thresholds.items()
    }
    albums = apps.get_model("albums", "Album").objects
    for album in albums.all():
        place = (album.space, album.metric, album.threshold)
        if place not in shipped and (album.client_id, *place) not in known:
            albums.filter(pk=album.pk).update(own_threshold=True)


class Migration(migrations.Migration):
    dependencies = [("albums", "0001_initial"), ("calibration", "0001_initial")]

    operations = [
        migrations.AddField(
            model_name="album",
            name="own_threshold",
            field=models.BooleanField(
                default=False,
                help_text="Keep this threshold. Otherwise it follows the number of faces.",
            ),
        ),
        migrations.AlterField(
            model_name="album",
            name="threshold",
            field=models.FloatField(
                help_text="A distance in the metric: faces nearer than this were one person's when the groups were"
                " last judged."
            ),
        ),
        migrations.RunPython(keep_chosen, migrations.RunPython.noop),
    ]
