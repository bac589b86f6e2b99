"""Commands about this machine."""

from rich.table import Table

from flows.cli.console import out
from flows.cli.main import app
from flows.cli.options import Root


@app.command()
def doctor(root: Root = None) -> None:
    """What this machine has, what is missing, and the line that installs it."""
    from tasks.service.machine import examine

    table = Table("what", "found", "to mend it")
    checks = examine()
    for check in checks:
        mark = "[green]ok[/]" if check.good else "[red]missing[/]"
        table.add_row(check.name, f"{mark} {check.found}", "" if check.good else check.mend)
    out().print(table)
