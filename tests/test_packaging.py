"""The four rooms: installed, and importing each other in one direction only."""

import ast
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

#: Rooms whose modules a room may import, besides its own.
MAY_IMPORT = {
    "hdl": set(),
    "sim": {"hdl"},
    "boards": {"hdl"},
    "sw": {"hdl", "sim", "boards"},
}


def modules() -> dict[str, Path]:
    """Files of the four rooms by module name."""
    found = {}
    for room in MAY_IMPORT:
        for path in sorted((ROOT / room / "hubel" / room).rglob("*.py")):
            parts = path.relative_to(ROOT / room).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = modules()


def imports(module: str) -> set[str]:
    """Modules of hubel that ``module`` imports, wherever in the file it does."""
    path = MODULES[module]
    package = module.split(".") if path.name == "__init__.py" else module.split(".")[:-1]
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            parents = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*parents, *(node.module.split(".") if node.module else [])])
            submodules = {f"{base}.{alias.name}" for alias in node.names} & MODULES.keys()
            found |= submodules or {base}
    return {name for name in found if name.split(".")[0] == "hubel"} - {module}


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_room_is_installed(room, tmp_path):
    code = f"import hubel.{room} as room; print(room.__file__)"
    shown = subprocess.run(
        [sys.executable, "-P", "-c", code], cwd=tmp_path, capture_output=True, text=True
    )
    assert shown.stderr == ""
    assert Path(shown.stdout.strip()).name == "__init__.py"


@pytest.mark.parametrize("module", MODULES)
def test_imports_go_one_way(module):
    room = module.split(".")[1]
    rooms = {imported.split(".")[1] for imported in imports(module)}
    assert rooms <= MAY_IMPORT[room] | {room}


def test_no_cycle_between_files():
    graph = {module: imports(module) & MODULES.keys() for module in MODULES}
    order = list(TopologicalSorter(graph).static_order())
    assert set(order) == set(MODULES)


def test_no_package_above_the_rooms():
    """An ``__init__.py`` there would hide the other three rooms."""
    assert [room for room in MAY_IMPORT if (ROOT / room / "hubel" / "__init__.py").exists()] == []


@pytest.mark.parametrize("module", [name for name in MODULES if name.split(".")[1] == "hdl"])
def test_hdl_keeps_its_annotations(module):
    """As strings, they declare no ports: ``wiring.Component`` reads them."""
    nodes = ast.walk(ast.parse(MODULES[module].read_text()))
    modules = {node.module for node in nodes if isinstance(node, ast.ImportFrom)}
    assert "__future__" not in modules
