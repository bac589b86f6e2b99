"""Measures the gate's ratios, and compares or records them: `python tests/bench --gate`."""

import datetime as dt
import time

from bench import gate, ratios
from bench.job import Job


def run_gate(job: Job, machine: str, record: bool) -> int:
    """The exit status: 1 where a ratio is beyond its band twice, or recorded and not measured."""
    recorded, recorded_on = gate.read_recorded()
    measured, started = {}, time.perf_counter()
    for name, measure in ratios.RATIOS.items():
        measured[name] = measure(job)
        # A busy machine strikes one measurement now and then, a slower program both.
        if not record and gate.Line(name, measured[name].ratio, recorded.get(name)).fails:
            print(f"{name}: {measured[name].ratio:.3g}, measured once more", flush=True)
            measured[name] = measure(job)
        pairs, at = measured[name], time.perf_counter() - started
        print(f"{name}: {pairs.ratio:.3g}, spread {pairs.spread:.0%} ({at:.0f} s)", flush=True)
    if record:
        gate.write_recorded(measured, machine, dt.date.today().isoformat())
        print(f"recorded in {gate.FILE}")
        return 0
    lines = gate.compare({name: pairs.ratio for name, pairs in measured.items()}, recorded)
    print("\n" + "\n".join(gate.report(lines, recorded_on)))
    return int(any(line.fails for line in lines))
