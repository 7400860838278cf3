"""RQ with four workers, each of which forks for every job, on Redis; results are kept there."""

import os
import subprocess
import sys
import time
import uuid

import redis
import rq
import serving
from rq_jobs import run_true

name = f"bench-{uuid.uuid4()}"
queue = rq.Queue(name, connection=redis.Redis())


def drain(count):
    """From the first end to the last: the start of the workers is not counted."""
    serving.clear()
    for _ in range(count):
        queue.enqueue(run_true)
    command = ["rq", "worker", "--burst", "--quiet", name]
    workers = [subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for _ in range(4)]
    serving.until(1)
    begin = time.monotonic()
    serving.until(count)
    rate = (count - 1) / (time.monotonic() - begin)
    for worker in workers:
        worker.wait()
    return rate


try:
    serving.serve({"drain": drain})
finally:
    queue.delete(delete_jobs=True)
