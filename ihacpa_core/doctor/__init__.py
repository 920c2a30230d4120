"""``ihacpa doctor``: what a run needs, looked at one by one."""

from __future__ import annotations
