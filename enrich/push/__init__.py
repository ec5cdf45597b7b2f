"""The push of findings to Microsoft Sentinel; run.py is the way in."""
