"""Linear algebra on one thread: for matrices of about 100, several threads wait for each other."""

from contextlib import AbstractContextManager, nullcontext


def one_thread() -> AbstractContextManager:
    """Limit the threads of BLAS inside the block, where threadpoolctl is installed."""
    try:
        from threadpoolctl import threadpool_limits
    except ImportError:
        return nullcontext()
    return threadpool_limits(1, "blas")
