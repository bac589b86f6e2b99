"""The panel "Within videos": near-duplicates."""

from typing import Annotated

from data.specs.dedup import DedupSpec
from flows.cli.app import open_panel
from flows.cli.console import live, out, print_result
from flows.cli.options import AsJson, Corpus, Root, opt
from flows.cli.spec_options import Fields, SpecOptions, add_options, build_spec

DEDUP = SpecOptions(DedupSpec(), "threshold", "pictures", "keep", "candidates", "neighbours")

command = open_panel("Within videos")


@command()
@add_options(fields=DEDUP)
def dedup(
    corpus: Corpus, fields: Fields,
    file: Annotated[
        str | None, opt("--out", "Also write every group as a table: PATH.parquet.")
    ] = None,
    report: Annotated[
        str | None, opt("--report", "Also write a page of pairs side by side: PATH.html.")
    ] = None,
    as_json: AsJson = False, root: Root = None,
) -> None:  # fmt: skip
    """Find near-duplicates over a whole corpus, and which of each group to keep.

    Nothing is deleted: afterwards --where "duplicate_of is null" leaves copies out.
    """
    from flows.dedup import dedup as flow

    spec = build_spec(DedupSpec(), fields) if fields else None
    with live():
        summary = flow(corpus, spec, file, report)
    print_result(summary, as_json)
    if summary["duplicates"] and not as_json:
        leave_out = '--where "duplicate_of is null"'
        out(err=True).print(f"leave copies out of any command by {leave_out}", markup=False)
