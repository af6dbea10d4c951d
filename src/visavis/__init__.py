"""Visavis: talks by video between two sides that meet as equals.

The way in: `ARCHITECTURE.md`, then the docstring of each package.
"""

__version__ = "0.1.0"
