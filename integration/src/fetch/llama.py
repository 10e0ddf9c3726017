"""Runs llama.cpp's HTTP server in this process until a signal ends it: usage `llama.py MODEL_FILE ALIAS PORT`."""

import signal
import sys

import xllamacpp

path, alias, port = sys.argv[1:]
params = xllamacpp.CommonParams()
params.model.path = path
params.model_alias = {alias}
params.hostnames = ["127.0.0.1"]
params.port = int(port)
params.n_ctx = 8192
params.n_parallel = 4
# One thread: two wait for each other at every layer, and where others want the cores too that is ten times slower.
for pool in (params.cpuparams, params.cpuparams_batch):
    pool.n_threads = 1
server = xllamacpp.Server(params)  # listens as long as it is referred to
# The default action of both signals ends the process at once, whatever the server's threads are at.
signal.signal(signal.SIGINT, signal.SIG_DFL)
signal.pause()
