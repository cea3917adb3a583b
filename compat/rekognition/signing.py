"""AWS Signature Version 4, as a server checks it. Pure: no Django, no tables.

Written from AWS's description of the algorithm ("Create a signed AWS API request"); tests sign with botocore.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, quote

from compat.rekognition.exceptions import IncompleteSignature, NotSigned, WrongSignature

ALGORITHM, SERVICE, ENDING = "AWS4-HMAC-SHA256", "rekognition", "aws4_request"
SKEW = timedelta(minutes=15)
ALWAYS_SIGNED = {"host", "x-amz-date", "x-amz-target"}
PART = re.compile(r"(Credential|SignedHeaders|Signature)=([^,\s]+)")
TIME = "%Y%m%dT%H%M%SZ"


@dataclass(frozen=True)
class Signed:
    """What `Authorization` says: who signed, for when and where, which headers, and the signature in hexadecimal."""

    access_key: str
    date: str  # YYYYMMDD
    region: str
    service: str
    headers: tuple[str, ...]
    signature: str

    @property
    def scope(self) -> str:
        return f"{self.date}/{self.region}/{self.service}/{ENDING}"


@dataclass(frozen=True)
class Call:
    """The parts of a request that are signed; names of `headers` in small letters."""

    method: str
    path: str  # as the caller sent it, without percent encoding
    query: str
    headers: Mapping[str, str]


def read_authorization(text: str | None) -> Signed:
    """Raises `NotSigned` or `IncompleteSignature`."""
    if not text:
        raise NotSigned("Missing Authentication Token: sign the request with AWS Signature Version 4.")
    scheme, _, rest = text.partition(" ")
    if scheme != ALGORITHM:
        raise NotSigned(f"Missing Authentication Token: only {ALGORITHM} is accepted.")
    parts = dict(PART.findall(rest))
    credential = parts.get("Credential", "").split("/")
    names = tuple(parts.get("SignedHeaders", "").split(";"))
    if len(parts) != 3 or len(credential) != 5 or credential[-1] != ENDING or not all(names):
        raise IncompleteSignature("Authorization needs Credential, SignedHeaders and Signature.")
    access_key, date, region, service, _ = credential
    return Signed(access_key, date, region, service, names, parts["Signature"])


def check_scope(signed: Signed, call: Call, *, region: str, now: datetime) -> None:
    """Everything about a signature that can be checked without the secret and the body.

    Raises `IncompleteSignature` if a header that has to be signed is not, or `WrongSignature`.
    """
    required = ALWAYS_SIGNED | {name for name in call.headers if name.startswith("x-amz-")}
    if missing := sorted(required - set(signed.headers)):
        raise IncompleteSignature(f"These headers must be sent and signed: {', '.join(missing)}.")
    if signed.service != SERVICE:
        raise WrongSignature(f"Credential should be scoped to the service '{SERVICE}'.")
    if signed.region != region:
        raise WrongSignature(f"Credential should be scoped to the region '{region}'.")
    at = time_of(call)
    if f"{at:%Y%m%d}" != signed.date:
        raise WrongSignature("The date of Credential is not that of X-Amz-Date.")
    if abs(now - at) > SKEW:
        which = "expired" if at < now else "not yet current"
        raise WrongSignature(f"Signature {which}: the server's time is {now.astimezone(UTC):{TIME}}.")


def time_of(call: Call) -> datetime:
    """Raises `IncompleteSignature`."""
    try:
        return datetime.strptime(call.headers.get("x-amz-date", ""), TIME).replace(tzinfo=UTC)
    except ValueError:
        raise IncompleteSignature("X-Amz-Date is missing or has another form than 20260131T235959Z.") from None


def check_signature(signed: Signed, call: Call, body: bytes, *, secrets: Iterable[str]) -> None:
    """Raises `WrongSignature` unless one of the secrets has signed this call with this body."""
    digest = hashlib.sha256(body).hexdigest()
    claimed = call.headers.get("x-amz-content-sha256", digest)
    text = string_to_sign(signed, call, digest)
    made = [signature(secret, signed, text) for secret in secrets]
    matches = [hmac.compare_digest(one.encode(), signed.signature.encode()) for one in made]  # all of them, always
    if not hmac.compare_digest(claimed.encode("utf-8", "replace"), digest.encode()):
        raise WrongSignature("X-Amz-Content-SHA256 is not the hash of the body.")
    if not any(matches):
        raise WrongSignature(
            "The request signature we calculated does not match the signature you provided. Check your AWS Secret"
            " Access Key and signing method, and that no proxy changes the path, the header Host or the body."
        )


def string_to_sign(signed: Signed, call: Call, digest: str) -> str:
    headers = "".join(f"{name}:{' '.join(call.headers.get(name, '').split())}\n" for name in signed.headers)
    pairs = sorted((quote(k, safe="-_.~"), quote(v, safe="-_.~")) for k, v in parse_qsl(call.query, True))
    query = "&".join(f"{key}={value}" for key, value in pairs)
    parts = [call.method, quote(call.path, safe="/-_.~"), query, headers, ";".join(signed.headers), digest]
    canonical = hashlib.sha256("\n".join(parts).encode("utf-8", "surrogateescape")).hexdigest()
    return "\n".join([ALGORITHM, call.headers["x-amz-date"], signed.scope, canonical])


def signature(secret: str, signed: Signed, text: str) -> str:
    key = f"AWS4{secret}".encode()
    for part in (signed.date, signed.region, signed.service, ENDING, text):
        key = hmac.new(key, part.encode("utf-8", "surrogateescape"), hashlib.sha256).digest()
    return key.hex()
