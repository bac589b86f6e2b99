"""The panel "Within videos": films and recordings as rows of their shots."""

from typing import Annotated

from data.specs.split import SplitSpec
from flows.cli.app import open_panel
from flows.cli.console import run_flow
from flows.cli.options import AsJson, Corpus, Root, Runner, Workers, opt
from flows.cli.spec_options import Fields, SpecOptions, add_options, build_spec

SPLIT = SpecOptions(SplitSpec(), "method", "threshold", "least", "greatest")

command = open_panel("Within videos")


@command()
@add_options(fields=SPLIT)
def split(
    corpus: Corpus, fields: Fields,
    into: Annotated[str, opt("--into", "Corpus of the shots; made if it does not exist.")],
    as_json: AsJson = False, workers: Workers = None, runner: Runner = None, root: Root = None,
) -> None:  # fmt: skip
    """Cut long videos into shots, the rows of another corpus; nothing is encoded again."""
    from flows.split import split as flow

    run_flow(flow, corpus, into, build_spec(SplitSpec(), fields), as_json=as_json)
