from compat.dialect import Dialect

dialect = Dialect(page="docs/compreface.md", prefixes=("compreface/", ""), routes=[])
