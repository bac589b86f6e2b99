"""What must hold once the strikes are over."""

from pathlib import Path

from data.catalog.coverage import list_failures
from data.catalog.leftovers import find_leftovers
from data.settings import Settings
from data.workspace import Workspace, open_workspace
from support import evidence
from support.soak_grounds import Ground


def try_again(ground: Ground) -> int:
    """Asks again for videos that saw two workers die, as operators do; how many there were."""
    workspace = _place(ground)
    with workspace.open_catalog() as catalog:
        failed = list_failures(catalog, workspace.store, "c")
    crashed = sum(failure["reason"] == "crashed" for failure in failed)
    if crashed:
        ground.shop.ok("retry", "c", "--reason", "crashed", RUNNER="in_process", WORKERS=1)
        spec = ("--engine", "fake", "--precision", "fp32")
        ground.shop.ok("run", "c", *spec, RUNNER="in_process", WORKERS=1)
    return crashed


def look_over(ground: Ground, right: Path, tried_again: bool) -> None:
    """An AssertionError where a store differs from the right one, but for what was tried again."""
    root = ground.kept()
    assert evidence.status(root) == evidence.status(right)
    assert evidence.vectors(root) == evidence.vectors(right)
    if not tried_again:
        assert evidence.artifacts(root) == evidence.artifacts(right)
        for stage in ("embed", "pool"):
            counts = evidence.outcomes(root, stage)
            assert set(counts.values()) == {1} and counts == evidence.outcomes(right, stage)
    assert not evidence.partials(root)
    assert list(find_leftovers(_place(ground).store, min_age_s=0)) == []
    assert not ground.kind.bucket or _uploads(ground) == []
    evidence.assert_rebuilt_the_same(root)


def _place(ground: Ground) -> Workspace:
    said = {name.lower(): str(value) for name, value in ground.shop.settings.items()}
    return open_workspace(Settings(root=said["root"], catalog=said["catalog"]))


def _uploads(ground: Ground) -> list[dict]:
    """What was begun and never completed: nobody sees it, but it is paid for."""
    import boto3

    found = boto3.client("s3").list_multipart_uploads(Bucket="videos").get("Uploads", [])
    return [each for each in found if each["Key"].startswith(ground.name)]
