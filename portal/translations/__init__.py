"""Catalogues of the three languages. English is the source; nl and fr must be complete."""
