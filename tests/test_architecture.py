"""The rules that keep the code as docs/architecture.md draws it."""

import ast
import re
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from engines.base import load_plugin

ROOT = Path(__file__).parents[1]
LAYERS = ("data", "engines", "tasks", "flows")
HEAVY = ("torch", "ray", "faiss", "autofaiss", "dask", "distributed", "diffusers", "transformers",
         "av", "open_clip", "torchvision")  # fmt: skip
NETS = ROOT / "engines" / "nets"  # torch modules: the only files that import it at the top
FILES = [file for layer in LAYERS for file in sorted((ROOT / layer).rglob("*.py"))]
# Folders that hold plugins only, and what each plugin must have for those who call it.
PLUGINS = {
    "ingest.sources": ("accepts", "read_rows"),
    "video.decoders": ("decode_frames",),
    "split.methods": ("VERSION", "RESIZE", "digest", "Detector"),
    "embed.models": ("VERSION", "digest", "prepare", "Embedder"),
    "pool.methods": ("VERSION", "pool"),
    "index.kinds": ("VERSION", "key_for", "build", "open_index"),
    "generate.generators": ("VERSION", "digests", "Generator"),
    "evaluate.metrics": ("VERSION", "LABEL", "MODELS", "Metric"),
    "evaluate.models": ("FILE", "FETCH", "load"),
    "retrieve.encoders": ("VERSION", "digest", "Encoder"),
    "annotate.annotators": ("VERSION", "digest", "Annotator"),
    "answer.layouts": ("read_questions",),
    "answer.models": ("VERSION", "CAPABILITIES", "digest", "Model"),
    "evaluate.distance.extractors": ("VERSION", "LABEL", "KERNEL", "FILE", "FETCH", "Extractor"),
    "refine.objectives": ("Objective",),
    "refine.refiners": ("VERSION", "Options", "digests", "Refiner"),
    "refine.corruptions": ("VERSION", "Options", "Corruption"),
}


def imported(file: Path, depth: int = 1) -> set[str]:
    """Everything a file imports, wherever it does so: the first parts of the dotted names."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {".".join(name.split(".")[:depth]) for name in names}


@pytest.mark.parametrize("layer", LAYERS)
def test_imports_only_go_down(layer: str) -> None:
    allowed = LAYERS[: LAYERS.index(layer) + 1]
    if layer == "flows":
        allowed = ("flows", "tasks", "data")
    for file in (ROOT / layer).rglob("*.py"):
        above = imported(file) & set(LAYERS) - set(allowed)
        assert not above, f"{file.relative_to(ROOT)} imports {above}"


def test_no_folders_import_each_other_in_a_circle() -> None:
    """A folder of a floor with all below it is one node, and so is a file at a floor's root."""
    edges: dict[str, set[str]] = {}
    for file in FILES:
        node = ".".join(file.relative_to(ROOT).with_suffix("").parts[:2])
        ours = {name for name in imported(file, depth=2) if name.split(".")[0] in LAYERS}
        edges.setdefault(node, set()).update(ours - {node})
    sorter = TopologicalSorter(edges)
    try:
        sorter.prepare()
    except CycleError as error:
        pytest.fail(f"a circle of folders: {' <- '.join(error.args[1])}")


@pytest.mark.parametrize("folder", PLUGINS)
def test_a_plural_folder_holds_plugins_only(folder: str) -> None:
    path = ROOT / "engines" / folder.replace(".", "/")
    files = [file for file in path.rglob("*") if "__pycache__" not in file.parts]
    assert {(file.parent, file.suffix) for file in files} == {(path, ".py")}
    for name in {file.stem for file in files} - {"__init__"}:
        lacking = [each for each in PLUGINS[folder] if not hasattr(load_plugin(folder, name), each)]
        assert not lacking, f"{path / name}.py has no {', '.join(lacking)}"


def test_every_folder_that_plugins_come_from_is_checked() -> None:
    calls = re.compile(r"\bload_plugin\(\s*\"([\w.]+)\"")
    asked = {folder for file in FILES for folder in calls.findall(file.read_text())}
    assert asked == set(PLUGINS)


def test_prefect_is_imported_only_where_it_belongs() -> None:
    """In flows, tasks/ui, tasks/service, and files that hold a task."""
    for file in FILES:
        if "prefect" in imported(file):
            place = file.relative_to(ROOT).parts
            allowed = place[0] == "flows" or place[:2] in {("tasks", "ui"), ("tasks", "service")}
            assert allowed or _holds_a_task(file), file


def _holds_a_task(file: Path) -> bool:
    tree = ast.parse(file.read_text())
    functions = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]
    named = {ast.unparse(d).split("(")[0] for f in functions for d in f.decorator_list}
    calls = {ast.unparse(n.func) for n in ast.walk(tree) if isinstance(n, ast.Call)}
    return "task" in named | calls  # shards' tasks are made by calling it


def test_engines_read_no_environment() -> None:
    """Workers may be anywhere: all that decides is handed to them. Children's may be set."""
    for file in (file for file in FILES if file.relative_to(ROOT).parts[0] == "engines"):
        assert "data.settings" not in imported(file, depth=2), file
        for node in ast.walk(ast.parse(file.read_text())):
            assert not _reads_environment(node), f"{file}:{getattr(node, 'lineno', 0)}"


def _reads_environment(node: ast.AST) -> bool:
    """`os.getenv(…)`, `os.environ[…]` and its methods, but for those that write."""
    if isinstance(node, ast.Subscript):
        return isinstance(node.ctx, ast.Load) and ast.unparse(node.value).endswith("environ")
    if isinstance(node, ast.Compare):
        return any(ast.unparse(each).endswith("environ") for each in node.comparators)
    if isinstance(node, ast.ImportFrom):
        return node.module == "os" and bool({"environ", "getenv"} & {a.name for a in node.names})
    if not isinstance(node, ast.Attribute):
        return False
    reads = ("get", "items", "keys", "values", "pop")
    return node.attr == "getenv" or (
        node.attr in reads and ast.unparse(node.value).endswith("os.environ")
    )


@pytest.mark.parametrize(
    ("text", "reads"),
    [
        ("os.environ['A']", True), ("os.environ.get('A')", True), ("os.getenv('A')", True),
        ("'A' in os.environ", True), ("from os import environ", True),
        ("os.environ['A'] = '1'", False), ("os.environ.setdefault('A', '1')", False),
        ("run(env=os.environ | {'A': '1'})", False), ("dict(os.environ, A='1')", False),
    ],
)  # fmt: skip
def test_what_reads_the_environment_is_told_from_what_sets_it(text: str, reads: bool) -> None:
    assert any(map(_reads_environment, ast.walk(ast.parse(text)))) == reads


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
            assert not [
                n
                for n in tops
                if (n.module or "").startswith("engines.nets")
                and n.module != "engines.nets.controller_config"
            ], file


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
