"""Writes the page of a question to a corpus."""

from pathlib import Path

from data.records import Hit
from engines.report.ask import AskPage, CitedClaim
from engines.report.html import link_uri, render_template, write_html
from engines.report.retrieval import Clip, locate_hit
from tasks.answer.ask import AskResult


def write_ask_page(corpus: str, result: AskResult, path: Path) -> None:
    """Writes the page atomically; each piece of evidence plays."""
    hits = [
        Hit("0", result.question, number, each.evidence.video, each.evidence.score or 0.0, each.uri,
            each.evidence.text or each.caption, each.evidence.start, each.evidence.end)
        for number, each in enumerate(result.found, start=1)
    ]  # fmt: skip
    kinds = [each.evidence.kind for each in result.found]
    cited = len({number for claim in result.claims for number in claim.cites})
    lead = (
        f"Answered by {result.model}, from {cited} of {len(hits)} moments found in {corpus}."
        if result.reply is not None
        else f"No language model was asked: these are the {len(hits)} best moments of {corpus}."
    )
    claims = tuple(CitedClaim(claim.text, claim.cites) for claim in result.claims)
    clips = [Clip(hit, link_uri(locate_hit(hit), path)) for hit in hits]
    about = {"corpus": corpus, "model": result.model}
    page = AskPage(result.question, lead, claims, clips, kinds, about)
    write_html(path, render_template("ask.html", page))
