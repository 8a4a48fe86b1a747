"""The shape of the code: imports one way only, the names that others rely on."""

import ast
import subprocess
import sys
from graphlib import TopologicalSorter
from itertools import pairwise
from pathlib import Path
from types import FunctionType

import pytest

import bitboot_core
from bitboot_core import errors

pytestmark = pytest.mark.once

ROOT = Path(__file__).parents[2]
CORE = ROOT / "bitboot_core"

WINGS = [
    ["errors"],
    ["_optional"],
    ["identity"],
    ["items"],
    ["model"],
    ["_defaults"],
    ["networks"],
    ["reports"],
    ["swarm_size"],
    ["routing_table"],
    ["item_methods", "early_lookups"],
    ["backend"],
    ["port_mapper"],
    ["hookspecs"],
    ["_settings"],
    ["config"],
    ["aio"],
    ["_plugins"],
    ["_networks"],
    ["_swarms"],
    ["bitboot"],
    ["blocking"],
    ["__init__"],
    ["testing", "_cli"],
    ["__main__"],
]
"""What the core is made of, each part importing only those above it. The last may import `bitboot_core`."""

PUBLIC_WINGS = {"aio", "blocking", "testing"}
"""Imported from by their own names."""

FLOOR = {wing: floor for floor, wings in enumerate(WINGS) for wing in wings}


def name_of(file: Path) -> str:
    """The full name of the module in a file of the core or of a plugin."""
    top = ROOT if file.is_relative_to(CORE) else next(one for one in file.parents if one.name == "src")
    return ".".join(file.relative_to(top).with_suffix("").parts)


def imports(file: Path) -> set[str]:
    """The full names of the modules and packages that a file imports, wherever in it."""
    package = name_of(file).split(".")[:-1]
    found = set()
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            inner = {f"{module}.{alias.name}" for alias in node.names if is_module(f"{module}.{alias.name}")}
            found |= inner or {module}
    return found


def is_module(name: str) -> bool:
    """Whether a full name is that of a module of the core or of a plugin."""
    return any(
        (top / name.replace(".", "/")).with_suffix(".py").is_file()
        for top in (ROOT, *ROOT.glob("plugins/*/src"))
    )


def wing_of(module: str) -> str | None:
    """The core's wing that a module lies in, None for modules of others."""
    first, _, rest = module.partition(".")
    return (rest.partition(".")[0] or "__init__") if first == "bitboot_core" else None


def core_files() -> list[Path]:
    return sorted(CORE.rglob("*.py"))


def test_every_wing_has_its_place() -> None:
    assert {wing_of(name_of(file)) for file in core_files()} == set(FLOOR)


@pytest.mark.parametrize("file", core_files(), ids=lambda file: str(file.relative_to(CORE)))
def test_the_core_imports_one_way_only(file: Path) -> None:
    own = wing_of(name_of(file))
    assert own is not None
    for module in imports(file):
        wing = wing_of(module)
        if own == "__init__":  # which imports what is asked for, when it is asked for
            assert wing is None or FLOOR[wing] < FLOOR[own]
        else:
            assert wing is None or wing == own or FLOOR[wing] < FLOOR[own], f"{own} imports {module}"
        assert not module.startswith("bitboot_") or wing is not None, f"the core imports the plugin {module}"


MAINLINE = ROOT / "plugins/bitboot_btdht/src/bitboot_btdht"

MAINLINE_WINGS = [
    ["__init__", "counters", "settings"],
    ["wire"],
    ["asking"],
    ["lookup"],
    ["table"],
    ["server"],
    ["client"],
    ["items", "operations"],
    ["node"],
    ["driving", "node_stats"],
    ["udp"],
    ["announcing", "own_machine", "peer_stream", "requesting", "resolving", "simulation"],
    ["surveying", "testnet", "joining", "looking_up"],
    ["item_calls"],
    ["native", "backend"],
    ["plugin"],
]
"""What the mainline plugin is made of, each part importing only those above it."""


