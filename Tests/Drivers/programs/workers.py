"""The workers of a Python program: they all do the same scenario at the same time, and tell."""

import asyncio
import os
import sys
import threading

COUNT = int(os.environ.get("WORKERS", "8"))
# Of any wait for another worker or a notification.
WAIT_SECONDS = 10

_output = threading.Lock()


def _write(*fields):
    with _output:
        sys.stdout.write("\t".join(fields) + "\n")
        sys.stdout.flush()


def _clean(text):
    return " ".join(str(text).split())


class Worker:
    """One of the clients. `number` is 0 to COUNT - 1; `shared` is the same for all of them."""

    def __init__(self, scenario, number, shared):
        self.scenario = scenario
        self.number = number
        self.shared = shared
        driver = "".join(c for c in os.environ.get("DRIVER", "x").lower() if c.isalnum())
        self.table = f"{driver}_{scenario}_{number}"
        self.channel = f"{driver}_{scenario}"
        self.connections = []

    def say(self, *values):
        text = " | ".join(value if isinstance(value, str) else repr(value) for value in values)
        _write("line", self.scenario, str(self.number), _clean(text))

    def unexpected(self, error):
        message = (str(error).splitlines() or [""])[0]
        self.say(f"unexpected: {type(error).__name__} {message[:160]}")

    def opened(self, connection):
        """Remembers what is to be closed when the scenario ends."""
        self.connections.append(connection)
        return connection


def run_threads(version, scenarios):
    _write("version", version)
    for name in sys.argv[1:]:
        # The notifying worker waits for the listening one.
        shared = {"listening": threading.Event(), "start": threading.Barrier(COUNT)}
        workers = [Worker(name, number, shared) for number in range(COUNT)]
        threads = [
            threading.Thread(target=_run, args=(scenarios[name], worker), daemon=True)
            for worker in workers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        _write("end", name)


def _run(scenario, worker):
    try:
        worker.shared["start"].wait(WAIT_SECONDS)
        scenario(worker)
        worker.say("done")
    except Exception as error:  # Whatever it is, the others go on, and it is told.
        worker.unexpected(error)
    for connection in worker.connections:
        try:
            connection.close()
        except Exception as error:
            worker.unexpected(error)


def run_tasks(version, scenarios):
    _write("version", version)
    asyncio.run(_run_tasks(scenarios))


async def _run_tasks(scenarios):
    for name in sys.argv[1:]:
        shared = {"listening": asyncio.Event()}
        workers = [Worker(name, number, shared) for number in range(COUNT)]
        await asyncio.gather(*(_run_task(scenarios[name], worker) for worker in workers))
        _write("end", name)


async def _run_task(scenario, worker):
    try:
        await scenario(worker)
        worker.say("done")
    except Exception as error:
        worker.unexpected(error)
    for connection in worker.connections:
        try:
            await connection.close()
        except Exception as error:
            worker.unexpected(error)
