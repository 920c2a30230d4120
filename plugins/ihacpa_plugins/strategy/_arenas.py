"""Keeps glibc from reserving address space that a limited process does not have to give away."""

from __future__ import annotations

_M_ARENA_MAX = -8  # <malloc.h>


def share_one_arena() -> bool:
    """Let all threads to come allocate from one arena; returns whether the C library knows what that is.

    glibc reserves up to 128 MiB of address space for each thread's own arena (malloc(3), mallopt(3)), of which a thread
    of ours uses next to nothing. Under RLIMIT_AS that alone can be most of the limit. Python's threads take turns
    anyway, so that one arena costs no time.
    """
    import ctypes  # only where an address space is limited

    try:
        return bool(ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 1))
    except (OSError, AttributeError):  # another C library
        return False
