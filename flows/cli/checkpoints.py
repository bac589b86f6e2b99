"""Commands about the weights of models."""

from typing import Annotated

import typer

from flows.cli.console import print_summary
from flows.cli.main import app


@app.command("convert-checkpoint")
def convert_checkpoint(
    file: Annotated[str, typer.Argument(metavar="FILE", help="What torch.save wrote, as best.pt.")],
    out: Annotated[str, typer.Argument(metavar="OUT", help="A .safetensors file.")],
) -> None:
    """Take the weights out of a checkpoint that pickles its network, running none of its code."""
    from tasks.evaluate.convert_checkpoint import convert_checkpoint as convert

    print_summary(convert(file, out))
