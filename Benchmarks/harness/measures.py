"""The four measurements. Each gives back plain data, one record per run, for the report."""

import sys


class Bench:
    """What the measurements share: where things run, and what the command line asked for."""

    def __init__(self, workspace, backend, pgload, poolers, direct, options):
        self.workspace = workspace
        self.backend = backend
        self.pgload = pgload
        self.poolers = poolers
        self.direct = direct
        self.options = options

    def start(self, pooler):
        cpus = None
        if self.options.pin and getattr(pooler, "threads", 1) == 1:
            cpus = {0}
        return pooler.start(self.workspace, self.backend, self.options.pool, cpus=cpus)

    def candidates(self):
        return self.poolers + ([self.direct] if self.direct else [])

    def rounds(self, what):
        for number in range(1, self.options.rounds + 1):
            print(f"{what}: round {number} of {self.options.rounds}", file=sys.stderr, flush=True)
            yield number


def throughput(bench):
    """Rounds in which every mode is run on every candidate, one after the other."""
    running = [bench.start(candidate) for candidate in bench.candidates()]
    records = []
    for number in bench.rounds("throughput"):
        for mode in bench.options.modes:
            for candidate in running:
                result = bench.pgload.run(
                    candidate, mode, bench.options.clients, seconds=bench.options.seconds,
                    warmup=bench.options.warmup)
                records.append({"round": number, "name": candidate.name, **result})
    for candidate in running:
        candidate.stop()
    return records


def copy(bench):
    """A few big COPY OUT on few clients, interleaved likewise."""
    running = [bench.start(candidate) for candidate in bench.candidates()]
    query = bench.backend.copy_query(bench.options.copy_megabytes)
    records = []
    for number in bench.rounds("copy"):
        for candidate in running:
            result = bench.pgload.run(
                candidate, "copy", bench.options.copy_clients, query=query,
                transactions=bench.options.copy_count)
            records.append({"round": number, "name": candidate.name, **result})
    for candidate in running:
        candidate.stop()
    return records


def memory(bench):
    """Resident memory before and with N idle clients, on a pooler started for each count.

    Before the first look the pooler serves a short load, so that the pool's own memory and what
    its first clients made it allocate do not count as the idle clients'.
    """
    records = []
    for pooler in bench.poolers:
        for touch in (False, True):
            for clients in bench.options.idle:
                print(f"memory: {pooler.name}, {clients} clients", file=sys.stderr, flush=True)
                running = bench.start(pooler)
                bench.pgload.run(running, "simple", bench.options.clients, transactions=2_000)
                before = resident_bytes(running.pid)
                idle = bench.pgload.hold(running, clients, touch)
                after = resident_bytes(running.pid)
                idle.communicate("\n", timeout=60)
                running.stop()
                if idle.returncode != 0:
                    raise SystemExit(f"{pooler.name} lost idle clients")
                records.append(
                    {"name": pooler.name, "clients": clients, "touched": touch,
                     "before": before, "after": after})
    return records


def start(bench):
    """Seconds from the start of the process to the answer of its first query."""
    records = []
    for number in bench.rounds("start"):
        for pooler in bench.poolers:
            running = bench.start(pooler)
            records.append(
                {"round": number, "name": pooler.name, "seconds": running.start_seconds,
                 "resident": resident_bytes(running.pid)})
            running.stop()
    return records


def resident_bytes(pid):
    """Rss of /proc/PID/smaps_rollup, which is exact where statm may lag behind."""
    with open(f"/proc/{pid}/smaps_rollup", encoding="utf-8") as file:
        for line in file:
            if line.startswith("Rss:"):
                return int(line.split()[1]) * 1_024
    raise SystemExit("no Rss in smaps_rollup")


MEASUREMENTS = {"throughput": throughput, "memory": memory, "copy": copy, "start": start}
