"""Who may import whom, which library lives in which file, and how long a file may be."""

from __future__ import annotations

import ast
import sys
from typing import TYPE_CHECKING

import pytest

from builders import FIXTURES

if TYPE_CHECKING:
    from pathlib import Path

ROOT = FIXTURES.parent.parent / "snapdiff"
LONGEST = 350  # lines

# From the ground up: a room may import what stands above it in this list, never below. Rooms of
# one line may import each other; a room that ends in / is a folder.
FLOORS = (
    "errors story safe",
    "model rows census cluster wording",
    "files names schema strict_yaml roles collector/",
    "codec canonical paths daemonset",
    "snapshot",
    "store",
    "selection baseline moments ledger",
    "refs chain join moved_routes told_routes listing settings plan life",
    "saved diff causes below notify news retention schedule manifests",
    "drift effects follows follows_mtu follows_ways folded own scene rules/ playbook policy",
    "verdict places draw/ acceptance fate gathering",
    "contract excuse history followers",
    "maps fleet announced spread events forecast lines machines taken_back",
    "breaks",
    "assess check outliers survey",
    "compare explain reading waiver_file report/",
    "nightly settling",
    "owned site gate",
    "cli/",
)
RANK = {room: number for number, line in enumerate(FLOORS) for room in line.split()}
# Imported in one room each; their types stay there.
LIBRARIES = {
    "apprise": "notify",
    "click": "cli/",
    "dateparser": "moments",
    "deepdiff": "diff",
    "jc": "listing",
    "jinja2": "report/",
    "jsonschema": "schema",
    "jsonschema_rs": "schema",
    "orjson": "codec",
    "rich": "report/",
    "yaml": "strict_yaml",
}
FREE = {"__init__", "__main__"}  # the public names, and python -m


def files():
    """Return the package's own files; the collector is plugins/module_utils, with tests there."""
    found = sorted(ROOT.rglob("*.py"))
    return [path for path in found if "collector" not in path.parts and "schemas" not in path.parts]


def room_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return f"{parts[0]}/" if len(parts) > 1 else parts[0]


def room_named(module: str) -> str:
    """Return the room of ``snapdiff.x`` or ``snapdiff.x.y``."""
    first = module.split(".")[1]
    return f"{first}/" if (ROOT / first).is_dir() else first


def imports(path: Path):
    """Yield (line, module, only for types) of every import of a file."""
    tree = ast.parse(path.read_text("utf-8"))
    typed = {
        id(inner)
        for outer in ast.walk(tree)
        if isinstance(outer, ast.If) and "TYPE_CHECKING" in ast.unparse(outer.test)
        for inner in ast.walk(outer)
    }
    for one in ast.walk(tree):
        if isinstance(one, ast.Import):
            for name in one.names:
                yield one.lineno, name.name, id(one) in typed
        elif isinstance(one, ast.ImportFrom):
            assert one.level == 0, f"{path.name}:{one.lineno}: a relative import"
            assert one.module
            for name in one.names:
                inner = one.module == "snapdiff" and (
                    (ROOT / f"{name.name}.py").is_file() or (ROOT / name.name).is_dir()
                )
                yield one.lineno, f"snapdiff.{name.name}" if inner else one.module, id(one) in typed


def test_every_room_has_its_floor_and_none_is_gone():
    rooms = {room_of(path) for path in files()} - FREE
    assert rooms - set(RANK) == set(), "give a new room its place in FLOORS"
    assert set(RANK) - rooms == {"collector/"}


@pytest.mark.parametrize("path", files(), ids=lambda one: str(one.relative_to(ROOT)))
def test_a_room_imports_only_what_it_stands_on(path):
    room = room_of(path)
    wrong = []
    for line, module, typed in imports(path):
        if not module.startswith("snapdiff.") or room in FREE or typed:
            continue
        other = room_named(module)
        if other != room and RANK.get(other, 0) > RANK.get(room, 0):
            wrong.append(f"{path.name}:{line}: {room} imports {module}")
    assert wrong == []


@pytest.mark.parametrize("path", files(), ids=lambda one: str(one.relative_to(ROOT)))
def test_a_library_is_imported_in_its_own_room_only(path):
    wrong = []
    for line, module, _typed in imports(path):
        top = module.partition(".")[0]
        if top in sys.stdlib_module_names or top in ("snapdiff", "__future__"):
            continue
        if LIBRARIES.get(top) != room_of(path):
            wrong.append(f"{path.name}:{line}: {module}")
    assert wrong == []


def test_every_library_that_we_ask_for_is_used_where_it_is_said_to_be():
    used = {}
    for path in files():
        for _line, module, _typed in imports(path):
            used.setdefault(module.partition(".")[0], set()).add(room_of(path))
    assert {name: used.get(name) for name in LIBRARIES} == {
        name: {room} for name, room in LIBRARIES.items()
    }


def test_nothing_imports_in_a_circle():
    """Rooms on one floor may import each other, but not both ways."""
    above = {}
    for path in files():
        for _line, module, typed in imports(path):
            if module.startswith("snapdiff.") and not typed and room_of(path) not in FREE:
                above.setdefault(room_of(path), set()).add(room_named(module))
    for room in above:
        seen, todo = set(), [one for one in above[room] if one != room]
        while todo:
            one = todo.pop()
            assert one != room, f"{room} imports itself by way of others"
            if one not in seen:
                seen.add(one)
                todo.extend(above.get(one, set()) - {one})


@pytest.mark.parametrize("path", files(), ids=lambda one: str(one.relative_to(ROOT)))
def test_all_that_is_public_has_a_docstring(path):
    tree = ast.parse(path.read_text("utf-8"))
    bare = [] if ast.get_docstring(tree) else [path.name]
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    outer = [one for one in tree.body if isinstance(one, kinds) and not one.name.startswith("_")]
    for one in outer:
        inner = one.body if isinstance(one, ast.ClassDef) else []
        for each in (one, *(two for two in inner if isinstance(two, kinds))):
            if not each.name.startswith("_") and not ast.get_docstring(each):
                bare.append(f"{path.name}:{each.lineno}: {each.name}")
    assert bare == []


@pytest.mark.parametrize("path", files(), ids=lambda one: str(one.relative_to(ROOT)))
def test_a_file_is_short(path):
    assert len(path.read_text("utf-8").splitlines()) <= LONGEST


def test_every_public_name_is_where_it_is_said_to_be():
    import snapdiff

    assert sorted(snapdiff.__all__) == snapdiff.__all__ == sorted(snapdiff._HOMES)
    for name in snapdiff.__all__:
        assert getattr(snapdiff, name).__module__ == f"snapdiff.{snapdiff._HOMES[name]}"
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = snapdiff.nothing
