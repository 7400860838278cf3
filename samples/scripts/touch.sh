#!/bin/sh
# Makes an empty file in the home directory: {"script": "touch.sh", "arguments": {"": "sample_file.txt"}}
exec touch "$@"
