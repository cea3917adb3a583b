"""Trained recognisers. Options that a client sets in the admin take precedence."""

from typing import Any

from environment import env

TRAINING: dict[str, Any] = {
    "enabled": env.bool("FACEAPP_TRAINING", default=True),
    "epochs": env.int("FACEAPP_TRAINING_EPOCHS", default=60),
    "hidden_units": env.int("FACEAPP_TRAINING_HIDDEN_UNITS", default=64),
    "dropout": env.float("FACEAPP_TRAINING_DROPOUT", default=0.3),
    "learning_rate": env.float("FACEAPP_TRAINING_LEARNING_RATE", default=0.003),
    "min_people": env.int("FACEAPP_TRAINING_MIN_PEOPLE", default=2),
    "min_images": env.int("FACEAPP_TRAINING_MIN_IMAGES", default=5),
}
TRAINING_TIME_LIMIT = env.int("FACEAPP_TRAINING_TIME_LIMIT", default=900)
