"""Logging in to pages: who may, from where, with what, and for how long. Callers with keys are not concerned."""

from typing import Any

from environment import env

# Networks from which the pages for people are served, such as 10.0.0.0/8; empty: from everywhere.
ADMIN_NETWORKS = env.list("FACEAPP_ADMIN_NETWORKS", default=[])
REQUIRE_MFA = env.bool("FACEAPP_REQUIRE_MFA", default=False)

# Wrong passwords: for one name from one address, from one address, and for one name from all addresses.
LOGIN_LIMIT = env.str("FACEAPP_LOGIN_LIMIT", default="10/hour")
LOGIN_ADDRESS_LIMIT = env.str("FACEAPP_LOGIN_ADDRESS_LIMIT", default="60/hour")
LOGIN_NAME_LIMIT = env.str("FACEAPP_LOGIN_NAME_LIMIT", default="100/hour")

SESSION_COOKIE_AGE = env.int("FACEAPP_SESSION_SECONDS", default=8 * 3600)  # at most, however busy
SESSION_IDLE_SECONDS = env.int("FACEAPP_SESSION_IDLE_SECONDS", default=30 * 60)
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"  # Strict would not survive the way back from a provider
CONFIRM_SECONDS = env.int("FACEAPP_CONFIRM_SECONDS", default=600)  # for which a login or confirmation counts
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"  # new keys never travel in a cookie
CSRF_FAILURE_VIEW = "login.views.csrf_failure"

LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "admin:index"
LOGOUT_REDIRECT_URL = "account_login"

ACCOUNT_ADAPTER = "login.adapters.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_SESSION_REMEMBER = False
ACCOUNT_LOGOUT_REDIRECT_URL = LOGOUT_REDIRECT_URL
ACCOUNT_REAUTHENTICATION_TIMEOUT = CONFIRM_SECONDS
# Passwords are counted by `login.throttling`; these are for codes, of which there are few.
ACCOUNT_RATE_LIMITS = {"login": None, "login_failed": "5/5m/key", "reauthenticate": "10/m/user"}

MFA_ADAPTER = "login.adapters.SecondFactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_ALLOW_UNVERIFIED_EMAIL = True
MFA_TOTP_TOLERANCE = 1  # clocks of telephones may be half a minute off
MFA_RECOVERY_CODES_SHOW_ONCE = True

OIDC_URL = env.str("FACEAPP_OIDC_URL", default="")
OIDC_NAME = env.str("FACEAPP_OIDC_NAME", default="Single sign-on")
OIDC_DOMAINS = env.list("FACEAPP_OIDC_DOMAINS", default=[])
SOCIALACCOUNT_ADAPTER = "login.adapters.OidcAdapter"
SOCIALACCOUNT_STORE_TOKENS = False
SOCIALACCOUNT_LOGIN_ON_GET = False
SOCIALACCOUNT_PROVIDERS: dict[str, Any] = {
    "openid_connect": {
        "OAUTH_PKCE_ENABLED": True,
        "APPS": [
            {
                "provider_id": "oidc",
                "name": OIDC_NAME,
                "client_id": env.str("FACEAPP_OIDC_CLIENT_ID", default=""),
                "secret": env.str("FACEAPP_OIDC_CLIENT_SECRET", default=""),
                "settings": {"server_url": OIDC_URL},
            }
        ]
        if OIDC_URL
        else [],
    }
}
