"""What is done to Ice's sources: the replacements and the joining."""

import zipfile
from pathlib import Path

import pytest

from omero_roz.ice import SetupError, source, units, wheel


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Sources with the old text of every replacement once, among text of their own."""
    for change in source.REPLACEMENTS:
        path = tmp_path / change.file
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a") as file:
            file.write(f"before {change.old} after\n")
    return tmp_path


def test_patch_makes_every_replacement(root: Path) -> None:
    source.patch(root)
    for change in source.REPLACEMENTS:
        text = (root / change.file).read_text()
        assert f"before {change.new} after" in text
    assert "imp." not in (root / "lib/Ice.py").read_text()


@pytest.mark.parametrize("times", [0, 2])
def test_patch_refuses_text_that_is_not_there_once(root: Path, times: int) -> None:
    change = source.REPLACEMENTS[1]
    (root / change.file).write_text(change.old * times)
    with pytest.raises(SetupError, match=f"is there {times} times"):
        source.patch(root)


def tree(root: Path, texts: dict[str, str]) -> list[tuple[Path, int]]:
    for name, text in texts.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return [(path, (root / path).stat().st_size) for path in units.sources(root)]


def test_unused_sources_are_left_out(tmp_path: Path) -> None:
    names = [
        "src/ice/cpp/src/IceSSL/SChannelEngine.cpp",
        "src/ice/cpp/src/Slice/JavaUtil.cpp",
        "src/ice/bzip2/huffman.c",
    ]
    files = tree(tmp_path, dict.fromkeys([*names, "src/ice/cpp/src/Slice/PythonUtil.cpp", "src/Init.h"], "x"))
    assert [path.name for path, _ in files] == ["PythonUtil.cpp"]


def test_groups_hold_every_source_once_and_keep_folders_apart(tmp_path: Path) -> None:
    names = [f"src/ice/cpp/src/Ice/A{n}.cpp" for n in range(20)] + ["src/Slice.cpp", "src/Proxy.cpp", "src/Util.cpp"]
    files = tree(tmp_path, dict.fromkeys([*names, "src/ice/mcpp/eval.c"], "x" * 10))
    groups = units.groups(files)
    assert sorted(path for group in groups for path in group) == sorted(path for path, _ in files)
    assert all(len({path.parent for path in group}) == 1 for group in groups)
    assert [Path("src/Slice.cpp")] in groups
    assert [Path("src/ice/mcpp/eval.c")] in groups
    ice = [len(group) for group in groups if group[0].parent.name == "Ice"]
    assert len(ice) == 8
    assert max(ice) - min(ice) <= 1


def test_joined_sources_have_private_names_of_their_own(tmp_path: Path) -> None:
    text = "namespace { class Init {}; Init init; }\nvoid X::init() { message.traceCategory = 1; }\n"
    group = [path for path, _ in tree(tmp_path, {"src/A.cpp": text, "src/B.cpp": text})]
    joined = units.write(tmp_path, group, "joined").read_text()
    for number in range(2):
        assert f"class Init_{number} {{}}; Init_{number} init_{number};" in joined
    assert joined.count("void X::init() { message.traceCategory = 1; }") == 2
    assert '#line 1 "B.cpp"' in joined


def test_a_source_alone_is_compiled_as_it_is(tmp_path: Path) -> None:
    ((path, _),) = tree(tmp_path, {"src/Slice.cpp": "Init init;"})
    assert units.write(tmp_path, [path], "joined") == tmp_path / "src/Slice.cpp"


def test_wheel_holds_the_library_the_module_and_a_record_of_both(tmp_path: Path) -> None:
    tree(
        tmp_path,
        {"lib/Ice.py": "x = 1\n", "lib/slice/Ice/Current.ice": "", "lib/old.egg-info/PKG-INFO": "", "PKG-INFO": "a"},
    )
    module = tmp_path / "IcePy.so"
    module.write_bytes(b"elf")
    wheel.pack(tmp_path, module, tmp_path / wheel.NAME)
    with zipfile.ZipFile(tmp_path / wheel.NAME) as archive:
        names = archive.namelist()
        record = archive.read(f"{wheel.INFO}/RECORD").decode()
    assert {"Ice.py", "slice/Ice/Current.ice", "IcePy.so", f"{wheel.INFO}/METADATA"} <= set(names)
    assert not [name for name in names if "egg-info" in name]
    assert [line.split(",")[0] for line in record.splitlines()] == names
