"""Compile Ice's joined sources on all cores and link them to the extension module IcePy."""

import os
import subprocess
import sysconfig
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from omero_roz.ice import SetupError, needs, units
from omero_roz.ice.alive import alive

# -O1 is what Ice's own setup.py asks for: one minute on two cores. -O0 halves that, and doubles the cost of a call.
FLAGS = ["-O1", "-w", "-fPIC", "-DNDEBUG", "-DICE_STATIC_LIBS"]
DIALECTS = {".cpp": ["-x", "c++", "-std=gnu++14"], ".c": ["-x", "c", "-std=gnu89"]}
INCLUDES = ["src", "src/ice/cpp/include", "src/ice/cpp/src"]
LIBRARIES = ["-lssl", "-lcrypto", "-lbz2", "-lrt", "-ldl", "-lpthread"]


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0))


def extension(root: Path, command: Sequence[str]) -> Path:
    """Build the extension module from the patched sources below `root` and return its path."""
    files = [(path, (root / path).stat().st_size) for path in units.sources(root)]
    joined = [units.write(root, group, f"joined{number}") for number, group in enumerate(units.groups(files))]
    joined.sort(key=lambda path: path.stat().st_size, reverse=True)
    flags = [*FLAGS, *(f"-I{root / folder}" for folder in INCLUDES), *needs.include_flags()]
    objects = _compile_all(command, flags, joined)
    module = root / f"IcePy{sysconfig.get_config_var('EXT_SUFFIX')}"
    links = [*needs.link_flags(), *LIBRARIES]
    _run([*command, "-shared", "-o", str(module), *map(str, objects), *links], "IcePy")
    return module


def _compile_all(command: Sequence[str], flags: Sequence[str], units: Sequence[Path]) -> list[Path]:
    """Compile on all cores, and tell how much of the sources is done."""
    sizes = {unit: unit.stat().st_size for unit in units}
    done = list[Path]()

    def how_far() -> str:
        return f"{100 * sum(sizes[unit] for unit in done) // sum(sizes.values())} %"

    with ThreadPoolExecutor(cores()) as pool, alive("Ice: compiling", how_far):
        running = {pool.submit(_compile, command, flags, unit): unit for unit in units}
        try:
            for one in as_completed(running):
                one.result()
                done.append(running[one])
        finally:
            pool.shutdown(cancel_futures=True)
    return [one.result() for one in running]


def _compile(command: Sequence[str], flags: Sequence[str], unit: Path) -> Path:
    target = unit.with_suffix(".o")
    _run([*command, *flags, *DIALECTS[unit.suffix], "-c", str(unit), "-o", str(target)], unit.name)
    return target


def _run(command: Sequence[str], what: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        lines = done.stderr.splitlines() or [f"ended with {done.returncode}"]
        first = next((line for line in lines if "error" in line), lines[-1])
        raise SetupError(f"{command[0]} cannot build {what} of Ice: {first}: try another compiler with CXX=...")
