"""Built-in offers of the role `progress`."""

from __future__ import annotations
