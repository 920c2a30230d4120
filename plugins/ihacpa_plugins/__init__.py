"""The built-in plugins: one folder a role, one module an offer."""

from __future__ import annotations
