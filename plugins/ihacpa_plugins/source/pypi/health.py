"""What ``ihacpa doctor`` asks of the `pypi` source: does the index answer."""

from __future__ import annotations

import time
from urllib.parse import urlsplit

from ihacpa_core import CheckResult, ExitCode, HealthContext, parse_duration
from ihacpa_plugins.source.pypi.options import PypiOptions

_PATIENCE = 10.0
"""Seconds that are waited for the answer, if the settings ask for no less."""


def check(context: HealthContext) -> CheckResult:
    """Whether the index answers: one HEAD request, to the host that the settings name and no other."""
    options: PypiOptions | None = context.options("source", "pypi")
    if options is None:
        return CheckResult.skipped("the source pypi is not selected")
    if options.offline:
        return CheckResult.skipped("[source.pypi] offline: nobody is asked")
    if context.offline:
        return CheckResult.skipped("--offline: the index was not asked")
    return _asked(options)


def _asked(options: PypiOptions) -> CheckResult:
    import httpx2  # 75 ms: paid where the index is asked

    host = urlsplit(options.url).netloc.rpartition("@")[2]
    started = time.perf_counter()
    try:
        timeout = min(_PATIENCE, parse_duration(options.timeout))
        response = httpx2.head(f"{options.url.rstrip('/')}/", timeout=timeout, follow_redirects=False)
    except httpx2.RequestError as error:
        return _unreachable(f"{host} does not answer: {error or type(error).__name__}")
    took = time.perf_counter() - started
    if response.status_code >= 500:
        return _unreachable(f"{host} answers {response.status_code}")
    return CheckResult.passed(f"{host} answers in {took * 1000:.0f} ms")


def _unreachable(told: str) -> CheckResult:
    fix = "look at the network and the proxy (HTTPS_PROXY), or name a mirror: ihacpa config set source.pypi.url URL"
    return CheckResult.failed(told, fix=fix, exit_code=ExitCode.INCOMPLETE)
