"""The settings' word on URLs reaches every worker as a part of its set-up."""

import pickle

import pytest

from data.settings import Settings
from tasks import workers
from tasks.url_policy import build_url_policy


@pytest.mark.parametrize(
    "build",
    [
        workers.build_probe_setup,
        workers.build_embed_setup,
        workers.build_generate_setup,
        workers.build_evaluate_setup,
    ],
)
def test_every_worker_is_told_what_the_flow_was_told(build, monkeypatch) -> None:
    monkeypatch.setenv("REELFLOW_PRIVATE_ADDRESSES", "true")
    monkeypatch.setenv("REELFLOW_URL_SCHEMES", "HTTPS,file")
    setup = build(Settings())
    monkeypatch.undo()
    policy = pickle.loads(pickle.dumps(setup)).url_policy
    assert (policy.schemes, policy.private) == (("https", "file"), True)
    assert build(Settings()).url_policy.private is False


def test_without_settings_the_environment_counts(monkeypatch) -> None:
    monkeypatch.setenv("REELFLOW_PRIVATE_ADDRESSES", "true")
    assert build_url_policy().private
    assert not build_url_policy(Settings(private_addresses=False), "http://a/b.csv").private
