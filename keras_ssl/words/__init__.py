"""Finished word vectors, however they were trained: questions to them, benchmarks, gender bias, pictures."""

from .vectors import WordVectors

__all__ = ["WordVectors"]
