"""Running a verb as a script: parameters and policy in, message and exit code out."""

import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass, field

from omero_roz.errors import RozError, UsageError
from omero_roz.matching import Mismatch
from omero_roz.ports.omero.script_job import ScriptJob
from omero_roz.scripts.policy import Policy, policy_file, read_policy
from omero_roz.shown import one_line

MOST_LINES = 12
STEP_SECONDS = 10  # that a step may take before it is stopped in its midst; a server waits 30


@dataclass(slots=True)
class Told:
    """What a verb has to say: its lines, and how much went wrong."""

    lines: list[str] = field(default_factory=list)
    failures: int = 0

    def add(self, line: str) -> None:
        """Say what was done."""
        self.lines.append(line)

    def fail(self, error: RozError) -> None:
        """Say what was refused, or did not work."""
        self.failures += 1
        self.lines += [str(problem) for problem in error.problems]
        if isinstance(error, Mismatch):
            self.lines += [f"{d.what}: {d.omero} in OMERO, {d.zarr} in the Zarr ({d.path})" for d in error.differences]

    @property
    def text(self) -> str:
        """The message that the web shows."""
        more = len(self.lines) - MOST_LINES
        return "\n".join((*map(one_line, self.lines[:MOST_LINES]), *([f"and {more} more"] if more > 0 else [])))


Verb = Callable[[ScriptJob, Policy, Told], None]


def run(job: ScriptJob, verb: Verb) -> None:
    """Do what a script is for and end the process: 0 where all was done, 1 where anything was not.

    The signal by which a processor cancels ends it as Ctrl-C ends the command: what is half-done is taken back. It
    waits for the end of a step, for in the midst of one something may just have been made that nobody knows of yet.
    """
    told = Told()

    def cancel(number: int, frame: object) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # a processor repeats it while things are taken back
        job.cancelled = True
        signal.signal(signal.SIGALRM, stop)
        signal.alarm(STEP_SECONDS)

    def stop(number: int, frame: object) -> None:
        if job.cancelled:
            job.cancelled = False
            raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, cancel)
    try:
        verb(job, read_policy(policy_file()), told)
    except RozError as error:
        told.fail(error)
    except KeyboardInterrupt:
        told.failures += 1
        told.lines.insert(0, "cancelled; what was not finished is taken back, run it again to go on")
    except BaseException:
        told.failures += 1
        told.add("it failed: the error (stderr) tells more")
        raise
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # too late to cancel; Python's end would die of it
        signal.alarm(0)
        job.end(told.text)
        job.close()
    sys.exit(1 if told.failures else 0)


def selected(job: ScriptJob) -> list[tuple[str, int]]:
    """The objects that are selected, as KIND and id; raises UsageError where there is none."""
    found = [(job.given["Data_Type"], int(number)) for number in job.given.get("IDs") or []]
    if not found:
        raise UsageError("nothing is selected", fix="select what it is for, or type its id")
    return found
