"""A bad network between a server and a client: for `bench/network.py` and `tests/conformance/test_network.py`.

Lives here: `link` (pure: what one direction of a line does to packets), `namespaces` (network namespaces and TUN
devices), `wire` (the program that carries packets between two devices, and its handle), `seat` (the program of one
participant, and its handle), `figures` (pure: what a subscriber saw), `scenarios` (lines and what happens to them).
Not here: the run of all (`bench/network.py`), starting the servers (`bench.engines.servers`).

    near namespace                          the program `wire`                     far namespace
    server, publisher                    ┌──────────────────────┐                 subscriber
    eth0 10.77.0.1       link1 10.77.1.1 │ Path ──────────────► │ eth0 10.77.1.2
                               TUN ◄────►│ ◄────────────── Path │◄────► TUN
                                         └──────────────────────┘

Needs root, `ip`, `unshare` and `nsenter`, and /dev/net/tun. Everything ends with the process that made it: nothing
of it has a name outside that process.
"""
