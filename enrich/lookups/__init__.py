"""Lookups: what is known of each destination, asked once for each public address.

registry.py lists them; kind.py says what a new one has to bring.
"""
