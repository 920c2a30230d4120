from __future__ import annotations

pytest_plugins = ["ihacpa_core.testing.plugin"]
