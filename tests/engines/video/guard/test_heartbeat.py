from engines.video.guard import heartbeat


def test_a_beat_is_passed_on_at_most_once_a_second(monkeypatch):
    beats = []
    monkeypatch.setattr(heartbeat, "_last", 0.0)
    heartbeat.set_listener(lambda: beats.append(1))
    try:
        for _ in range(100):
            heartbeat.send_heartbeat()
    finally:
        heartbeat.set_listener(None)
    heartbeat.send_heartbeat()
    assert beats == [1]
