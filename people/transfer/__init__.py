"""Moving a client's people from one deployment to another, in one file with checksums."""
