"""Bring the findings of a run to an analyst: look up, report, push. Run as `python -m enrich`."""
