"""Built-in offers of the role `processor`."""

from __future__ import annotations
