"""Built-in offers of the role `source`."""

from __future__ import annotations
