"""Join Ice's C++ sources into a few translation units: what takes time is to read the same headers again and again."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

# Nothing in IcePy calls these: TLS of other systems, generators of other languages. bzip2 is the system's.
UNUSED = re.compile(
    r"/bzip2/|/IceSSL/(SChannel|SecureTransport)"
    r"|/Slice/(CPlusPlusUtil|CsUtil|DotNetNames|JavaUtil|ObjCUtil|PHPUtil|Ruby|RubyUtil)\.cpp$"
)

# C and generated code with macros and statics of its own; calls that a neighbour's `using namespace` makes ambiguous.
ALONE = re.compile(r"\.c$|^src/Slice\.cpp$|/Slice/(Grammar|Scanner)\.cpp$|/IceUtil/Random\.cpp$")

# Names that several sources define for themselves; in a joined unit each source gets its own.
PRIVATE = re.compile(
    r"(?<![.>])\b(Init|init(?=;)|globalMutex|hashMutex|staticMutex|instanceCount|_mainThreadId|traceCategory"
    r"|__flushBatchRequests_name)\b"
)

PARTS = {"src": 3, "src/ice/cpp/src/Ice": 8, "src/ice/cpp/src/Slice": 2}


def sources(root: Path) -> list[Path]:
    """Return the C and C++ sources below `root`/src that IcePy needs, relative to `root`, sorted."""
    found = (p.relative_to(root) for p in (root / "src").rglob("*.c*") if p.suffix in (".c", ".cpp"))
    return sorted(p for p in found if not UNUSED.search(p.as_posix()))


def groups(files: Iterable[tuple[Path, int]]) -> list[list[Path]]:
    """Group (source, bytes) by folder into parts of about equal size; what must stand alone is a group of one."""
    alone: list[list[Path]] = []
    by_folder: dict[Path, list[tuple[Path, int]]] = {}
    for path, size in files:
        if ALONE.search(path.as_posix()):
            alone.append([path])
        else:
            by_folder.setdefault(path.parent, []).append((path, size))
    counts = {folder: PARTS.get(folder.as_posix(), 1) for folder in by_folder}
    return alone + [part for folder, rows in by_folder.items() for part in _parts(rows, counts[folder])]


def _parts(rows: list[tuple[Path, int]], count: int) -> Iterator[list[Path]]:
    total, done = sum(size for _, size in rows), 0
    parts: list[list[Path]] = [[] for _ in range(count)]
    for path, size in rows:
        parts[min(done * count // total, count - 1)].append(path)
        done += size
    return (part for part in parts if part)


def write(root: Path, group: list[Path], name: str) -> Path:
    """Write one unit beside its sources, where their relative includes are found, and return its path."""
    if len(group) == 1:
        return root / group[0]
    unit = root / group[0].parent / f"{name}.cpp"
    texts = (_text(root / source, number) for number, source in enumerate(group))
    unit.write_text("".join(texts), encoding="utf-8")
    return unit


def _text(source: Path, number: int) -> str:
    own = PRIVATE.sub(lambda m: f"{m[0]}_{number}", source.read_text(encoding="utf-8"))
    return f'#line 1 "{source.name}"\n{own}\n'
