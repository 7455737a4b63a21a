"""What the system must have before Ice can be compiled, found by trying it, all of it at once."""

import importlib.util
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Need:
    """Something of the system's, and the packages that bring it."""

    what: str
    debian: str
    conda: str


@dataclass(frozen=True)
class Library(Need):
    """A header and, where `links` is not empty, the libraries that stand behind it."""

    header: str
    links: tuple[str, ...] = ()


VENV = Need("Python's venv module", "python3-venv", "python")
COMPILER = Need("a C++ compiler", "g++", "cxx-compiler")
LIBRARIES = (
    Library("Python's headers", "python3-dev", "python", "Python.h"),
    Library("OpenSSL's headers", "libssl-dev", "openssl", "openssl/ssl.h", ("ssl", "crypto")),
    Library("bzip2's headers", "libbz2-dev", "bzip2", "bzlib.h", ("bz2",)),
)


def compiler() -> list[str] | None:
    """Return the C++ compiler's command: $CXX, or the first of c++, g++ and clang++; None when there is none."""
    wanted = os.environ.get("CXX", "").split()
    if wanted:
        return wanted if shutil.which(wanted[0]) else None
    return next(([name] for name in ("c++", "g++", "clang++") if shutil.which(name)), None)


def include_flags() -> list[str]:
    """Return the flags that find Python's headers and those of the conda environment that Python is from."""
    folders = [sysconfig.get_path("include"), sysconfig.get_path("platinclude"), *_conda("include")]
    return [f"-I{folder}" for folder in dict.fromkeys(folders)]


def link_flags() -> list[str]:
    """Return the flags that find, now and when Ice is loaded, the libraries of that conda environment."""
    return [flag for folder in _conda("lib") for flag in (f"-L{folder}", f"-Wl,-rpath,{folder}")]


def _conda(folder: str) -> list[str]:
    prefix = Path(sys.base_prefix)
    return [str(prefix / folder)] if (prefix / "conda-meta").is_dir() else []


def missing() -> list[Need]:
    """Return everything that is lacking for compiling Ice for this Python."""
    command = compiler()
    if command is None:
        return [COMPILER, *(lib for lib in LIBRARIES if not _header_lies_somewhere(lib.header))]
    return [library for library in LIBRARIES if not _compiles(command, library)]


def missing_venv() -> list[Need]:
    """Return the need for the venv module if it is lacking: Debian packs it apart from Python."""
    return [] if importlib.util.find_spec("venv") and importlib.util.find_spec("ensurepip") else [VENV]


def _compiles(command: list[str], library: Library) -> bool:
    with tempfile.TemporaryDirectory() as folder:
        probe = Path(folder, "probe.cpp")
        probe.write_text(f"#include <{library.header}>\nint probe() {{ return 0; }}\n")
        flags = [*include_flags(), "-w", "-fPIC", "-shared", "-o", str(probe.with_suffix(".so"))]
        links = [*link_flags(), *(f"-l{name}" for name in library.links)]
        return subprocess.run([*command, str(probe), *flags, *links], capture_output=True).returncode == 0


def _header_lies_somewhere(header: str) -> bool:
    """Without a compiler nobody can say where it would look, so the usual places must do."""
    usual = [Path("/usr/include"), Path("/usr/local/include"), *Path("/usr/include").glob("*-linux-*")]
    told = [Path(flag.removeprefix("-I")) for flag in include_flags()]
    return any((folder / header).is_file() for folder in [*usual, *told])


def advice(needs: Iterable[Need]) -> str:
    """Return lines that name each need, and one command each for Debian and conda that brings them all."""
    needs = list(needs)
    width = max(len(need.what) for need in needs)
    rows = [f"  {need.what:{width}}  Debian: {need.debian:13} conda: {need.conda}" for need in needs]
    debian = " ".join(dict.fromkeys(need.debian for need in needs))
    conda = " ".join(dict.fromkeys(need.conda for need in needs))
    return "\n".join(
        [
            "Missing on this system:",
            *rows,
            f"Install them with:  apt-get install {debian}",
            f"or:                 conda install -c conda-forge {conda}",
        ]
    )
