"""What swarms survive: experiments in simulated networks of up to 10,000 mainline nodes.

    python -m benchmarks.simulation             every experiment, one after another
    python -m benchmarks.simulation scale loss  some of them
    python -m benchmarks.simulation --quick     all of them on small networks, in a minute or two

Needs the plugin bitboot-btdht and, for the figures, matplotlib. Results depend on the seed alone,
never on the machine: only the cost, given in CPU seconds, does.
"""
