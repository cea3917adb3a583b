"""The catalogues of translations in `locale/`: what is to be translated, and whether it has been."""
