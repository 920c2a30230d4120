"""What can go wrong with advisory data."""

from __future__ import annotations

from ihacpa_core import ExitCode, IhacpaError


class AdvisoryDataError(IhacpaError):
    """There is no usable advisory data, or none can be had now; nothing was changed."""

    exit_code = ExitCode.INCOMPLETE


class NoAdvisoryData(AdvisoryDataError):
    """The data was never brought in."""


class ImportRefused(IhacpaError):
    """A set of advisories was not brought in; the one that was there is there still."""

    exit_code = ExitCode.USAGE
