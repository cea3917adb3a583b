"""Package registries as a source of weights: archives pinned by version and hash, of which single members are read."""
