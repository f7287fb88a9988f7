"""Measurements, each a ratio to a reference in the same run. `python -m bench [--quick] [NAME …]`."""
