"""Options that several commands share; those that are settings go into the environment."""

import os
from collections.abc import Callable
from typing import Annotated, Any

import typer

from data.settings import Settings
from data.specs.models import REAL
from data.specs.pipeline import EmbedSpec
from data.workspace import Workspace, open_workspace
from flows.cli.field_options import describe_option
from flows.cli.spec_options import Fields, SpecOptions, build_spec, option
from tasks.command_line import join_command

EMBED = SpecOptions(
    EmbedSpec(), "engine", "model", "weights", option("every_nth", "--take-every-nth"), "fps",
    option("keyframes", "--keyframes"), "adaptive",
    option("precision", choices=("auto",), default="auto: bf16 on GPUs that support it"),
    "activation", "max_damaged", "max_frames", "decoder",
)  # fmt: skip


_given: dict[str, str] = {}  # the settings that this command line has as options


def _sets(name: str) -> Callable[[Any], Any]:
    """A callback that exports an option as the `REELFLOW_*` setting that flows read."""

    def export(value: Any) -> Any:
        _given.pop(name, None)  # of a command before, in the same process
        if value is not None:
            os.environ[f"REELFLOW_{name}"] = _given[name] = str(value)
        return value

    return export


def name_command(*words: str) -> str:
    """A command to type next, on the same store: with the `--root` that this one was given."""
    return join_command(*words, root=_given.get("ROOT"))


def opt(flags: str, help: str, default: str = "", **how: Any) -> Any:
    """An option, "-k, --k"; `default` is what help shows where None stands for it."""
    return typer.Option(*flags.split(", "), help=describe_option(help, default), **how)


def arg(metavar: str, help: str) -> Any:
    """A positional argument."""
    return typer.Argument(metavar=metavar or None, help=help)


ROOT = {"callback": _sets("ROOT"), "is_eager": True}  # before what opens the store
Root = Annotated[
    str | None,
    opt("--root", "Store: a folder or URL.", "REELFLOW_ROOT, else ./reelflow-store", **ROOT),
]
RUNNERS = "ray, process (one of its own), in_process or auto"
Runner = Annotated[
    str | None,
    opt(
        "--runner",
        f"Where work runs: {RUNNERS}.",
        "auto: Ray for several workers or a cluster",
        callback=_sets("RUNNER"),
    ),
]
PER_GPU = "one per GPU, or one in all"
Workers = Annotated[
    int | None,
    opt("--workers", "Number of workers.", PER_GPU, min=1, callback=_sets("WORKERS")),
]
Threads = Annotated[
    int | None,
    opt("--threads", "Threads of the model.", "one per core", min=1, callback=_sets("THREADS")),
]
AsJson = Annotated[bool, opt("--json", "Print JSON.")]
Corpus = Annotated[str, arg("NAME", "Name of the corpus.")]
CorpusOption = Annotated[str, opt("--corpus", "Name of the corpus.")]
EmbedPrint = Annotated[
    str | None, opt("--embed", "Fingerprint of the embed stage to use.", "current")
]
Frames = Annotated[
    bool, opt("--frames", "Index every frame instead of every video, for `search --moments`.")
]
COLUMNS = "txt=NAME, videoLoc=NAME, videoID=NAME, start_sec=NAME or end_sec=NAME"
OPTIONAL_COLUMNS = ("txt", "start_sec", "end_sec")
Columns = Annotated[list[str] | None, opt("--column", f"Other names of columns: {COLUMNS}.")]
Size = Annotated[str | None, opt("--size", "Size in pixels, e.g. 448x256.", metavar="WxH")]


def open_store() -> Workspace:
    """The workspace of the store that the options and the environment name."""
    return open_workspace(Settings())


def parse_columns(pairs: list[str] | None) -> dict[str, str]:
    """`["txt=caption"]` as `{"txt": "caption"}`; an empty name leaves a column out."""
    return _parse_pairs(pairs, f"--column {COLUMNS}", OPTIONAL_COLUMNS)


def parse_weights(pairs: list[str] | None) -> dict[str, str]:
    """`["raft=a.pth"]` as `{"raft": "a.pth"}`."""
    return _parse_pairs(pairs, "--weight MODEL=PATH")


def _parse_pairs(
    pairs: list[str] | None, usage: str, may_be_empty: tuple[str, ...] = ()
) -> dict[str, str]:
    parts = [each.partition("=") for each in pairs or []]
    if not all(
        name and (value or (equals and name in may_be_empty)) for name, equals, value in parts
    ):
        raise typer.BadParameter(f"write {usage}")
    return {name: value for name, _, value in parts}


def parse_size(size: str | None) -> dict[str, int]:
    """`448x256` as the fields width and height; none where no size was given."""
    if size is None:
        return {}
    width, cross, height = size.lower().partition("x")
    if not (cross and width.isdigit() and height.isdigit()):
        raise typer.BadParameter("write --size WIDTHxHEIGHT, e.g. 448x256")
    return {"width": int(width), "height": int(height)}


def parse_sizes(text: str) -> dict[str, Any]:
    """`dim=32,multipliers=1:2:4` as the sizes of a network, with lists of numbers as such."""
    sizes: dict[str, Any] = {}
    for pair in text.split(","):
        name, equals, value = pair.strip().partition("=")
        numbers = value.split(":")
        if not (equals and all(number.isdigit() for number in numbers)):
            raise typer.BadParameter(f"{pair!r} is not NAME=NUMBER, e.g. dim=32,multipliers=1:2:4")
        found = [int(number) for number in numbers]
        sizes[name] = found if len(found) > 1 else found[0]
    return sizes


def drop_unset(options: dict[str, Any]) -> dict[str, Any]:
    """The options that the user set, which are not None."""
    return {name: value for name, value in options.items() if value is not None}


def build_embed_spec(fields: Fields) -> EmbedSpec | None:
    """The spec that a command's options name; None without any: flows take the corpus's own."""
    if not fields:
        return None
    from tasks.precision import fastest_precision

    samplings = {"every_nth", "fps", "keyframes", "adaptive"} & fields.keys()
    if len(samplings) > 1:
        raise typer.BadParameter(
            "give one of --take-every-nth, --fps, --keyframes and --adaptive, not several"
        )
    if samplings - {"every_nth"}:
        fields = fields | {"every_nth": None}
    if fields.get("precision", "auto") == "auto":
        fields = fields | {"precision": fastest_precision()}
    if fields.get("engine") == "open_clip":  # by name: not to be what the corpus has
        fields = {"model": REAL} | fields
    if fields.get("engine") == "fake":  # a rehearsed hang should not take a minute
        os.environ.setdefault("REELFLOW_DECODE_DEADLINE_S", "5")
    return build_spec(EmbedSpec(), fields)
