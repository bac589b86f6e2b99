from data.throughput import Load, video_hours_per_day


def test_the_busiest_part_is_named_with_its_share() -> None:
    load = Load(wall=10, read=1, decode=18.8, model=3.1, write=0.1, workers=1, decoders=2)
    assert load.describe_bottleneck() == "decode-bound: decode busy 94 %, model 31 %"


def test_a_part_that_idles_most_of_the_time_is_no_bottleneck() -> None:
    load = Load(wall=10, read=0, decode=1, model=0.7, write=0, workers=1, decoders=1)
    assert load.describe_bottleneck().startswith("no single bottleneck")


def test_shares_are_of_each_parts_own_capacity() -> None:
    load = Load(wall=10, read=0, decode=20, model=20, write=1, workers=4, decoders=2)
    assert load.busy_shares() == {"read": 0, "decode": 0.25, "model": 0.5, "write": 0.1}


def test_video_hours_per_day_is_the_headline_rate() -> None:
    assert video_hours_per_day(video_hours=2, wall_s=3600) == 48
    assert video_hours_per_day(video_hours=2, wall_s=0) == 0