@pytest.mark.parametrize(
    "file", sorted(MAINLINE.rglob("*.py")), ids=lambda file: str(file.relative_to(MAINLINE))
)
def test_the_mainline_plugin_imports_one_way_only(file: Path) -> None:
    floors = {wing: floor for floor, wings in enumerate(MAINLINE_WINGS) for wing in wings}
    own = file.relative_to(MAINLINE).with_suffix("").parts[0]
    for module in imports(file):
        first, _, rest = module.partition(".")
        wing = rest.partition(".")[0] or "__init__"
        if first == "bitboot_btdht" and wing != own:
            assert floors[wing] < floors[own], f"{own} imports {module}"


@pytest.mark.parametrize("package", [CORE, *ROOT.glob("plugins/*/src/*/")], ids=lambda package: package.name)
def test_imports_run_in_no_circle(package: Path) -> None:
    graph = {name_of(file).removesuffix(".__init__"): imports(file) for file in package.rglob("*.py")}
    graph = {name: wanted & graph.keys() - {package.name} for name, wanted in graph.items()}
    TopologicalSorter(graph).prepare()  # raises CycleError, which names the circle


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
    assert all(hasattr(bitboot_core, name) for name in bitboot_core._public_names())
    assert all(one < other for one, other in pairwise(bitboot_core._public_names()))
    raised = {
        name for name, one in vars(errors).items() if isinstance(one, type) and issubclass(one, Exception)
    }
    assert raised <= set(bitboot_core._public_names())


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
        " 'bitboot_local', 'bitboot_core._cli', 'bitboot_core.testing'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT.parent)


def test_what_needs_no_network_does_not_wait_for_asyncio() -> None:
    code = "import sys; from bitboot_core import BitBootError, KnownHost, BackendSpec; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, cwd=ROOT.parent, capture_output=True, text=True
    )
    assert not {"asyncio", "bitboot_core.bitboot"} & set(done.stdout.split())


def test_importing_bitboot_does_not_wait_for_what_only_an_open_one_needs() -> None:
    """Beside asyncio's own import, which is most of what it takes."""
    code = "import sys; from bitboot_core import BitBoot; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, cwd=ROOT.parent, capture_output=True, text=True
    )
    ours = {name for name in done.stdout.split() if name.startswith("bitboot_core.")}
    rooms = {".".join(name.split(".")[1:]) for name in ours} - {"aio", "_swarms", "_swarms.items"}
    assert rooms <= {
        "errors", "model", "_defaults", "networks", "_settings", "config", "_optional", "bitboot",
        "aio.logs", "aio.clock", "aio.tasks", "aio.endings",
        "_swarms.heirs", "_swarms.use", "_swarms.keys", "_swarms.arguments", "_swarms.networking",
        "_swarms.items.offering",
    }  # fmt: skip


def test_every_public_name_is_known_to_type_checkers_too() -> None:
    """They read the star imports in `bitboot_core/__init__.py`: one for each module that has public names."""
    tree = ast.parse((CORE / "__init__.py").read_text("utf-8"))
    starred = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.level == 1}
    assert starred == set(bitboot_core._MODULES)
    with_public_names = {
        name_of(file).removeprefix("bitboot_core.")
        for file in core_files()
        if "\n__all__ = " in file.read_text("utf-8")
        and wing_of(name_of(file)) not in ("aio", "blocking", "testing")
    }
    assert with_public_names == set(bitboot_core._MODULES)


def test_public_names_say_where_people_import_them_from() -> None:
    for name in bitboot_core._public_names():
        value = getattr(bitboot_core, name)
        if isinstance(value, (type, FunctionType)):
            assert value.__module__ == "bitboot_core", name
    assert set(bitboot_core._public_names()) <= set(dir(bitboot_core))
    with pytest.raises(AttributeError, match="no attribute 'Bitbot'"):
        _ = bitboot_core.Bitbot  # type: ignore[attr-defined]


@pytest.mark.parametrize("file", core_files(), ids=lambda file: str(file.relative_to(CORE)))
def test_files_of_the_core_stay_small(file: Path) -> None:
    """One purpose a file: what grows beyond 300 lines has got another one."""
    assert len(file.read_text("utf-8").splitlines()) <= 300
