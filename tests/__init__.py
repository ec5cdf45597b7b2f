"""Tests; `pytest` runs those that need no cluster and no storage."""
