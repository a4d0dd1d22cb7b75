"""What strangers do to a coordinator: each attack as a program of its own, bounded in count and in time.

    python3 flood.py ATTACK --port PORT --ca CA [--source ADDRESS] [--count N] [--seconds S]

prints one JSON object with what it did. All of it stays on this machine's loopback addresses.
"""

import argparse
import itertools
import json
import os
import resource
import ssl
import threading
import time

import stranger

STREAMS = 8  # of a connection, as many as the coordinator allows


class Tally:
    """Counts of several threads, until a count or a time is reached."""

    def __init__(self, count, seconds):
        self.deadline = time.monotonic() + seconds
        self.left = itertools.count()
        self.count_max = count
        self.lock = threading.Lock()
        self.counts = {}

    def another(self):
        return next(self.left) < self.count_max and time.monotonic() < self.deadline

    def add(self, what):
        with self.lock:
            self.counts[what] = self.counts.get(what, 0) + 1


def in_threads(count, work):
    threads = [threading.Thread(target=work, args=(i,), daemon=True) for i in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def call_repeatedly(options, callers, some_calls):
    """`some_calls(connection, number)` says what came of each; a connection that is lost is made anew."""
    tally = Tally(options.count, options.seconds)
    context = stranger.client_context(options.ca)

    def work(number):
        connection = None
        while tally.another():
            try:
                connection = connection or stranger.Stranger(options.port, context, options.source)
                for outcome in some_calls(connection, number):
                    tally.add(outcome)
            except (stranger.Gone, OSError):
                tally.add("connection lost")
                connection = None
                time.sleep(0.05)

    in_threads(callers, work)
    return tally.counts


def check_ins(options):
    """Unsigned check-ins, each of another device, as many at once as there are streams for."""
    numbers = itertools.count()

    def outcome(answer):
        if answer[:1] in (b"\x0a", b"\x1a"):
            return "plans" if answer[:1] == b"\x0a" else "challenges"
        reason = stranger.reads_window(answer)
        if reason is None:
            return "refused"
        return "turned away at the door" if "too many calls" in reason else "windows"

    def some_calls(connection, _):
        requests = [stranger.check_in_request(f"stranger-{next(numbers)}") for _ in range(STREAMS)]
        return map(outcome, connection.call_together("CheckIn", requests))

    options.count = -(-options.count // STREAMS)
    return call_repeatedly(options, options.callers, some_calls)


def fetchers(options):
    """Fifty who fetch a version that is no longer in use, again and again."""

    def one_call(connection, _):
        answer = connection.call("FetchModel", stranger.fetch_request(os.urandom(16), 1, 0))
        return ["chunks" if len(answer) > 100 else "refused"]

    return call_repeatedly(options, 50, one_call)


def hold(options, open_one):
    """Opens `count` connections as fast as it can, holds them until the time is over, and counts those that
    the other side closed before."""
    deadline = time.monotonic() + options.seconds
    held, counts = [], {"opened": 0, "refused": 0, "closed early": 0}
    for _ in range(options.count):
        if time.monotonic() >= deadline:
            break
        try:
            held.append(open_one())
            counts["opened"] += 1
        except (stranger.Gone, OSError):
            counts["refused"] += 1
    while time.monotonic() < deadline:
        time.sleep(0.05)
    for connection in held:
        connection.setblocking(False)
        try:
            while connection.recv(65536):
                pass
            counts["closed early"] += 1
        except (BlockingIOError, ssl.SSLWantReadError):
            pass
        except OSError:
            counts["closed early"] += 1
        connection.close()
    return counts


def half_open(options):
    """TLS handshakes that go no further than a client's first message."""
    hello = stranger.client_hello(stranger.client_context(options.ca))

    def open_one():
        connection = stranger.connect(options.port, options.source)
        connection.sendall(hello)
        return connection

    return hold(options, open_one)


def idle(options):
    """Connections that are ready for calls and make none."""
    context = stranger.client_context(options.ca)
    return hold(options, lambda: stranger.Stranger(options.port, context, options.source).tls)


def burn(options):
    """No attack: as much processor time as one took, at nobody's cost but this processor's."""
    share = options.share
    deadline = time.monotonic() + options.seconds
    while time.monotonic() < deadline:
        turn = time.monotonic()
        while time.monotonic() - turn < 0.02 * share:
            pass
        time.sleep(0.02 * (1 - share) + 1e-4)
    return {}


ATTACKS = {"check-ins": check_ins, "fetchers": fetchers, "half-open": half_open, "idle": idle, "burn": burn}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("attack", choices=ATTACKS)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--ca", default="")
    parser.add_argument("--source", default="127.0.0.1")
    parser.add_argument("--count", type=int, default=1 << 30)
    parser.add_argument("--callers", type=int, default=250, help="connections that check in")
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--share", type=float, default=0, help="of a processor, to burn")
    options = parser.parse_args()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    began = time.monotonic()
    counts = ATTACKS[options.attack](options)
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(json.dumps({"counts": counts, "seconds": time.monotonic() - began,
                      "cpu_seconds": used.ru_utime + used.ru_stime}))


if __name__ == "__main__":
    main()
