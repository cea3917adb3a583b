"""docker-compose.frigate.yml: the bridge is as confined as the other services, and knows less."""

from __future__ import annotations

import re

import yaml
from django.conf import settings

BASE, BRIDGE = (
    yaml.safe_load((settings.BASE_DIR / name).read_text())
    for name in ("docker-compose.yml", "docker-compose.frigate.yml")
)

OF_THE_BRIDGE = {"FACEAPP_FRIGATE_KEY", "FACEAPP_MQTT_PASSWORD"}
NO_SECRETS = {  # names of keys, and a switch
    "FACEAPP_AWS_ACCESS_KEY", "FACEAPP_S3_ACCESS_KEY", "FACEAPP_S3_KMS_KEY", "FACEAPP_FACEANALYSIS_ANY_PASSWORD",
}  # fmt: skip


def test_the_bridge_is_confined_and_knows_no_secrets_of_others() -> None:
    [(name, bridge)] = BRIDGE["services"].items()
    assert name not in BASE["services"]
    web = BASE["services"]["web"]
    shared = (
        "image",
        "restart",
        "user",
        "read_only",
        "cap_drop",
        "security_opt",
        "init",
        "logging",
        "tmpfs",
        "env_file",
    )
    assert {key: bridge[key] for key in shared} == {key: web[key] for key in shared}
    assert set(bridge["networks"]) == {"front", "outside"} <= set(BASE["networks"])
    assert not {"volumes", "ports"} & set(bridge)
    emptied = {key for key, value in bridge["environment"].items() if not value}
    assert emptied >= {"POSTGRES_PASSWORD", "POSTGRES_APP_PASSWORD", "REDIS_PASSWORD", "FACEAPP_FORMER_SECRET_KEYS"}
    example = (settings.BASE_DIR / ".env.example").read_text()
    secrets = set(re.findall(r"FACEAPP_\w+_(?:KEY|SECRET|PASSWORD)\b(?==)", example)) - OF_THE_BRIDGE - NO_SECRETS
    assert secrets <= emptied | {"FACEAPP_SECRET_KEY"}
    assert bridge["environment"]["FACEAPP_FRIGATE_SERVICE"].endswith("http://web:8000}")
    assert "web" in web["environment"]["FACEAPP_ALLOWED_HOSTS"].split(",")
