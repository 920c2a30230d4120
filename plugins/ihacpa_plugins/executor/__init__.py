"""Built-in offers of the role `executor`."""

from __future__ import annotations
