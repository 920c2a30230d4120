"""The command ``ihacpa``, also as ``python -m ihacpa_core``."""

from __future__ import annotations

import sys


def main() -> int:
    """Run the command line; returns the exit code."""
    if sys.argv[1:] in (["--version"], ["-V"]):
        # Answered before anything is imported: it works whatever is installed, and in next to no time.
        from ihacpa_core._version import __version__

        sys.stdout.write(f"ihacpa {__version__}\n")
        return 0
    from ihacpa_core.cli.main import main as run_command_line

    return run_command_line(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
