"""Seconds of a video as people read them."""


def format_seconds(seconds: float) -> str:
    """Minutes and seconds with one decimal, "2:05.0", from an hour on with hours, "1:02:05.0"."""
    tenths = round(seconds * 10)
    minutes, rest = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    tail = f"{rest // 10:02d}.{rest % 10}"
    return f"{hours}:{minutes:02d}:{tail}" if hours else f"{minutes}:{tail}"
