"""Which part of the work binds, in a sentence."""

from dataclasses import dataclass

BINDS = 0.5  # busy for less of the time, a part is not what the run waits for


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

    def shares(self) -> dict[str, float]:
        """How busy each part was, 0 to 1 of its own capacity."""
        wall = max(self.wall, 1e-9)
        lanes = max(self.workers * self.decoders, 1)
        return {
            "read": self.read / (wall * lanes),
            "decode": self.decode / (wall * lanes),
            "model": self.model / (wall * max(self.workers, 1)),
            "write": self.write / wall,
        }

    def sentence(self) -> str:
        """As "decode-bound: decode busy 94%, model 31%"; nothing binds that idles half the time."""
        shares = self.shares()
        first, second = sorted(shares, key=lambda name: -shares[name])[:2]
        what = f"{first}-bound" if shares[first] >= BINDS else "nothing binds"
        return f"{what}: {first} busy {shares[first]:.0%}, {second} {shares[second]:.0%}"


def video_hours_per_day(video_hours: float, wall_s: float) -> float:
    """Hours of video that go through in a day, at the rate of this run."""
    return video_hours * 86400 / wall_s if wall_s > 0 else 0.0
