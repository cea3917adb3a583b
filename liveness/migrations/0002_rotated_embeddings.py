"""Faces of passed sessions are rotated. Those of now are dropped: their tokens, valid for minutes, become useless."""

from django.db import migrations

import vectors.stored


class Migration(migrations.Migration):
    dependencies = [("liveness", "0001_initial")]

    operations = [
        migrations.RemoveField(model_name="livenesssession", name="embedding"),
        migrations.AddField(
            model_name="livenesssession",
            name="embedding",
            field=vectors.stored.RotatedField(help_text="Kept until the token is used or useless.", null=True),
        ),
    ]
