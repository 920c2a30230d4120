"""What ``ihacpa doctor`` asks of the `osv` source: is there advisory data, and of when."""

from __future__ import annotations

from contextlib import closing

from ihacpa_core import CheckResult, ExitCode, HealthContext, parse_duration
from ihacpa_plugins.advisory_data.database import UPDATE_HINT, AdvisoryDatabase, SetInfo
from ihacpa_plugins.advisory_data.errors import AdvisoryDataError, NoAdvisoryData
from ihacpa_plugins.source.osv.options import OsvOptions, database_path


def check(context: HealthContext) -> CheckResult:
    """Whether the advisory database is there, can be read, is whole and is of late."""
    options: OsvOptions | None = context.options("source", "osv")
    if options is None:
        return CheckResult.skipped("the source osv is not selected")
    path = database_path(options, context.config_dir)
    try:
        with closing(AdvisoryDatabase(path)) as database:
            info = database.info
    except NoAdvisoryData as error:
        if options.online and not context.offline:
            return CheckResult.warned(f"{error}; {options.api} is asked about each package", fix=error.hint)
        return CheckResult.failed(str(error), fix=error.hint, exit_code=ExitCode.INCOMPLETE)
    except AdvisoryDataError as error:
        return CheckResult.failed(str(error), fix=error.hint, exit_code=ExitCode.INCOMPLETE)
    return _about(info, options)


def _about(info: SetInfo, options: OsvOptions) -> CheckResult:
    age = info.age()
    day = info.date.isoformat() if info.date else "an unknown day"
    told = f"{info.records:,} advisories on {info.packages:,} packages, of {day}"
    if age is None or age.total_seconds() > parse_duration(options.max_age):
        return CheckResult.warned(f"{told}; older than {options.max_age}, or of unknown age", fix=UPDATE_HINT)
    if not info.complete_for:
        return CheckResult.warned(f"{told}; a partial set: nothing can be called safe by it", fix=UPDATE_HINT)
    return CheckResult.passed(f"{told}; complete for {', '.join(sorted(info.complete_for))}")
