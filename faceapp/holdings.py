"""Everything that the service holds: whose it is, how it is erased, and how long it is kept otherwise.

A table, a kind of file or a key in Redis that is missing here fails `faceapp/tests/test_holdings.py`.
"""

from __future__ import annotations

from dataclasses import dataclass

NO_PERSON = "tells of no person"
WITH_CLIENT = "with the client, or when it is reset"
WITH_PERSON = "with the person"
BY_CALLER = "when its caller deletes it, and with the client"
UNTIL_ERASED = "until erased"


@dataclass(frozen=True)
class Holding:
    """`owner`: path from the row to its client, or who else it belongs to. `erasure` and `retention` in words."""

    owner: str
    erasure: str
    retention: str


OPERATOR = "the operator"
TABLES: dict[str, Holding] = {
    "clients.Client": Holding("itself", "in the admin, with a receipt", UNTIL_ERASED),
    "clients.Membership": Holding("client", "with the client or the user", UNTIL_ERASED),
    "clients.ApiKey": Holding("client", "with the client; a revoked key stays as proof", UNTIL_ERASED),
    "vault.ClientKey": Holding("client", "with the client: what it encrypted is then lost", UNTIL_ERASED),
    "clients.Counter": Holding("client", WITH_CLIENT, UNTIL_ERASED),
    "clients.IdempotentCall": Holding("client", "its answer with every erasure of the client", "a day"),
    "clients.DueErasure": Holding("client", "when the answers are erased", "minutes"),
    "storage.DueFile": Holding("client_id", "when its file is deleted: at once, or when the store answers", "minutes"),
    "notifications.Subscription": Holding("client", WITH_CLIENT, UNTIL_ERASED),
    "notifications.Delivery": Holding(
        "subscription__client", "with the person or image that it names by number", "FACEAPP_DELIVERY_DAYS"
    ),
    "calibration.SpaceCalibration": Holding("client", WITH_CLIENT, UNTIL_ERASED),
    "liveness.LivenessSession": Holding(
        "client", "with the person that it names", "a day after its end; the face until the token is used"
    ),
    "liveness.SeenFrame": Holding("client", WITH_CLIENT, "FACEAPP_LIVENESS_REPLAY_DAYS; a keyed digest of pixels"),
    "people.Gallery": Holding("client", BY_CALLER, UNTIL_ERASED),
    "people.Person": Holding("client", WITH_PERSON, UNTIL_ERASED),
    "people.ReferenceImage": Holding("person__client", WITH_PERSON, "FACEAPP_REFERENCE_DAYS"),
    "people.FaceTemplate": Holding("client", "with its photograph", "as its photograph"),
    "people.RemoteCollection": Holding("client", "with its gallery; a trigger has it dropped elsewhere", UNTIL_ERASED),
    "people.EnrolledFace": Holding(
        "collection__client", "with its photograph; a trigger has it removed elsewhere", "as its photograph"
    ),
    "people.RemoteCall": Holding(
        "client_id", "when it has been carried out: it names photographs and faces by id alone", "until carried out"
    ),
    "people.SearchIndex": Holding("gallery__client", "rebuilt after erasures; see docs/operations.md", UNTIL_ERASED),
    "people.Respace": Holding("client", WITH_CLIENT, UNTIL_ERASED),
    "people.RespacedImage": Holding("respace__client", "with its photograph", "until the respace is closed"),
    "people.ShadowDifference": Holding("respace__client", WITH_PERSON, "until the respace is closed"),
    "people.GalleryHealth": Holding("gallery__client", "with the gallery", UNTIL_ERASED),
    "people.CheckedPerson": Holding("person__client", WITH_PERSON, UNTIL_ERASED),
    "people.LookAlikes": Holding("person__client", "with either person", UNTIL_ERASED),
    "people.MergedPerson": Holding("person__client", "with the person that it is part of", UNTIL_ERASED),
    "people.KeptApart": Holding("person__client", "with either person; who said it with the user", UNTIL_ERASED),
    "people.OddPhotograph": Holding("person__client", "with its photograph", UNTIL_ERASED),
    "blacklist.BlacklistEntry": Holding(
        "client", BY_CALLER, "out of force after valid_until, and then " + UNTIL_ERASED
    ),
    "blacklist.EntryEvent": Holding(
        "entry__client", "with the entry; the name of its author with the user", "as its entry"
    ),
    "blacklist.CheckedPhotograph": Holding(
        "client", "when it is saved or removed, with its entry or its user", "an hour; with embeddings"
    ),
    "training.TrainingOptions": Holding("client", WITH_CLIENT, UNTIL_ERASED),
    "training.Recogniser": Holding("client", "with any photograph of a person it knows", "the newest ten of a gallery"),
    "training.KnownPerson": Holding("recogniser__client", "with the recogniser", "as its recogniser"),
    "recognition.Job": Holding("client", "with its last image", "FACEAPP_RETENTION_DAYS"),
    "recognition.ProcessedImage": Holding("client", BY_CALLER, "FACEAPP_RETENTION_DAYS"),
    "recognition.ProcessedFace": Holding(
        "client",
        "with its image, or everywhere=true",
        "FACEAPP_RETENTION_DAYS; the embedding too, if it is kept",
    ),
    "recognition.Match": Holding("client", "with the entry or the face", "FACEAPP_RETENTION_DAYS"),
    "recognition.Verdict": Holding("client", "with its match", "as its match; the name of its author with the user"),
    "recognition.FaceSearch": Holding(
        "client", WITH_CLIENT, "embeddings until the search ends, the row " + UNTIL_ERASED
    ),
    "albums.Album": Holding("client", BY_CALLER, UNTIL_ERASED),
    "albums.AlbumImage": Holding("album__client", BY_CALLER, "FACEAPP_ALBUM_DAYS, FACEAPP_UPLOAD_DAYS"),
    "albums.FaceGroup": Holding("album__client", "with its last face", UNTIL_ERASED),
    "albums.ApartGroups": Holding("album__client", "with either group", UNTIL_ERASED),
    "albums.AlbumFace": Holding(
        "album__client", "with its image, its group's person, or everywhere=true", "as its image"
    ),
    "nextcloud.KeyModel": Holding("api_key__client", "with the key", UNTIL_ERASED),
    "faceanalysis.Account": Holding("client", BY_CALLER, UNTIL_ERASED),
    "facehash.KeyGallery": Holding("client", WITH_CLIENT, UNTIL_ERASED),
    "compreface.Service": Holding("client", "with the client, or its key", UNTIL_ERASED),
    "rekognition.SigningSecret": Holding("api_key__client", "with the key", UNTIL_ERASED),
    "rekognition.IndexedFace": Holding("client", "with its photograph", "as its photograph"),
    # The audit outlives what it is about, and names it by number (rows) or by keyed hash (receipts).
    "audit.Record": Holding("client", "not: proof of what was done", "FACEAPP_AUDIT_DAYS"),
    "audit.Seal": Holding("client", "not", "for ever; its list of rows FACEAPP_AUDIT_DAYS"),
    "audit.Unsealed": Holding("client_id", "when the row is sealed", "seconds"),
    "audit.Checkpoint": Holding("client", "not", "for ever"),
    "audit.Stop": Holding("client", "when searching goes on", UNTIL_ERASED),
    "audit.Receipt": Holding("client", "not: proof of the erasure", "for ever"),
    # Of the operator and the people behind the screen.
    "auth.User": Holding(OPERATOR, "in the admin", UNTIL_ERASED),
    "auth.User_groups": Holding(OPERATOR, "with the user", UNTIL_ERASED),
    "auth.User_user_permissions": Holding(OPERATOR, "with the user", UNTIL_ERASED),
    "auth.Group": Holding(OPERATOR, NO_PERSON, UNTIL_ERASED),
    "auth.Group_permissions": Holding(OPERATOR, NO_PERSON, UNTIL_ERASED),
    "auth.Permission": Holding(OPERATOR, NO_PERSON, "for ever"),
    "account.EmailAddress": Holding(OPERATOR, "with the user", UNTIL_ERASED),
    "account.EmailConfirmation": Holding(OPERATOR, "with the user", "not used"),
    "mfa.Authenticator": Holding(OPERATOR, "with the user: second factors", UNTIL_ERASED),
    "socialaccount.SocialAccount": Holding(OPERATOR, "with the user: a login at a provider", UNTIL_ERASED),
    "socialaccount.SocialApp": Holding(OPERATOR, NO_PERSON, "not used"),
    "socialaccount.SocialToken": Holding(OPERATOR, "with the user", "not used"),
    "contenttypes.ContentType": Holding(OPERATOR, NO_PERSON, "for ever"),
    "sessions.Session": Holding(OPERATOR, "with the logout", "until it expires"),
    "admin.LogEntry": Holding(OPERATOR, "with the user; it names no person", UNTIL_ERASED),
    "vault.MasterKey": Holding(OPERATOR, NO_PERSON, "for ever: the fingerprint of a key"),
    "telemetry.RecurringTask": Holding(OPERATOR, NO_PERSON, "for ever"),
}
# By their folder in the image store (`StoredImageField.folder`), or the setting that names them.
FILES: dict[str, Holding] = {
    "references": Holding("its row", "with its photograph, in the same step", "as its row"),
    "checked": Holding("its row", "when it is saved or removed, or at night", "an hour"),
    "processed": Holding("its row", "with its image, or everywhere=true", "as its row"),
    "albums": Holding("its row", "when processed, unless the album keeps files", "as its row"),
    "MEDIA_ROOT": Holding("its folders, above", "with their rows; what has no row every night", "as their rows"),
    "VAR": Holding(
        OPERATOR, "database, queue and logs of `manage.py up`; logs name nobody", "as docs/operations.md says"
    ),
    "RUN_DIR": Holding(OPERATOR, NO_PERSON, "sockets"),
    "REDIS_SOCKET": Holding(OPERATOR, NO_PERSON, "a socket"),
    "MODELS_DIR": Holding(OPERATOR, NO_PERSON, "weights of public models"),
    "STATIC_ROOT": Holding(OPERATOR, NO_PERSON, "files of pages"),
    "BASE_DIR": Holding(OPERATOR, NO_PERSON, "the program"),
    "AUDIT_KEY_FILE": Holding(OPERATOR, NO_PERSON, "for ever: it verifies seals and receipts"),
    "MASTER_KEY_FILE": Holding(OPERATOR, NO_PERSON, "for ever: without it no stored photograph can be read"),
    "ERASURES_FILE": Holding(OPERATOR, "not: it outlives restored backups; keyed hashes alone", "for ever"),
}
# By what follows `faceapp:` in the key, or by the module that names a key of the cache.
REDIS: dict[str, Holding] = {
    "image": Holding("the call", "when the worker has it", "as long as the call waits: an image on its way"),
    "parcels": Holding("client", "with the images that it lists", "as long as a call waits"),
    "under-way": Holding("client", NO_PERSON, "until the messages are done"),
    "waiting": Holding("client", "when a worker has them: messages, some with embeddings", "until they are done"),
    "callers": Holding("client", NO_PERSON, "as long as a call waits"),
    "images": Holding("client", NO_PERSON, "a day: a count"),
    "counters": Holding(OPERATOR, NO_PERSON, "until Redis restarts: counts"),
    "shadow": Holding("client", NO_PERSON, "seconds"),
    "clients.windows": Holding("client", "counts by key, client, address or person", "twice the period of the limit"),
    "compat.faceanalysis.accounts": Holding("client", "keyed digest of a password", "minutes"),
    "console.state": Holding(OPERATOR, NO_PERSON, "seconds; when a worker last answered until Redis restarts"),
    "console.system.remembered": Holding("client", "counts of images, hits and bytes", "half a minute"),
    "vision.engines.overview": Holding(OPERATOR, NO_PERSON, "for ever: the name of a card"),
}
