"""Who reads and compares for a bulk run: threads here, or the machines of a Dask cluster."""

from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from threading import Lock

from omero_roz.ports.dask_cluster import dask_executor
from omero_roz.ports.omero.guest_session import guest_ticket
from omero_roz.ports.omero.planes import PlaneReaders, plane_readers
from omero_roz.ports.omero.session import OmeroSession, Ticket, join

Readers = Callable[[int], PlaneReaders]  # by group
Place = Readers | Ticket


@dataclass(frozen=True, slots=True)
class Workers:
    """Work is given to `pool`; what it needs of OMERO is `place(session)`, which `readers_at` makes readers of."""

    pool: Executor
    place: Callable[[OmeroSession], Place]


@contextmanager
def readers_at(place: Place, group_id: int) -> Iterator[PlaneReaders]:
    """Readers of planes in a group: those that the threads of this process share, or of their own in another process.

    There a session is joined once and kept.
    """
    if isinstance(place, Ticket):
        with plane_readers(join(place), group_id) as readers:
            yield readers
    else:
        yield place(group_id)


@contextmanager
def threads(count: int) -> Iterator[Workers]:
    """Threads of this process."""
    made: dict[tuple[OmeroSession, int], PlaneReaders] = {}
    lock, pool = Lock(), ThreadPoolExecutor(count)

    def readers(session: OmeroSession, group_id: int) -> PlaneReaders:
        with lock:
            return made.setdefault((session, group_id), PlaneReaders(session, group_id))

    try:
        yield Workers(pool, lambda session: partial(readers, session))
    finally:
        pool.shutdown(cancel_futures=True)
        for one in made.values():
            one.close()


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
