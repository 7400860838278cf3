"""The tasks of the Celery bench, imported by its worker."""

import os
import subprocess
import time

from celery import Celery
from serving import mark

app = Celery("bench", broker="amqp://guest@127.0.0.1//", backend=os.environ.get("BENCH_RESULTS") or None)
app.conf.task_ignore_result = not os.environ.get("BENCH_RESULTS")
app.conf.task_default_queue = os.environ["BENCH_QUEUE"]
app.conf.worker_prefetch_multiplier = int(os.environ.get("BENCH_PREFETCH", "4"))


@app.task
def run_true():
    done = subprocess.run(["/bin/true"], capture_output=True)
    mark()
    return [done.returncode, done.stdout.decode(), done.stderr.decode()]


@app.task
def now(sent):
    mark(f"{time.monotonic_ns() - sent}\n")


@app.task
def program(sent):
    done = subprocess.run([os.environ["BENCH_PROGRAM"]], capture_output=True)
    mark(f"{int(done.stdout) - sent}\n")
