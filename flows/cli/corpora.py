"""Commands about corpora as a whole: other formats, and the catalogue."""

from typing import Annotated

import typer

from flows.cli.console import live, out, print_summary
from flows.cli.main import app
from flows.cli.options import Corpus, Root, open_store

catalog_app = typer.Typer(help="The catalogue, which can always be made again from the store.")
app.add_typer(catalog_app, name="catalog")


@app.command()
def export(
    corpus: Corpus,
    dest: Annotated[str, typer.Argument(metavar="DEST", help="A folder to write into.")],
    format: Annotated[str, typer.Option("--format", help="ragme.")] = "ragme",
    prompts: Annotated[str | None, typer.Option("--prompts", help="Neighbours for these.")] = None,
    k: Annotated[int, typer.Option("-k", min=1)] = 5,
    root: Root = None,
) -> None:
    """Write a corpus's vectors and neighbours as other systems read them."""
    from tasks.retrieve.export_ragme import export_ragme

    if format != "ragme":
        raise typer.BadParameter("the only format so far is ragme")
    print_summary(export_ragme(open_store(), corpus, dest, prompts, k))


@app.command("import-ragme")
def import_ragme(
    source: Annotated[str, typer.Argument(metavar="DIR", help="clip-video-encode's outputs.")],
    corpus: Annotated[str, typer.Option("--corpus", help="The corpus to make.")],
    model: Annotated[str, typer.Option("--model", help="The model that made them.")] = "ViT-B-32",
    weights: Annotated[str, typer.Option("--weights", help="Its tag or file.")] = "openai",
    take_every_nth: Annotated[int, typer.Option("--take-every-nth", min=1)] = 25,
    root: Root = None,
) -> None:
    """Take over frame vectors that clip-video-encode made."""
    from flows.import_ragme import RAGME
    from flows.import_ragme import import_ragme as flow

    made_with = {"model": model, "weights": weights, "every_nth": take_every_nth}
    with live():
        made = flow(source, corpus, RAGME.model_copy(update=made_with))
    print_summary(made)


@catalog_app.command()
def rebuild(root: Root = None) -> None:
    """Make the catalogue again from the store."""
    workspace = open_store()
    workspace.rebuild_catalog()
    out().print(
        f"catalogue of {len(workspace.corpora())} corpora made again from {workspace.store.root}"
    )
