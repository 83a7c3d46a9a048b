"""What a reader must know of the machine to judge figures; no names and no paths."""

import os
import platform
import re
import subprocess

from .backends import postgres_programs


def version(command):
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    except OSError:
        return None
    lines = (done.stdout or done.stderr).strip().splitlines()
    return lines[0] if lines else None


def processor():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        match = re.search(r"^model name\s*:\s*(.*)$", file.read(), re.MULTILINE)
    return match.group(1) if match else platform.machine()


def machine_facts(options, poolers):
    facts = [
        ("cores", str(os.cpu_count())),
        ("processor", processor()),
        ("kernel", f"{platform.system()} {platform.release().split('-')[0]}"),
        ("C library", " ".join(platform.libc_ver())),
    ]
    if options.backend == "postgres":
        programs = options.postgres_programs or postgres_programs()
        facts.append(("backend", version([os.path.join(programs, "postgres"), "--version"])))
    else:
        facts.append(("backend", "fake backend"))
    if options.pgbouncer and any(pooler.name == "PgBouncer" for pooler in poolers):
        facts.append(("PgBouncer", version([options.pgbouncer, "--version"])))
    if any(pooler.name.startswith("Sluice") for pooler in poolers):
        facts.append(("Sluice", version([options.sluice, "--version"])))
    return [(name, value) for name, value in facts if value]
