from engines.video.guard import heartbeat


def test_a_beat_is_passed_on_at_most_once_a_second(monkeypatch):
    beats = []
    monkeypatch.setattr(heartbeat, "_last", 0.0)
    heartbeat.listen(lambda: beats.append(1))
    try:
        for _ in range(100):
            heartbeat.beat()
    finally:
        heartbeat.listen(None)
    heartbeat.beat()
    assert beats == [1]
