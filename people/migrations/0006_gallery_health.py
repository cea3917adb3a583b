"""What is known of the people of a gallery: who look alike, and whose photographs are odd or poor."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('people', '0005_respaces'),
    ]

    operations = [
        migrations.AlterField(
            model_name='gallery',
            name='space',
            field=models.CharField(blank=True, default='', help_text="The space that decides; manage.py respace changes it. Empty: the deployment's default.", max_length=100),
        ),
        migrations.CreateModel(
            name='GalleryHealth',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('space', models.CharField(max_length=100)),
                ('threshold', models.FloatField()),
                ('round', models.PositiveIntegerField(default=1)),
                ('started_at', models.DateTimeField(null=True)),
                ('computed_at', models.DateTimeField(null=True)),
                ('gallery', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='health', to='people.gallery')),
            ],
        ),
        migrations.CreateModel(
            name='CheckedPerson',
            fields=[
                ('person', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='checked', serialize=False, to='people.person')),
                ('round', models.PositiveIntegerField()),
                ('templates', models.PositiveIntegerField()),
                ('last_template', models.BigIntegerField()),
                ('recognisability', models.FloatField(null=True)),
                ('reason', models.CharField(blank=True, default='', max_length=20)),
                ('best_image', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='people.referenceimage')),
                ('health', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='people', to='people.galleryhealth')),
            ],
            options={
                'ordering': ['recognisability', 'person'],
                'indexes': [models.Index(condition=models.Q(('reason', ''), _negated=True), fields=['health', 'recognisability'], name='poor_people')],
            },
        ),
        migrations.CreateModel(
            name='LookAlikes',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('distance', models.FloatField()),
                ('health', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='look_alikes', to='people.galleryhealth')),
                ('image', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='people.referenceimage')),
                ('other', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='people.person')),
                ('other_image', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='people.referenceimage')),
                ('person', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='people.person')),
            ],
            options={
                'ordering': ['distance', 'id'],
                'indexes': [models.Index(fields=['health', 'distance'], name='look_alikes_nearest')],
                'constraints': [models.UniqueConstraint(fields=('person', 'other'), name='look_alikes_once')],
            },
        ),
        migrations.CreateModel(
            name='OddPhotograph',
            fields=[
                ('image', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='+', serialize=False, to='people.referenceimage')),
                ('distance', models.FloatField()),
                ('health', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='odd_photographs', to='people.galleryhealth')),
                ('person', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='people.person')),
            ],
            options={
                'ordering': ['-distance', 'image'],
                'indexes': [models.Index(fields=['health', '-distance'], name='odd_photographs_furthest')],
            },
        ),
    ]
