"""The local copy of advisory data: one SQLite file that several sources read and ``ihacpa advisories`` renews."""

from __future__ import annotations
