"""Benchmarks: how fast the models are, and how well they detect."""

from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
