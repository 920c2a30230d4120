"""Built-in commands: one module a command."""

from __future__ import annotations
