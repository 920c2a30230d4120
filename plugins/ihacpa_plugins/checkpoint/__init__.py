"""Built-in offers of the role `checkpoint`."""

from __future__ import annotations
