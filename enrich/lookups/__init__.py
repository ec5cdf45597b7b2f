"""Lookups: what is known about each destination, asked once per public address.

registry.py lists the lookups; kind.py says what a new one must provide.
"""
