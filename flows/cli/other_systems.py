"""The panel "Other systems": exchange of vectors and weights."""

from typing import Annotated

import typer

from data.specs.pipeline import CLIP_VIDEO_ENCODE
from flows.cli.app import open_panel
from flows.cli.console import print_summary, run_flow
from flows.cli.options import Corpus, CorpusOption, Root, arg, open_store, opt
from flows.cli.spec_options import Fields, SpecOptions, add_options, build_spec, option

IMPORT = SpecOptions(
    CLIP_VIDEO_ENCODE,
    option("model", help="Model that made the vectors, as open_clip names it."),
    option("weights", help="Weights that made them: a published tag or a file."),
    option("every_nth", "--take-every-nth", help="Every nth frame was embedded."),
)

command = open_panel("Other systems")


@command()
def export(
    corpus: Corpus,
    dest: Annotated[str, arg("DEST", "Folder to write to.")],
    format: Annotated[str, opt("--format", "Format: ragme.")] = "ragme",
    prompts: Annotated[
        str | None, opt("--prompts", "Also write neighbours of these prompts.")
    ] = None,
    k: Annotated[int, opt("-k, --k", "Neighbours per query.", min=1)] = 5,
    root: Root = None,
) -> None:  # fmt: skip
    """Write a corpus's vectors and neighbours in another system's format."""
    from tasks.retrieve.export_ragme import export_ragme

    if format != "ragme":
        raise typer.BadParameter("the only format is ragme")
    print_summary(export_ragme(open_store(), corpus, dest, prompts, k))


@command("import-ragme")
@add_options(fields=IMPORT)
def import_ragme(
    source: Annotated[str, arg("DIR", "Folder that clip-video-encode wrote.")],
    corpus: CorpusOption, fields: Fields, root: Root = None,
) -> None:  # fmt: skip
    """Import frame vectors that clip-video-encode made."""
    from flows.import_ragme import import_ragme as flow

    spec = build_spec(CLIP_VIDEO_ENCODE, fields)
    run_flow(flow, source, corpus, spec)


@command("convert-checkpoint")
def convert_checkpoint(
    file: Annotated[str, arg("FILE", "A file of torch.save, e.g. best.pt.")],
    out: Annotated[str, arg("OUT", "The .safetensors file to write.")],
) -> None:  # fmt: skip
    """Extract the weights from a pickled checkpoint without running its code."""
    from tasks.evaluate.convert_checkpoint import convert_checkpoint as convert

    print_summary(convert(file, out))


@command("convert-annotations")
def convert_annotations(
    file: Annotated[str, arg("FILE", "A list of records, of torch.save, e.g. train.pt.")],
    out: Annotated[str, arg("OUT", "The .parquet file to write.")],
) -> None:  # fmt: skip
    """Turn a pickled list of annotations into a table to ingest, without running its code."""
    from tasks.ingest.annotations import convert_annotations as convert

    print_summary(convert(file, out))
