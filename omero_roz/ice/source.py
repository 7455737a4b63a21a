"""Ice's sources: PyPI's sdist, made fit for Python 3.11 to 3.13."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from omero_roz.ice import VERSION, SetupError, pip

DOWNLOAD = ["download", "--no-deps", "--no-binary", "zeroc-ice"]
HASH = "4235ffeb605bcd4e22e716577f7d61e4aa1bc82f65276bb542701a81b7933356"
# What the sdist's own setup.py is run with.
SETUPTOOLS = "setuptools==84.2.1"


@dataclass(frozen=True)
class Replacement:
    """A piece of a source file, which must stand there exactly once, and what is put in its place."""

    file: str
    old: str
    new: str


# Two calls that Python 3.13 dropped.
DROPPED_IN_3_13 = """#include <Python.h>
#if PY_VERSION_HEX >= 0x030D0000
#define PyEval_CallObject PyObject_CallObject
static inline int PyObject_AsReadBuffer(PyObject* object, const void** data, Py_ssize_t* size)
{
    Py_buffer view;
    if(PyObject_GetBuffer(object, &view, PyBUF_SIMPLE) != 0) return -1;
    *data = view.buf;
    *size = view.len;
    PyBuffer_Release(&view);
    return 0;
}
#endif
"""

REPLACEMENTS = (
    Replacement("src/Slice.cpp", "#include <eval.h>", ""),
    Replacement("src/Util.cpp", "PyThreadState_GET()->frame", "PyEval_GetFrame()"),
    Replacement("lib/Ice.py", "import sys, string, imp, os,", "import sys, string, types, os,"),
    Replacement("lib/Ice.py", "imp.new_module(", "types.ModuleType("),
    Replacement("src/Config.h", "#include <Python.h>\n", DROPPED_IN_3_13),
)


def fetch(folder: Path) -> Path:
    """Fetch the sdist with pip, which checks its hash, and return the root of the sources, unpacked in `folder`.

    pip asks the sdist's own setup.py for its metadata, so that build's setuptools is pinned as well: by a URI,
    because pip splits the variable at spaces.
    """
    wanted, pins = folder / "ice.txt", folder / "pins.txt"
    wanted.write_text(f"zeroc-ice=={VERSION} --hash=sha256:{HASH}\n")
    pins.write_text(f"{SETUPTOOLS}\n")
    pinned = {"PIP_CONSTRAINT": pins.as_uri(), "PIP_BUILD_CONSTRAINT": pins.as_uri()}
    error = pip.run(*DOWNLOAD, "--dest", folder, "--requirement", wanted, environment=pinned)
    archives = list(folder.glob("zeroc*ice-*.tar.gz"))
    if not archives:
        raise SetupError(f"pip cannot fetch Ice's sources: {error}: check pip's index and the network")
    shutil.unpack_archive(archives[0], folder)
    return next(path.parent for path in folder.glob("*/PKG-INFO"))


def patch(root: Path) -> None:
    """Make all replacements below `root`; SetupError names the first whose old text is not there exactly once."""
    for change in REPLACEMENTS:
        path = root / change.file
        text = path.read_text(encoding="utf-8")
        if (count := text.count(change.old)) != 1:
            raise SetupError(f"{path}: {change.old.strip()!r} is there {count} times, not once: other sources?")
        path.write_text(text.replace(change.old, change.new), encoding="utf-8")
