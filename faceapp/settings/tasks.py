"""Which queue each Celery task goes to, when recurring tasks run, and how many workers there are."""

from celery.schedules import crontab

from environment import env

CELERY_TASK_DEFAULT_QUEUE = "interactive"
CELERY_TASK_CREATE_MISSING_QUEUES = True
CELERY_TASK_ROUTES = {
    "recognition.tasks.sweep": {"queue": "maintenance"},
    "recognition.tasks.purge": {"queue": "maintenance"},
    "albums.tasks.sweep": {"queue": "maintenance"},
    "liveness.tasks.purge": {"queue": "maintenance"},
    "training.tasks.train_recogniser": {"queue": "training"},  # has a worker of its own
    "training.tasks.sweep_trainings": {"queue": "maintenance"},
}
CELERY_BEAT_SCHEDULE = {
    "sweep": {
        "task": "recognition.tasks.sweep",
        "schedule": env.float("FACEAPP_SWEEP_SECONDS", default=10.0),
        "options": {"expires": 30},
    },
    "sweep-albums": {
        "task": "albums.tasks.sweep",
        "schedule": env.float("FACEAPP_SWEEP_SECONDS", default=10.0),
        "options": {"expires": 30},
    },
    "sweep-trainings": {"task": "training.tasks.sweep_trainings", "schedule": 30.0, "options": {"expires": 60}},
    "purge": {"task": "recognition.tasks.purge", "schedule": crontab(hour="3", minute="30")},  # UTC
    "purge-liveness": {"task": "liveness.tasks.purge", "schedule": crontab(minute="*/10")},
}

# Workers read the queues in this order: a backlog in `bulk` delays a caller waiting on `interactive` by one image.
WORKER_QUEUES = ["interactive", "patient", "bulk", "maintenance"]
WORKER_CONCURRENCY = env.int("FACEAPP_WORKER_CONCURRENCY", default=0)  # 0: one child per processor
CELERY_WORKER_CONCURRENCY = WORKER_CONCURRENCY or None
MAX_ATTEMPTS = 3  # how often an image is tried when the worker dies
FACEAPP_WAIT_SECONDS = env.float("FACEAPP_WAIT_SECONDS", default=60.0)
