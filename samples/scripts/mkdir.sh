#!/bin/sh
# Makes a directory in the home directory: {"script": "mkdir.sh", "arguments": {"-p": "", "": "sample_dir"}}
exec mkdir "$@"
