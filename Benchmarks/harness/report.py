"""Markdown of what was measured: medians over the rounds, ratios within each round."""

from statistics import median

REFERENCE = "PgBouncer"


def markdown(facts, options, data):
    parts = ["# Side by side", "", *machine(facts, options)]
    writers = {"throughput": throughput, "copy": copy, "memory": memory, "start": start}
    for name, writer in writers.items():
        if name in data:
            parts += ["", *writer(data[name], options)]
    return "\n".join(parts) + "\n"


def machine(facts, options):
    lines = [f"- {name}: {value}" for name, value in facts]
    lines.append(
        f"- {options.clients} clients on {options.pool} servers, transaction mode,"
        f" {options.rounds} rounds"
        + (", a one-threaded pooler alone on its core" if options.pin else ""))
    return lines


def table(header, rows):
    """The first column is text, the others are numbers."""
    lines = [row_line(header), "|---|" + "---:|" * (len(header) - 1)]
    return lines + [row_line(row) for row in rows]


def row_line(cells):
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def names(records):
    return list(dict.fromkeys(record["name"] for record in records))


def of(records, name):
    return [record for record in records if record["name"] == name]


def cpu_microseconds(record):
    watched = record.get("watched")
    return watched["cpuSeconds"] * 1e6 / record["transactions"] if watched else None


def cpu_per_gigabyte(record):
    watched = record.get("watched")
    return watched["cpuSeconds"] * 1e9 / record["bytes"] if watched else None


def middle(values, digits):
    known = [value for value in values if value is not None]
    return f"{median(known):,.{digits}f}" if known else "-"


def ratios(records, name, value):
    """Of each round: the candidate's value over the reference's of the same round."""
    reference = {
        record["round"]: value(record) for record in records if record["name"] == REFERENCE}
    found = []
    for record in of(records, name):
        below, own = reference.get(record["round"]), value(record)
        if below and own is not None:
            found.append(own / below)
    return found


def ratio_cell(records, name, value):
    found = ratios(records, name, value)
    if not found or name == REFERENCE:
        return "1.00" if found else "-"
    return f"{median(found):.2f} ({min(found):.2f} to {max(found):.2f})"


def share(record, kind):
    """The part of the CPU time that was spent in user or system mode."""
    watched = record.get("watched")
    if not watched:
        return None
    ticks = watched["userSeconds"] + watched["systemSeconds"]
    return watched[kind] / ticks * cpu_microseconds(record) if ticks else None


def throughput(all_records, options):
    lines = [
        "## Throughput, latency and CPU", "",
        f"Runs of {options.seconds:g} s after {options.warmup:g} s of warm-up. Medians over the"
        f" rounds; a ratio is taken to {REFERENCE} within each round: its median, lowest and"
        " highest. CPU is that of the pooler's process, in microseconds a transaction; the load"
        " column is the part of a core that pgload used.",
    ]
    for mode in names_of_modes(all_records):
        records = [record for record in all_records if record["mode"] == mode]
        rows = []
        for name in names(records):
            own = of(records, name)
            latency = [record["latencyMicroseconds"] for record in own]
            rows.append([
                name,
                middle([record["transactionsPerSecond"] for record in own], 0),
                ratio_cell(records, name, lambda record: record["transactionsPerSecond"]),
                *(middle([each[key] for each in latency], 0) for key in ("p50", "p99", "p999")),
                middle([cpu_microseconds(record) for record in own], 2),
                middle([share(record, "userSeconds") for record in own], 2),
                middle([share(record, "systemSeconds") for record in own], 2),
                ratio_cell(records, name, cpu_microseconds),
                middle([record["ownCPUSeconds"] / record["seconds"] for record in own], 2),
            ])
        lines += ["", f"### Mode {mode}", ""]
        lines += table(
            ["", "transactions/s", "ratio", "p50 µs", "p99 µs", "p99.9 µs", "CPU µs", "user",
             "system", "CPU ratio", "load"], rows)
    return lines


def names_of_modes(records):
    return list(dict.fromkeys(record["mode"] for record in records))


def copy(records, options):
    rows = []
    for name in names(records):
        own = of(records, name)
        rows.append([
            name,
            middle([record["bytes"] / record["seconds"] / 1e6 for record in own], 0),
            ratio_cell(records, name, lambda record: record["bytes"] / record["seconds"]),
            middle([cpu_per_gigabyte(record) for record in own], 3),
            ratio_cell(records, name, cpu_per_gigabyte),
        ])
    return [
        "## COPY out", "",
        f"{options.copy_count} COPY of {options.copy_megabytes} MB in rows of 1,000 bytes, on"
        f" {options.copy_clients} client(s). CPU is that of the pooler's process.", "",
        *table(["", "MB/s", "ratio", "CPU s/GB", "CPU ratio"], rows),
    ]


def memory(records, options):
    rows = []
    for record in records:
        grown = record["after"] - record["before"]
        rows.append([
            record["name"], f"{record['clients']:,}", "yes" if record["touched"] else "no",
            f"{record['before'] / 1e6:.1f}", f"{record['after'] / 1e6:.1f}",
            f"{grown / record['clients'] / 1e3:.2f}",
        ])
    return [
        "## Resident memory of idle clients", "",
        "Resident memory of the pooler's process (the kernel's socket buffers are not in it)"
        " before and with the idle clients; whether each of them has run one query; kB are"
        " 1,000 bytes.", "",
        *table(["", "idle clients", "ran a query", "before MB", "after MB", "kB/client"], rows),
    ]


def start(records, options):
    rows = []
    for name in names(records):
        own = of(records, name)
        rows.append([
            name, middle([record["seconds"] * 1e3 for record in own], 1),
            f"{min(record['seconds'] for record in own) * 1e3:.1f}",
            middle([record["resident"] / 1e6 for record in own], 1),
        ])
    return [
        "## Start", "",
        "From the start of the process to the answer of its first query, which opens its first"
        " server connection.", "",
        *table(["", "median ms", "lowest ms", "resident MB"], rows),
    ]
