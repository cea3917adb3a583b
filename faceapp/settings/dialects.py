"""The compatibility APIs."""

from environment import content_of, env

# ---- Nextcloud Face Recognition ---------------------------------------------------------------------------------
NEXTCLOUD_MODEL = env.int("FACE_MODEL", default=4)  # for keys whose model is not set in the admin
NEXTCLOUD_68_POINTS = env.bool("FACEAPP_NEXTCLOUD_68_POINTS", default=False)
NEXTCLOUD_MAX_AREA = env.int("FACEAPP_NEXTCLOUD_MAX_AREA", default=3840 * 2160)  # pixels
NEXTCLOUD_WAIT_SECONDS = env.float("FACEAPP_NEXTCLOUD_WAIT_SECONDS", default=3600.0)
NEXTCLOUD_CLIENT = env.str("FACEAPP_NEXTCLOUD_CLIENT", default="nextcloud")
NEXTCLOUD_KEY = env.str("FACEAPP_NEXTCLOUD_KEY", default="").strip() or content_of(
    env.str("FACEAPP_NEXTCLOUD_KEY_FILE", default="")
)

# ---- eKYC -------------------------------------------------------------------------------------------------------
EKYC_QUALITY_GATE = env.str("FACEAPP_EKYC_QUALITY_GATE", default="off")  # as FACEAPP_QUALITY_GATE
EKYC_MIN_FRAMES = env.int("FACEAPP_EKYC_MIN_FRAMES", default=0)  # 0: three of five

# ---- FaceAnalysis -----------------------------------------------------------------------------------------------
FACEANALYSIS_CLIENT = env.str("FACEAPP_FACEANALYSIS_CLIENT", default="faceanalysis")
FACEANALYSIS_REGISTRATION = env.bool("FACEAPP_FACEANALYSIS_REGISTRATION", default=False)
FACEANALYSIS_OPEN = env.bool("FACEAPP_FACEANALYSIS_OPEN", default=False)
FACEANALYSIS_IDS = env.str("FACEAPP_FACEANALYSIS_IDS", default="stem")
FACEANALYSIS_TOKEN_SECONDS = env.int("FACEAPP_FACEANALYSIS_TOKEN_SECONDS", default=500)
FACEANALYSIS_LOGIN_LIMIT = env.str("FACEAPP_FACEANALYSIS_LOGIN_LIMIT", default="10/min")

# ---- FaceHash ---------------------------------------------------------------------------------------------------
FACEHASH_CLIENT = env.str("FACEAPP_FACEHASH_CLIENT", default="")  # for calls without a key
FACEHASH_POLICY = env.str("FACEAPP_FACEHASH_POLICY", default="replace")
FACEHASH_MIN_IMAGES = env.int("FACEAPP_FACEHASH_MIN_IMAGES", default=1)
FACEHASH_MAX_IMAGES = env.int("FACEAPP_FACEHASH_MAX_IMAGES", default=100)
FACEHASH_MAX_BYTES = env.int("FACEAPP_FACEHASH_MAX_BYTES", default=120 * 1024 * 1024)
FACEHASH_ORIGINS = env.list("FACEAPP_FACEHASH_ORIGINS", default=["*"])
