"""Invoices, credit notes and takings: taken in, checked, kept with their originals, and shown."""
