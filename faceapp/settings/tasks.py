"""Which queue each Celery task goes to, when recurring tasks run, and how many workers there are."""

import os

from celery.schedules import crontab

from environment import env

CELERY_TASK_DEFAULT_QUEUE = "interactive"
CELERY_TASK_CREATE_MISSING_QUEUES = True
CELERY_TASK_ROUTES = {
    "work.tasks.sweep": {"queue": "maintenance"},  # has a worker of its own: never behind images
    "recognition.tasks.purge": {"queue": "maintenance"},
    "albums.tasks.purge": {"queue": "maintenance"},
    "people.tasks.purge": {"queue": "maintenance"},
    "liveness.tasks.purge": {"queue": "maintenance"},
    "blacklist.tasks.purge": {"queue": "maintenance"},
    "clients.tasks.purge": {"queue": "maintenance"},
    "storage.tasks.delete_due_files": {"queue": "maintenance"},
    "audit.tasks.seal": {"queue": "maintenance"},
    "audit.tasks.purge": {"queue": "maintenance"},
    "clients.tasks.warn_of_expiry": {"queue": "maintenance"},
    "notifications.tasks.deliver": {"queue": "maintenance"},
    "notifications.tasks.purge": {"queue": "maintenance"},
    "training.tasks.train_recogniser": {"queue": "training"},  # has a worker of its own
    "people.tasks.tend_respaces": {"queue": "maintenance"},
    "people.tasks.send_remote_calls": {"queue": "maintenance"},
    "people.tasks.tend_search_indexes": {"queue": "maintenance"},  # whose worker owns the tables; takes minutes
    "people.tasks.tend_health": {"queue": "training"},  # up to 20 seconds, in the database
}
SWEEP_SECONDS = env.float("FACEAPP_SWEEP_SECONDS", default=10.0)
CELERY_BEAT_SCHEDULE = {
    "sweep": {"task": "work.tasks.sweep", "schedule": SWEEP_SECONDS, "options": {"expires": 30}},
    "respaces": {"task": "people.tasks.tend_respaces", "schedule": SWEEP_SECONDS, "options": {"expires": 30}},
    "remote-calls": {"task": "people.tasks.send_remote_calls", "schedule": 5.0, "options": {"expires": 10}},
    "search-indexes": {"task": "people.tasks.tend_search_indexes", "schedule": 60.0, "options": {"expires": 60}},
    "health": {"task": "people.tasks.tend_health", "schedule": 60.0, "options": {"expires": 60}},
    "due-files": {"task": "storage.tasks.delete_due_files", "schedule": 60.0, "options": {"expires": 60}},
    "seal-audit": {"task": "audit.tasks.seal", "schedule": 5.0, "options": {"expires": 30}},
    "deliver": {"task": "notifications.tasks.deliver", "schedule": 5.0, "options": {"expires": 10}},
    "purge-audit": {"task": "audit.tasks.purge", "schedule": crontab(hour="3", minute="45")},  # UTC
    "purge": {"task": "recognition.tasks.purge", "schedule": crontab(hour="3", minute="30")},  # UTC
    "purge-albums": {"task": "albums.tasks.purge", "schedule": crontab(hour="3", minute="35")},  # UTC
    "purge-people": {"task": "people.tasks.purge", "schedule": crontab(hour="3", minute="40")},  # UTC
    "purge-deliveries": {"task": "notifications.tasks.purge", "schedule": crontab(hour="3", minute="50")},  # UTC
    "purge-liveness": {"task": "liveness.tasks.purge", "schedule": crontab(minute="*/10")},
    "purge-checked": {"task": "blacklist.tasks.purge", "schedule": crontab(minute="*/10")},
    "keys-that-expire": {"task": "clients.tasks.warn_of_expiry", "schedule": crontab(hour="6", minute="0")},
    "purge-answers": {"task": "clients.tasks.purge", "schedule": crontab(minute="*/10")},
}

# Workers read the queues in this order: a backlog in `bulk` delays a caller waiting on `interactive` by one image.
WORKER_QUEUES = ["interactive", "patient", "bulk"]
EXPRESS_QUEUES = ["interactive"]  # of a worker with one child and a higher priority, where others have several
WORKER_CONCURRENCY = env.int("FACEAPP_WORKER_CONCURRENCY", default=0)  # 0: one child per processor
WORKER_CHILDREN = WORKER_CONCURRENCY or len(os.sched_getaffinity(0))
CELERY_WORKER_CONCURRENCY = WORKER_CONCURRENCY or None
# What a child may take for an image on top of its engines; 0: no ceiling. See docs/operations.md for what images take.
WORKER_MEMORY_MB = env.int("FACEAPP_WORKER_MEMORY_MB", default=4096)
# Messages of one client in a queue or with workers; its others wait for their turn (vision.dispatch).
CLIENT_AT_ONCE = env.int("FACEAPP_CLIENT_AT_ONCE", default=0) or max(
    4, 2 * (WORKER_CONCURRENCY or len(os.sched_getaffinity(0)))
)
RESPACE_AT_ONCE = env.int("FACEAPP_RESPACE_AT_ONCE", default=0)  # photographs; 0: one for every fourth worker
# Of a worker that gathers images for a card (vision.gathering). 0: as many as are good for a card, and none elsewhere.
BATCH_IMAGES = env.int("FACEAPP_BATCH_IMAGES", default=0)
BATCH_MILLISECONDS = env.float("FACEAPP_BATCH_MILLISECONDS", default=2.0)
MAX_ATTEMPTS = 3  # how often an image is tried when the worker dies
FACEAPP_WAIT_SECONDS = env.float("FACEAPP_WAIT_SECONDS", default=60.0)
