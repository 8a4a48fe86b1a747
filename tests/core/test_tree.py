"""The shape of the code: imports one way only, the names that others rely on."""

import ast
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

import bitboot_core
from bitboot_core import errors

ROOT = Path(__file__).parents[2]
CORE = ROOT / "bitboot_core"

ROOMS = [
    "errors",
    "logs",
    "model",
    "shards",
    "threads",
    "resolve",
    "backend",
    "networks",
    "hookspecs",
    "plugins",
    "claims",
    "registry",
    "config",
    "config_file",
    "state",
    "clock",
    "timing",
    "tasks",
    "per_network",
    "guard",
    "active",
    "network_set",
    "announcement",
    "lookup",
    "watch",
    "swarm",
    "bitboot",
    "__init__",
    "testing",
    "cli",
    "__main__",
]
"""A room imports only rooms above it. The last ones may import `bitboot_core` itself."""


def imports(file: Path) -> set[str]:
    """The full names of what a module imports, wherever in it."""
    package = list(file.relative_to(ROOT).with_suffix("").parts[:-1])
    found = set()
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            found |= {f"{module}.{alias.name}" for alias in node.names} if not node.module else {module}
    return found


def room_of(module: str) -> str | None:
    """The core's room that a module's name lies in, None for modules of others."""
    first, _, rest = module.partition(".")
    return (rest.partition(".")[0] or "__init__") if first == "bitboot_core" else None


def core_files() -> list[Path]:
    return sorted(CORE.rglob("*.py"))


def test_every_room_has_its_place() -> None:
    rooms = {room_of(".".join(file.relative_to(ROOT).with_suffix("").parts)) for file in core_files()}
    assert rooms <= set(ROOMS)


@pytest.mark.parametrize("file", core_files(), ids=lambda file: str(file.relative_to(CORE)))
def test_the_core_imports_one_way_only(file: Path) -> None:
    own = room_of(".".join(file.relative_to(ROOT).with_suffix("").parts))
    assert own is not None
    allowed = set(ROOMS[: ROOMS.index(own)]) | ({own} if own in ("testing", "cli") else set())
    for module in imports(file):
        room = room_of(module)
        assert room is None or room in allowed, f"{own} imports {module}"
        assert not module.startswith("bitboot_") or room is not None, f"the core imports the plugin {module}"


def plugin_folders() -> list[Path]:
    return sorted(path.parent for path in ROOT.glob("plugins/*/pyproject.toml"))


@pytest.mark.parametrize("folder", plugin_folders(), ids=lambda folder: folder.name)
def test_plugins_do_not_import_each_other(folder: Path) -> None:
    for file in folder.glob("src/**/*.py"):
        for module in imports(file):
            first = module.partition(".")[0]
            assert not first.startswith("bitboot_") or first in ("bitboot_core", folder.name), (
                f"{file}: {module}"
            )


@pytest.mark.parametrize(
    "folder", [CORE, *(path / "src" / path.name for path in plugin_folders())], ids=lambda path: path.name
)
def test_types_are_shipped(folder: Path) -> None:
    assert (folder / "py.typed").is_file()


def test_the_public_names_are_all_there_and_sorted() -> None:
    assert all(hasattr(bitboot_core, name) for name in bitboot_core.__all__)
    assert all(one < other for one, other in pairwise(bitboot_core.__all__))
    raised = {
        name for name, one in vars(errors).items() if isinstance(one, type) and issubclass(one, Exception)
    }
    assert raised <= set(bitboot_core.__all__)


def test_the_errors_tree_is_drawn_as_it_is() -> None:
    for name, one in vars(errors).items():
        if isinstance(one, type) and issubclass(one, errors.BitBootError):
            line = next(line for line in (errors.__doc__ or "").splitlines() if f" {name} " in f"{line} ")
            depth = line.index(name) // 4
            bases = [base for base in one.__mro__ if issubclass(base, errors.BitBootError)]
            assert depth == len(bases), f"{name} stands in the wrong place"


def test_importing_the_core_is_light() -> None:
    code = (
        "import sys\n"
        "from bitboot_core import BitBoot\n"
        "heavy = {'importlib.metadata', 'pluggy', 'tempfile', 'click', 'rich', 'pytest',"
        " 'bitboot_local', 'bitboot_core.cli', 'bitboot_core.testing'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT.parent)


def test_every_public_name_is_found_where_the_package_says_and_known_to_type_checkers() -> None:
    """`bitboot_core/__init__.py` lists its names three times: for users, for imports, for type checkers."""
    tree = ast.parse((CORE / "__init__.py").read_text("utf-8"))
    checked = {
        alias.name: node.module
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.level == 1
        for alias in node.names
    }
    assert checked == bitboot_core._ROOM_OF
    assert sorted([*checked, "__version__"]) == sorted(bitboot_core.__all__)
    assert all(getattr(bitboot_core, name) is not None for name in bitboot_core.__all__)
    assert set(bitboot_core.__all__) <= set(dir(bitboot_core))
    with pytest.raises(AttributeError, match="no attribute 'Bitbot'"):
        _ = bitboot_core.Bitbot
