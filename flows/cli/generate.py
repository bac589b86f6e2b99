"""The panel "Generate": videos from prompts and clips, and where each of them came from."""

from typing import Annotated

import typer

from data.specs.pipeline import GenerateSpec
from flows.cli.app import open_panel
from flows.cli.console import live, print_result, run_flow
from flows.cli.failed import print_failed_requests
from flows.cli.field_options import report_wrong_values
from flows.cli.options import (
    AsJson,
    Corpus,
    CorpusOption,
    Root,
    Runner,
    Size,
    Workers,
    arg,
    open_store,
    opt,
    parse_size,
)
from flows.cli.provenance_tables import print_provenance, print_runs, print_withdrawal
from flows.cli.spec_options import Fields, SpecOptions, add_options, option

GENERATE = SpecOptions(
    GenerateSpec(),
    option("engine", "--generator", "--engine"),
    option("base", "--model"),
    option("controller", "--controller", "--motion"),
    option("retrieve.k", "-k", "--k"),
    "retrieve.where",
    "steps",
    "guidance",
    option("rag.guidance", "--retrieval-guidance"),
    "rag.init",
    "rag.start",
    "negative",
    "frames",
    "fps",
    option("samples", "--samples-per-prompt"),
    "seed",
    option("precision", choices=("auto",), default="auto: bf16 on GPUs that support it"),
    "rag.weights",
    "rag.token_every",
    "rag.compat",
    option("motion.fusion", "--motion-fusion"),
    option("motion.source", "--motion-from"),
    option("motion.source_column", "--motion-column"),
    option("motion.backwards", "--backwards"),
    option("motion.scale", "--motion-scale"),
    option("motion.compat", "--motion-compat"),
    option("motion.guidance", "--motion-guidance"),
    option("motion.video_encoder", "--video-encoder"),
    option("motion.image_encoder", "--image-encoder"),
    "retrieve.mmr",
    "retrieve.ceiling",
    "retrieve.dedup",
    option("retrieve.exact", "--exact"),
    "retrieve.exclude",
    "retrieve.exclude_groups",
    "retrieve.not_from_same",
    option("retrieve.by", "--by"),
    option("retrieve.own", "--own"),
    option("retrieve.moments", "--moments", help="Condition on the moments that match."),
    "retrieve.smooth",
    "retrieve.cut",
    "retrieve.candidates",
    option("vae_tiling", "--vae-tiling"),
    option("shuffled", "--shuffled"),
)

command = open_panel("Generate")


@command()
@add_options(fields=GENERATE)
def generate(
    corpus: Corpus, fields: Fields,
    prompts: Annotated[
        str | None, arg("PROMPTS", "Text file, one prompt a line, or a table.")
    ] = None,
    prompt: Annotated[
        list[str] | None, opt("--prompt", "A prompt, instead of a file; repeatable.")
    ] = None,
    without: Annotated[
        str | None, opt("--without", "File of video ids to exclude, as `leaks --out` writes it.")
    ] = None,
    size: Size = None, as_json: AsJson = False, workers: Workers = None, runner: Runner = None,
    root: Root = None,
) -> None:  # fmt: skip
    """Generate a video for every prompt, conditioned on the clips retrieved for it.

    With the bundled model the defaults are 64x64, 8 frames at 4 fps, 25 steps, guidance 4,
    start 0.65 and fp32.
    """
    from flows.generate import generate as flow
    from tasks.retrieve.leak_files import read_excluded

    if (prompts is None) == (not prompt):
        raise typer.BadParameter("give either a file of PROMPTS or --prompt TEXT")
    fields |= parse_size(size)
    if without:
        chosen = fields.setdefault("retrieve", {})
        chosen["exclude"] = [*chosen.get("exclude", ()), *read_excluded(without)]
    spec = _build_spec(fields)
    with live():
        summary = flow(corpus, prompts or prompt or [], spec)
    print_result(summary, as_json)
    print_failed_requests(summary)


@command()
def generations(
    corpus: Annotated[str | None, arg("NAME", "Only runs of this corpus.")] = None,
    as_json: AsJson = False, root: Root = None,
) -> None:  # fmt: skip
    """List the runs of generation, the newest first."""
    from tasks.generate.provenance import list_runs

    print_result(list_runs(open_store(), corpus), as_json, print_runs)


@command()
def report(
    run: Annotated[str, arg("RUN", "Fingerprint, its first digits, or latest.")] = "latest",
    out: Annotated[
        str | None, opt("--out", "HTML file to write.", default="report.html in the run's folder")
    ] = None,
    root: Root = None,
) -> None:  # fmt: skip
    """Write a page that plays the videos of a generation, an experiment or an evaluation."""
    from flows.report import report as flow

    run_flow(flow, run, out)


@command("passport", hidden=True)  # its former name
@command()
def provenance(
    name: Annotated[str, arg("VIDEO", "Id of a video or a request, or a file.")],
    corpus: Annotated[str | None, opt("--corpus", "Only look in this corpus.")] = None,
    as_json: AsJson = False, root: Root = None,
) -> None:  # fmt: skip
    """Show which videos a clip influenced, or which clips a generated video was conditioned on."""
    from tasks.generate.provenance import read_provenance

    print_result(read_provenance(open_store(), name, corpus), as_json, print_provenance)


@command()
def withdraw(
    video: Annotated[str, arg("VIDEO", "Id of the video.")],
    corpus: CorpusOption,
    why: Annotated[str | None, opt("--why", "Reason, kept as a note.")] = None,
    regenerate: Annotated[
        bool, opt("--regenerate", "Generate what it conditioned again without it.")
    ] = False,
    as_json: AsJson = False, workers: Workers = None, runner: Runner = None, root: Root = None,
) -> None:  # fmt: skip
    """Exclude a video from every search, and list the videos that it influenced."""
    from flows.withdraw import withdraw as flow

    run_flow(flow, video, corpus, why, regenerate, as_json=as_json, print_plain=print_withdrawal)


def _build_spec(fields: Fields) -> GenerateSpec:
    """The spec of the given fields; the others suit the model that is used."""
    from tasks.generate.spec import build_generate_spec, choose_defaults, is_bundled_base
    from tasks.precision import fastest_precision

    if fields.get("precision") == "auto":
        del fields["precision"]
    base = fields.get("base")
    suited = choose_defaults(fields.get("engine", "ragme"), base)
    # The bundled models gain nothing by bf16.
    if "precision" not in fields | suited and not is_bundled_base(base):
        fields["precision"] = fastest_precision()
    with report_wrong_values():
        return build_generate_spec(**fields)
