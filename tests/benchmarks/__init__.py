"""Throughput and CPU time of the routes beside two baselines that send the same SQL (`make bench`).

routes      what is measured, and what it has to reach
recording   a request of the real route -> its tape: every statement, transaction and the answer
tapes       the tape as a file
replaying   a tape -> the same statements again, with ids of its own
baselines   B0, a plain Django view, and B1, a lean DRF view, which replay it
prepare     fills the database and records the tapes; a process of its own
load        the load generator; a process of its own that knows neither Django nor us
measuring   servers, rounds, CPU time
report      the table
"""
