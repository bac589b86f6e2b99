"""How fast a run went, and which part of its work was the bottleneck."""

from dataclasses import dataclass

BOTTLENECK_SHARE = 0.5  # a part that is busy less of the time is not what the run waits for


@dataclass(frozen=True, slots=True)
class Load:
    """Seconds of work over a run: decode and read over all decoders, model over all workers."""

    wall: float
    read: float
    decode: float
    model: float
    write: float
    workers: int
    decoders: int

    def busy_shares(self) -> dict[str, float]:
        """How busy each part was, as a share of its own capacity (0 to 1)."""
        wall = max(self.wall, 1e-9)
        # Reading and decoding happen in the decoder processes; the flow alone writes.
        decoders = max(self.workers * self.decoders, 1)
        return {
            "read": self.read / (wall * decoders),
            "decode": self.decode / (wall * decoders),
            "model": self.model / (wall * max(self.workers, 1)),
            "write": self.write / wall,
        }

    def describe_bottleneck(self) -> str:
        """A sentence such as "decode-bound: decode busy 94 %, model 31 %".

        There is no single bottleneck where even the busiest part idles half of the time.
        """
        shares = self.busy_shares()
        first, second = sorted(shares, key=lambda part: -shares[part])[:2]
        is_bound = shares[first] >= BOTTLENECK_SHARE
        verdict = f"{first}-bound" if is_bound else "no single bottleneck"
        percent = {part: f"{100 * share:.0f} %" for part, share in shares.items()}
        return f"{verdict}: {first} busy {percent[first]}, {second} {percent[second]}"


def video_hours_per_day(video_hours: float, wall_s: float) -> float:
    """Hours of video that a day at this run's rate would process."""
    return video_hours * 86400 / wall_s if wall_s > 0 else 0.0
