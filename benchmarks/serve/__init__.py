"""What `bitboot serve` costs, and how quickly it answers: a daemon of its own, on mainline on loopback.

    python -m benchmarks.serve [PART ...] [--clients N] [--minutes M] [--lookups N]

All parts unless some are named. Exits with 1 where something required is missed.

idle: CPU and memory of a daemon that nobody uses, over a minute. Required: under 0.5 % of a core and 60 MiB.

lookups: N lookups (100) of a swarm of 5 through the daemon, by one client that keeps its connection and by
one that opens one for each, and N within this process, in turn; then the same on a network whose nodes answer
after 20 to 50 ms, as on the internet. Required: 1.3 times as long at most. The client is plain asyncio, so
that the daemon is measured and not the client: httpx takes 2 to 4 ms a request by itself. It reads the whole
answer, and its JSON.

command: `bitboot lookup NAME` as a process, N times (100) through the daemon, in turn with `python -c pass`,
with the same command and an option for which the whole command line is imported (`--as-name`), and with
`--no-daemon`. Required: 50 ms in the median.

watches: N clients (200) with a watch each of one swarm, for M minutes (10). A program joins every 20 s, in
turn through the same daemon and on a node of its own. Required: memory that does not grow, and all told
within 1 s: of who announces through the daemon after that, of the others after the first client is told. How
soon the first is told of those is up to the watch's scans.
"""
