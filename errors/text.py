"""Which text can be stored at all."""


def is_storable(text: str) -> bool:
    """Whether PostgreSQL can store and compare the text: UTF-8, which has no lone surrogates, without the character 0."""
    return "\0" not in text and not any("\ud800" <= character <= "\udfff" for character in text)
