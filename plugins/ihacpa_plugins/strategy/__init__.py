"""Built-in offers of the role `strategy`."""

from __future__ import annotations
