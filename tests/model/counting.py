"""The split view at real sizes against sessions without the consistency step, as a flow problem.

The victim u was shown the alive set A. Its self seed opens when its honest neighbours are told that it
survived. Every honest neighbour v in A must have its mask seed opened: t shares, c_v of them from its corrupt
neighbours, each other one from an honest neighbour of v that is told v is missing. An honest device can be
told at most k - t missing ones, and u itself is asked nothing. So an attack with this A exists exactly when a
flow fills t - c_v at every v.
"""
import graphs


def corrupt_near(near, corrupt, v) -> int:
    return sum(1 for j in near[v] if j in corrupt)


def fills(near, corrupt, t, k, victim, alive) -> bool:
    targets = {v: max(0, t - corrupt_near(near, corrupt, v)) for v in alive if v not in corrupt}
    told_missing = {}  # supplier -> the targets that it is told are missing

    def place(v, seen) -> bool:
        for i in near[v]:
            if i in corrupt or i == victim or i in seen or v in told_missing.get(i, ()):
                continue
            seen.add(i)
            named = told_missing.setdefault(i, set())
            if len(named) < k - t:
                named.add(v)
                return True
            for other in list(named):
                named.discard(other)
                named.add(v)
                if place(other, seen):
                    return True
                named.discard(v)
                named.add(other)
        return False

    return all(place(v, set()) for v, shares in targets.items() for _ in range(shares))


def alive_sets(near, corrupt, t, victim, n):
    """Shapes of the smallest alive set that u accepts:
    its corrupt neighbours, and honest ones near, far or on one side."""
    inside = [v for v in near[victim] if v in corrupt]
    honest = [v for v in near[victim] if v not in corrupt]
    distance = {v: min((v - victim) % n, (victim - v) % n) for v in honest}
    wanted = max(0, t - len(inside))
    for order in (lambda v: distance[v], lambda v: -distance[v], lambda v: (v - victim) % n):
        yield inside + sorted(honest, key=order)[:wanted]


def split_view(n: int, k: int, t: int, corrupt: set, victim: int = 0) -> bool:
    """Whether one of the shapes above lets the coordinator read the victim's vector. The mask kinds
    stay apart meanwhile."""
    near = graphs.neighbours(n, k)
    assert victim not in corrupt and 2 * t > k + corrupt_near(near, corrupt, victim)
    return any(fills(near, corrupt, t, k, victim, alive) for alive in alive_sets(near, corrupt, t, victim, n))
