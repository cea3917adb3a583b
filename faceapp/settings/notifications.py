"""Webhooks, e-mail and MQTT about events (docs/webhooks.md, docs/mqtt.md)."""

from environment import content_of, env

WEBHOOK_HOSTS = env.list("FACEAPP_WEBHOOK_HOSTS", default=[])  # empty: no webhooks
# Dangerous: allows loopback and private addresses for hosts named in full in FACEAPP_WEBHOOK_HOSTS.
WEBHOOK_ALLOW_PRIVATE = env.bool("FACEAPP_WEBHOOK_ALLOW_PRIVATE", default=False)
WEBHOOK_TIMEOUT = env.float("FACEAPP_WEBHOOK_TIMEOUT", default=5.0)  # seconds for a whole attempt
DELIVERY_DAYS = env.int("FACEAPP_DELIVERY_DAYS", default=14)

EMAIL_HOST = env.str("FACEAPP_EMAIL_HOST", default="")  # empty: no e-mail
EMAIL_PORT = env.int("FACEAPP_EMAIL_PORT", default=587)
EMAIL_HOST_USER = env.str("FACEAPP_EMAIL_USER", default="")
EMAIL_HOST_PASSWORD = env.str("FACEAPP_EMAIL_PASSWORD", default="") or content_of(
    env.str("FACEAPP_EMAIL_PASSWORD_FILE", default="")
)
EMAIL_USE_TLS = env.bool("FACEAPP_EMAIL_STARTTLS", default=True)
EMAIL_TIMEOUT = 5
EMAIL_FROM = DEFAULT_FROM_EMAIL = env.str("FACEAPP_EMAIL_FROM", default="faceapp@localhost")

MQTT_HOST = env.str("FACEAPP_MQTT_HOST", default="")  # empty: no MQTT
MQTT_TLS = env.bool("FACEAPP_MQTT_TLS", default=True)
MQTT_PORT = env.int("FACEAPP_MQTT_PORT", default=8883 if MQTT_TLS else 1883)
MQTT_CA_FILE = env.str("FACEAPP_MQTT_CA_FILE", default="")  # empty: authorities that the system trusts
MQTT_USER = env.str("FACEAPP_MQTT_USER", default="")
MQTT_PASSWORD = env.str("FACEAPP_MQTT_PASSWORD", default="") or content_of(
    env.str("FACEAPP_MQTT_PASSWORD_FILE", default="")
)
MQTT_TOPIC = env.str("FACEAPP_MQTT_TOPIC", default="faceapp").strip("/")
MQTT_DISCOVERY = env.str("FACEAPP_MQTT_DISCOVERY", default="homeassistant").strip("/")  # empty: none
MQTT_TIMEOUT = env.float("FACEAPP_MQTT_TIMEOUT", default=5.0)  # seconds
