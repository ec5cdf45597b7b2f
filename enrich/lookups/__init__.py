"""Lookups: what is known of each destination. registry.py lists them."""
