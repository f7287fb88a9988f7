"""Billing: what the product asks of an accounting firm for the client accounts it manages."""
