"""Built-in offers of the role `save`."""

from __future__ import annotations
