"""The settings: where they are read, how they are checked, and how they are shown."""

from __future__ import annotations
