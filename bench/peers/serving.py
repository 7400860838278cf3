"""Answers each line of standard input with one line of JSON, and counts ends of jobs by the bytes in a file."""

import json
import os
import sys
import tempfile
import time

# The workers of a peer inherit it, so that all write into one file.
ends = os.environ.get("BENCH_ENDS")
if ends is None:
    descriptor, ends = tempfile.mkstemp(prefix="daybook-bench-")
    os.close(descriptor)
    os.environ["BENCH_ENDS"] = ends


def serve(handlers):
    try:
        for line in sys.stdin:
            name, *args = line.split()
            print(json.dumps(handlers[name](*map(int, args))), flush=True)
    finally:
        os.remove(ends)


def clear():
    with open(ends, "w"):
        pass


def until(size):
    while os.stat(ends).st_size < size:
        time.sleep(0.002)


def mark(text="."):
    """One write by append: safe from several processes, some microseconds."""
    file = os.open(ends, os.O_WRONLY | os.O_APPEND)
    os.write(file, text.encode())
    os.close(file)
