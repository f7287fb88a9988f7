"""Keys by which other software acts for a client account."""
