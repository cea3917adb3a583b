"""Which text can be stored at all."""


def is_storable(text: str) -> bool:
    """Whether PostgreSQL can store the text: neither NUL nor a lone surrogate is in it."""
    return "\0" not in text and not any("\ud800" <= character <= "\udfff" for character in text)
