import pytest

from flows.cli import main as command


@pytest.fixture
def reelflow(workspace, monkeypatch: pytest.MonkeyPatch, capfd):
    """Runs a command; its exit code, standard output and standard error."""
    monkeypatch.setattr(command.atexit, "register", lambda *_: None)

    def run(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["reelflow", *words])
        code = 0
        try:
            command.main()
        except SystemExit as exit:
            code = exit.code
        said = capfd.readouterr()
        return code, said.out, said.err

    return run
