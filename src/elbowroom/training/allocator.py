"""Keep freed memory in the process: each training step allocates what the step before has freed."""

import ctypes

MIB = 2**20
# From malloc.h, and what mallopt(3) says of each.
TRIM_THRESHOLD, TOP_PAD, MMAP_THRESHOLD, ARENA_MAX = -1, -2, -3, -8
MALLOC_SETTINGS = {
    MMAP_THRESHOLD: 32 * MIB,  # the most it allows: what is smaller is not returned at once when it is freed
    TRIM_THRESHOLD: 2**31 - 1,  # free bytes at the heap's end before some are returned
    TOP_PAD: 256 * MIB,  # taken at a time
    ARENA_MAX: 1,  # heap, for all threads
}


def keep_freed_memory() -> None:
    """Tell glibc's malloc to keep freed memory for this process. Call it before large allocations.

    By default it returns large blocks to Linux, which clears each page of a new one at its first use: thousands of page
    faults a step. Does nothing where the C library is another. Raises nothing.
    """
    try:
        library = ctypes.CDLL(None)
        library.gnu_get_libc_version  # noqa: B018 (only glibc has it)
    except (AttributeError, OSError, TypeError):
        return
    for parameter, value in MALLOC_SETTINGS.items():
        library.mallopt(parameter, value)
