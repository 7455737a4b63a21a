"""Work on the machines of a Dask cluster, given out as to any executor."""

from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager

from omero_roz.errors import Unreachable, UsageError
from omero_roz.shown import said


@contextmanager
def dask_executor(address: str) -> Iterator[tuple[Executor, int]]:
    """The cluster whose scheduler is at an address, as an executor, and how many threads it has.

    Raises UsageError without dask.distributed, Unreachable where no scheduler or no worker answers, and where they are
    lost while they are used, or lack a package that they need. A single worker that dies is none of it.
    """
    where = f"--dask {address}"
    try:
        from distributed import Client, KilledWorker
        from distributed.client import FutureCancelledError
        from distributed.comm import CommClosedError
    except ImportError:
        raise UsageError("it needs dask.distributed", where, "pip install 'omero-roz[dask]'") from None
    try:
        client = Client(address, timeout=10, set_as_default=False)
    except (OSError, ValueError) as error:
        what = f"no scheduler answers ({said(error)})"
        raise Unreachable(what, where, "check the address") from None
    with client:
        threads = sum(client.nthreads().values())
        if not threads:
            raise Unreachable("the cluster has no workers", where, "start some")
        try:
            yield client.get_executor(pure=False), threads
        except (KilledWorker, FutureCancelledError, CommClosedError, TimeoutError) as error:
            what = f"the workers or their scheduler were lost ({type(error).__name__})"
            raise Unreachable(what, where, "look at the cluster, then repeat the command") from error
        except ModuleNotFoundError as error:
            what = f"its workers lack a package ({said(error)})"
            raise Unreachable(what, where, "install omero-roz there too") from error
