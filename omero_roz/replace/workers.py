"""Who reads and compares for a bulk run: threads here, or the machines of a Dask cluster."""

from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from omero_roz.ports.dask_cluster import dask_executor
from omero_roz.ports.omero.guest_session import guest_ticket
from omero_roz.ports.omero.session import OmeroSession, Ticket, join

Place = OmeroSession | Ticket


@dataclass(frozen=True, slots=True)
class Workers:
    """Work is given to `pool`; what it needs of OMERO is `place(session)`, which `session_at` makes a session of."""

    pool: Executor
    place: Callable[[OmeroSession], Place]


def session_at(place: Place) -> OmeroSession:
    """The session that was given, or the one that the ticket is for, joined once in this process."""
    return join(place) if isinstance(place, Ticket) else place


@contextmanager
def threads(count: int) -> Iterator[Workers]:
    """Threads of this process."""
    pool = ThreadPoolExecutor(count)
    try:
        yield Workers(pool, lambda session: session)
    finally:
        pool.shutdown(cancel_futures=True)


@contextmanager
def cluster(address: str) -> Iterator[Workers]:
    """The workers of a Dask cluster. They get sessions of their own, of the same users, which end with the context.

    Raises as `dask_executor` does.
    """
    tickets: dict[OmeroSession, Ticket] = {}
    with ExitStack() as given, dask_executor(address) as (pool, _):

        def place(session: OmeroSession) -> Ticket:
            if session not in tickets:
                tickets[session] = given.enter_context(guest_ticket(session))
            return tickets[session]

        yield Workers(pool, place)
