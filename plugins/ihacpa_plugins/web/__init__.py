"""Asking hosts over HTTP, for the sources that do: politely, with patience, and with keys that nobody sees."""

from __future__ import annotations
