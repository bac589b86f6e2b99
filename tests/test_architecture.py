"""The rules that keep the code as docs/architecture.md draws it."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LAYERS = ("data", "engines", "tasks", "flows")
HEAVY = ("torch", "ray", "faiss", "autofaiss", "dask", "distributed", "diffusers", "transformers",
         "av", "open_clip", "torchvision")  # fmt: skip
NETS = ROOT / "engines" / "nets"  # torch modules: the only files that import it at the top
FILES = [file for layer in LAYERS for file in sorted((ROOT / layer).rglob("*.py"))]


def imported(file: Path) -> set[str]:
    """The top-level names of everything a file imports, wherever it does so."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.split(".")[0])
    return names


@pytest.mark.parametrize("layer", LAYERS)
def test_imports_only_go_down(layer: str) -> None:
    allowed = LAYERS[: LAYERS.index(layer) + 1]
    if layer == "flows":
        allowed = ("flows", "tasks", "data")
    for file in (ROOT / layer).rglob("*.py"):
        above = imported(file) & set(LAYERS) - set(allowed)
        assert not above, f"{file.relative_to(ROOT)} imports {above}"


@pytest.mark.parametrize(
    ("package", "layers"),
    [("prefect", ("tasks", "flows")), ("duckdb", ("data",)), ("typer", ("flows",)),
     ("ray", ("engines",)), ("torch", ("engines",)), ("faiss", ("engines",))],
)  # fmt: skip
def test_a_package_is_used_only_where_it_belongs(package: str, layers: tuple[str, ...]) -> None:
    users = {file.relative_to(ROOT).parts[0] for file in FILES if package in imported(file)}
    assert users <= set(layers)


def test_importing_everything_loads_nothing_heavy() -> None:
    light = [file for file in FILES if NETS not in file.parents]
    modules = [".".join(f.relative_to(ROOT).with_suffix("").parts) for f in light]
    names = [name.removesuffix(".__init__") for name in modules]
    check = f"""
import importlib, sys
for name in {names!r}:
    importlib.import_module(name)
print([name for name in {HEAVY!r} if name in sys.modules])
"""
    ran = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, cwd="/")
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.strip() == "[]"


def test_networks_are_imported_in_functions_alone() -> None:
    for file in FILES:
        if NETS not in file.parents:
            tops = [n for n in ast.parse(file.read_text()).body if isinstance(n, ast.ImportFrom)]
            assert not [n for n in tops if (n.module or "").startswith("engines.nets")], file


def test_the_installed_packages_are_ours() -> None:
    """Their names are generic: another distribution's `data` would be found silently."""
    check = f"import {', '.join(LAYERS)}; print([m.__file__ for m in ({', '.join(LAYERS)})])"
    ran = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, cwd="/")
    found = [Path(path).parent.parent for path in ast.literal_eval(ran.stdout)]
    assert found == [ROOT] * len(LAYERS)


def test_files_and_functions_stay_short() -> None:
    for file in FILES:
        text = file.read_text()
        assert text.count("\n") <= 200, file
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                assert (node.end_lineno or 0) - node.lineno <= 45, f"{file}: {node.name}"


def test_nothing_unsafe_is_called() -> None:
    for file in FILES:
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call):
                _safe(file, node)


def _safe(file: Path, call: ast.Call) -> None:
    name, keywords = ast.unparse(call.func), {k.arg: ast.unparse(k.value) for k in call.keywords}
    assert name not in ("pickle.load", "pickle.loads", "os.system", "eval", "exec"), file
    assert keywords.get("shell") != "True", file
    assert keywords.get("allow_pickle") in (None, "False"), file
    if name == "torch.load":
        assert keywords.get("weights_only") == "True", file
