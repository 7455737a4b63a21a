"""The server's own processor: `python -m omero_sandbox.scripts.processor DIR`, started by the server.

omero-py's ProcessorI, which a real server runs too, in a process and with a session of its own. Reads one line from the
server: {"port": …, "session": …}. The end of that pipe ends it, with every script that it runs.
"""

import json
import logging
import os
import select
import sys
import threading
import time
from pathlib import Path
from typing import Any

import omero.clients
from omero.processor import ProcessI, usermode_processor
from omero.processor import path as omero_path
from omero.util.decorators import locked

import omero

SERVER_ID = "Processor-0"
LOOK_SECONDS = 1.0
log = logging.getLogger(__name__)


class Process(ProcessI):
    """One script that runs: omero-py's, asked by several threads at once."""

    @locked
    def poll(self, current: Any = None) -> Any:
        """The exit code, or None; the first to see the end uploads the output and sets the job's status.

        omero-py's forgets both when cancel or kill saw the end.
        """
        code = super().poll(current)
        if code is not None and self.isActive() and not self.stopped:
            self.deactivate()
            self.allcallbacks("processFinished", self.rcode)
        return code

    def wait(self, current: Any = None) -> int:
        """The exit code, once there is one."""
        while (code := self.poll()) is None:
            time.sleep(0.05)
        return int(code.val)


def main() -> None:
    """Register with the server and run what it sends until the server is gone."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    with open(0, "rb", buffering=0) as server:  # unbuffered: select must see the end of the pipe
        given = json.loads(server.readline())
        impl = _registered(given["port"], given["session"])
        try:
            while not select.select([server], [], [], LOOK_SECONDS)[0]:
                _look_at(impl)
        finally:
            impl.cleanup()
            logging.shutdown()
            os._exit(0)  # neither Ice nor omero-py's threads end by themselves once the server is gone


def _registered(port: int, session: str) -> Any:
    config = Path(os.environ["OMERO_TMPDIR"], "ice.config")
    config.write_text(f"omero.host=127.0.0.1\nomero.port={port}\n")
    client = omero.client(args=[f"--Ice.Config={config}"])
    client.setAgent("OMERO.processor")
    client.joinSession(session)
    impl = usermode_processor(
        client, serverid=SERVER_ID, cfg=str(config), accepts_list=[], stop_event=threading.Event(),
        omero_home=omero_path(sys.argv[1]),
    )  # fmt: skip
    impl.ctx.session = client.sf  # without it ProcessI.check takes every session for ended
    return impl


def _look_at(impl: Any) -> None:
    """See which scripts have ended, and end those whose session has."""
    for servant in list(impl.ctx.servant_map.values()):
        if isinstance(servant, ProcessI) and servant.isActive() and not servant.check():
            servant.cleanup()


if __name__ == "__main__":
    main()
