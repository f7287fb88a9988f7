"""Accounting software that reads the bank accounts of its groups with a user code and a password of its own."""
