"""A real Prometheus with the repository's rules, their durations cut down to a test's patience."""

import json
import os
import re
import urllib.request

from harness.workspace import free_port

from .site import eventually

UNITS = {"s": 1, "m": 60, "h": 3600}

CONFIGURATION = """
global:
  scrape_interval: 1s
  scrape_timeout: 1s
  evaluation_interval: 1s
rule_files: [sluice.rules.yml]
scrape_configs:
  - job_name: sluice
    static_configs:
"""


def faster(rules, factor, least=4):
    """The rules with every `for` and every range shorter by a factor; ranges need two scrapes."""
    def shorter(seconds):
        return seconds / factor

    def range_of(match):
        return f"[{max(least, round(shorter(int(match[1]) * UNITS[match[2]])))}s]"

    def wait_of(match):
        return f"for: {max(1, round(shorter(int(match[1]) * UNITS[match[2]])))}s"

    rules = re.sub(r"\[(\d+)([smh])\]", range_of, rules)
    rules = re.sub(r"\boffset (\d+)([smh])\b", lambda match: "offset " + range_of(match)[1:-1],
                   rules)
    return re.sub(r"\bfor: (\d+)([smh])\b", wait_of, rules)


class Prometheus:
    def __init__(self, workspace, programs, rules, targets, factor):
        """`targets` are (address, label `instance`)."""
        directory = workspace.directory("prometheus-config")
        with open(rules, encoding="utf-8") as file:
            scaled = faster(file.read(), factor)
        with open(os.path.join(directory, "sluice.rules.yml"), "w", encoding="utf-8") as file:
            file.write(scaled)
        path = os.path.join(directory, "prometheus.yml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(CONFIGURATION)
            for address, name in targets:
                file.write(f'      - targets: ["{address}"]\n'
                           f"        labels: {{instance: {name}}}\n")
        self.url = f"http://127.0.0.1:{(port := free_port())}"
        self.process = workspace.spawn([
            workspace.readable(os.path.join(programs, "prometheus")), f"--config.file={path}",
            f"--storage.tsdb.path={workspace.directory('tsdb')}",
            f"--web.listen-address=127.0.0.1:{port}"], "prometheus")
        eventually("Prometheus is ready", self.is_ready, 30, self.process)

    def is_ready(self):
        try:
            return self.get("/-/ready")
        except OSError:
            return None

    def get(self, path):
        with urllib.request.urlopen(self.url + path, timeout=5) as answer:
            return answer.read().decode()

    def data(self, path):
        return json.loads(self.get("/api/v1/" + path))["data"]

    def firing(self):
        """(alert, instance) of all that fire."""
        return {(alert["labels"]["alertname"], alert["labels"].get("instance"))
                for alert in self.data("alerts")["alerts"] if alert["state"] == "firing"}

    def targets(self):
        """What went wrong with each target's last scrape, by its instance; "" is nothing."""
        return {target["labels"]["instance"]: target["lastError"]
                for target in self.data("targets")["activeTargets"]}
