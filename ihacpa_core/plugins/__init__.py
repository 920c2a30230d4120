"""Where plugins come from, what they are called, and how they are called."""

from __future__ import annotations
