"""The push to Microsoft Sentinel."""
