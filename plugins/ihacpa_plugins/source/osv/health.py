"""What ``ihacpa doctor`` asks of the `osv` source: is there advisory data, and of when."""

from __future__ import annotations

from ihacpa_core import CheckResult, ExitCode, HealthContext, parse_duration
from ihacpa_plugins.source.osv.database import UPDATE_HINT, AdvisoryDatabase, SetInfo
from ihacpa_plugins.source.osv.errors import AdvisoryDataError
from ihacpa_plugins.source.osv.options import OsvOptions, database_path


def check(context: HealthContext) -> CheckResult:
    """Whether the advisory database is there, can be read, is whole and is of late."""
    options: OsvOptions | None = context.options("source", "osv")
    if options is None:
        return CheckResult.skipped("the source osv is not selected")
    path = database_path(options, context.config_dir)
    try:
        database = AdvisoryDatabase(path)
    except AdvisoryDataError as error:
        return CheckResult.failed(str(error), fix=error.hint, exit_code=ExitCode.INCOMPLETE)
    database.close()
    return _about(database.info, options)


def _about(info: SetInfo, options: OsvOptions) -> CheckResult:
    age = info.age()
    day = info.date.isoformat() if info.date else "an unknown day"
    told = f"{info.records:,} advisories on {info.packages:,} packages, of {day}"
    if age is None or age.total_seconds() > parse_duration(options.max_age):
        return CheckResult.warned(f"{told}; older than {options.max_age}, or of unknown age", fix=UPDATE_HINT)
    if not info.complete_for:
        return CheckResult.warned(f"{told}; a partial set: nothing can be called safe by it", fix=UPDATE_HINT)
    return CheckResult.passed(f"{told}; complete for {', '.join(sorted(info.complete_for))}")
