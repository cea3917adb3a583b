"""The login page, and what people manage there themselves. Sign-up and changes of addresses do not exist."""

from allauth.account import views as account
from allauth.socialaccount import views as social
from django.urls import include, path
from django.views.i18n import set_language

from login.views import go_on

urlpatterns = [
    path("", account.login, name="account_login"),
    path("language/", set_language, name="set_language"),
    path("logout/", account.logout, name="account_logout"),
    path("inactive/", account.account_inactive, name="account_inactive"),
    path("confirm/", account.reauthenticate, name="account_reauthenticate"),
    path("go-on/", go_on, name="login_go_on"),
    path("factors/", include("allauth.mfa.urls")),
    path("", include("allauth.socialaccount.providers.openid_connect.urls")),
    path("provider/cancelled/", social.login_cancelled, name="socialaccount_login_cancelled"),
    path("provider/error/", social.login_error, name="socialaccount_login_error"),
    path("provider/new/", social.signup, name="socialaccount_signup"),
]
