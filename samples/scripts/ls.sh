#!/bin/sh
# Lists files of the home directory: {"script": "ls.sh", "arguments": {"-l": "", "": "*.txt"}}
# An argument is passed on as it was given; a pattern is not expanded.
exec ls "$@"
