"""Celery with four prefork processes on RabbitMQ; BENCH_RESULTS names the database for results, else none are kept."""

import os
import subprocess
import sys
import time
import uuid

os.environ["BENCH_QUEUE"] = queue = f"bench-{uuid.uuid4()}"
import serving
from celery_jobs import app, now, program, run_true

# Commands go to every worker of the broker that is not told apart by its name.
name = f"{queue}@localhost"
command = ["celery", "-A", "celery_jobs", "worker", "-n", name, "-c", "4", "-P", "prefork", "-l", "ERROR"]
quiet = subprocess.DEVNULL
worker = subprocess.Popen(
    [sys.executable, "-m", *command], stdout=quiet, stderr=quiet, env={**os.environ, "C_FORCE_ROOT": "1"}
)
while not app.control.ping([name], timeout=0.5):
    if worker.poll() is not None:
        sys.exit("celery's worker ended")


def drain(count):
    app.control.cancel_consumer(queue, destination=[name], reply=True)
    serving.clear()
    with app.producer_or_acquire() as producer:
        for _ in range(count):
            run_true.apply_async(producer=producer)
    begin = time.monotonic()
    app.control.add_consumer(queue, destination=[name])
    serving.until(count)
    return count / (time.monotonic() - begin)


def latency(samples, task=now):
    delays = []
    with app.producer_or_acquire() as producer:
        for _ in range(samples):
            time.sleep(0.03)
            serving.clear()
            task.apply_async((time.monotonic_ns(),), producer=producer)
            serving.until(2)
            with open(serving.ends) as file:
                delays.append(int(file.read()) / 1e6)
    return delays


try:
    serving.serve({"drain": drain, "latency": latency, "program": lambda samples: latency(samples, program)})
finally:
    worker.terminate()
    worker.wait()
    with app.connection_for_write() as connection:
        connection.default_channel.queue_delete(queue)
