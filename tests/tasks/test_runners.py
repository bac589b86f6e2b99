"""How workers are set up: as this machine suggests, or as a cluster of other machines is told."""

from data.settings import Settings
from tasks import runners


def test_a_worker_takes_its_share_of_this_machine(monkeypatch) -> None:
    monkeypatch.setattr(runners, "cores", lambda: 8)
    monkeypatch.setattr(runners, "gpus", lambda: 0)
    work = runners.embed_work(Settings(workers=2, ray_address="auto"))
    assert (work.decoders, work.needs.cpus, work.needs.gpus) == (4, 4, 0)


def test_a_cluster_unlike_this_machine_is_described_by_settings(monkeypatch) -> None:
    monkeypatch.setattr(runners, "cores", lambda: 64)
    monkeypatch.setattr(runners, "gpus", lambda: 0)
    cluster = Settings(gpus=4, cores_per_worker=6, ray_address="auto")
    assert runners.embed_workers(cluster) == 4
    for work in (runners.embed_work(cluster), runners.generate_work(cluster)):
        assert (work.needs.cpus, work.needs.gpus, work.decoders) == (6, 1, 6)
    assert runners.evaluate_work(cluster).needs.gpus == 1
