"""Liveness checks and anti-spoofing."""

from environment import env

LIVENESS_POLICY = env.str("FACEAPP_LIVENESS_POLICY", default="")  # for clients that have none of their own
LIVENESS_68_POINTS = env.bool("FACEAPP_LIVENESS_68_POINTS", default=False)  # challenges to blink or to open the mouth
LIVENESS_SESSION_SECONDS = env.int("FACEAPP_LIVENESS_SESSION_SECONDS", default=120)
LIVENESS_TOKEN_SECONDS = env.int("FACEAPP_LIVENESS_TOKEN_SECONDS", default=300)
LIVENESS_ATTEMPTS = env.int("FACEAPP_LIVENESS_ATTEMPTS", default=3)
LIVENESS_SESSIONS_PER_SUBJECT = env.int("FACEAPP_LIVENESS_SESSIONS_PER_SUBJECT", default=5)  # open at once; 0: no limit
LIVENESS_SESSIONS_PER_CLIENT = env.int("FACEAPP_LIVENESS_SESSIONS_PER_CLIENT", default=1000)
LIVENESS_REPLAY_DAYS = env.int("FACEAPP_LIVENESS_REPLAY_DAYS", default=30)
ANTISPOOF_THRESHOLD = env.float("FACEAPP_ANTISPOOF_THRESHOLD", default=0.8)  # lowest probability of a fake
ANTISPOOF = env.str("FACEAPP_ANTISPOOF", default="")  # fr_liveness or fasnet; empty: the first that LICENCE permits
ANTISPOOF_MODEL = env.str("FACEAPP_ANTISPOOF_MODEL", default="")  # made by `train_antispoof`; instead of those
