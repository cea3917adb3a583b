"""docker-compose.frigate.yml: the bridge is as confined as the other services, and knows less."""

from __future__ import annotations

import yaml
from django.conf import settings

BASE, BRIDGE = (
    yaml.safe_load((settings.BASE_DIR / name).read_text())
    for name in ("docker-compose.yml", "docker-compose.frigate.yml")
)


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
    assert emptied >= {"POSTGRES_PASSWORD", "POSTGRES_APP_PASSWORD", "REDIS_PASSWORD", "FACEAPP_MASTER_KEY"}
    assert bridge["environment"]["FACEAPP_FRIGATE_SERVICE"].endswith("http://web:8000}")
    assert "web" in web["environment"]["FACEAPP_ALLOWED_HOSTS"].split(",")
