"""How dates look: FORMAT_MODULE_PATH names this package, with a module for each language that differs from Django."""
