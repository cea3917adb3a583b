"""Keys in paths. A key has the form of ours, prefix and secret, so that it hides no other path."""

import re

KEY = r"[A-Za-z0-9]{4,16}\.[A-Za-z0-9]{16,64}"
KEY_IN_TEXT = re.compile(r"\b([A-Za-z0-9]{4,16})\.[A-Za-z0-9]{16,64}\b", re.ASCII)
