"""How long a command takes that has little to do, beside `omero version`; and what the plugin costs every command.

The least of several rounds: wall clock and, for a machine that is busy, seconds of the processor.
"""

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from bench.sandbox import sandbox_client
from demo.acquisition import write_layout, write_ome_tiff
from demo.omero_client import import_file

ROUNDS = 5
# The command itself refuses root.
COMMAND = "import sys, omero.cli; sys.exit(omero.cli.argv(['omero', *sys.argv[1:]]))"
OMERO = [sys.executable, "-W", "ignore", "-c", COMMAND]
PLUGIN = """
import time, omero.cli
cli, began = omero.cli.CLI(), (time.perf_counter(), time.process_time())
from omero_roz.cli_plugin import HELP, RozControl
cli.register("roz", RozControl, HELP)
print(time.perf_counter() - began[0], time.process_time() - began[1])
"""
MOST_LOCAL, MOST_ASKING, MOST_PLUGIN = 0.4, 0.8, 0.05


@dataclass(frozen=True)
class Took:
    """Seconds of the wall's clock and of the processor."""

    wall: float
    processor: float

    def least(self, other: "Took") -> "Took":
        return Took(min(self.wall, other.wall), min(self.processor, other.processor))


def main() -> int:
    """Measure; the exit status is 1 where a command is over its limit."""
    with tempfile.TemporaryDirectory() as folder, sandbox_client() as client:
        zarr, tiff = Path(folder, "v2.zarr"), Path(folder, "a.ome.tif")
        write_layout(zarr)
        write_ome_tiff(tiff)
        fileset, images = import_file(client, tiff)
        login = ["-s", client.getProperty("omero.host"), "-p", client.getProperty("omero.port")]
        login += ["-k", client.getSessionId()]
        commands = {
            "omero version": (["version"], 0.0),
            "inspect": (["roz", "inspect", str(zarr)], MOST_LOCAL),
            "status": (["roz", "status", f"Image:{images[0]}", *login], MOST_ASKING),
            "replace-fileset --dry-run": (
                ["roz", "replace-fileset", f"Fileset:{fileset}", str(zarr), "--dry-run", *login], MOST_ASKING,
            ),
        }  # fmt: skip
        os.environ["OMERO_USERDIR"] = folder
        took = least_of({name: arguments for name, (arguments, _) in commands.items()})
    plugin = min((_of_plugin() for _ in range(ROUNDS)), key=lambda one: one.wall)
    limits = {name: most for name, (_, most) in commands.items() if most}
    return _told(took, limits, plugin)


def least_of(commands: dict[str, list[str]]) -> dict[str, Took]:
    """The least that each takes, in rounds, so that what else the machine does befalls all alike."""
    took: dict[str, Took] = {}
    for _ in range(ROUNDS):
        for name, arguments in commands.items():
            one = _run(arguments)
            took[name] = one.least(took.get(name, one))
    return took


def _run(arguments: list[str]) -> Took:
    began, before = time.perf_counter(), os.times()
    subprocess.run([*OMERO, *arguments], check=True, capture_output=True)
    after = os.times()
    processor = after.children_user + after.children_system - before.children_user - before.children_system
    return Took(time.perf_counter() - began, processor)


def _of_plugin() -> Took:
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", PLUGIN], check=True, capture_output=True, text=True)
    return Took(*map(float, done.stdout.split()))


def _told(took: dict[str, Took], limits: dict[str, float], plugin: Took) -> int:
    base = took["omero version"]
    print(f"{'omero version':30s} {base.wall:6.2f} s (processor {base.processor:.2f} s)")
    over = plugin.processor > MOST_PLUGIN
    for name, most in limits.items():
        more = Took(took[name].wall - base.wall, took[name].processor - base.processor)
        over |= min(more.wall, more.processor) > most
        print(f"{name:30s} {more.wall:+6.2f} s (processor {more.processor:+.2f} s, at most {most} s more)")
    print(f"{'the plugin, in every command':30s} {plugin.wall:+6.2f} s (processor {plugin.processor:+.2f} s)")
    return int(over)


if __name__ == "__main__":
    sys.exit(main())
