from engines.children import pulse


def test_a_beat_is_passed_on_at_most_once_a_second(monkeypatch):
    beats = []
    monkeypatch.setattr(pulse, "_last", 0.0)
    pulse.listen(lambda: beats.append(1))
    try:
        for _ in range(100):
            pulse.beat()
    finally:
        pulse.listen(None)
    pulse.beat()
    assert beats == [1]
