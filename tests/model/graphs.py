"""The graphs of PROTOCOL.md section 6.4, over positions instead of participant numbers:
the permutation only renames.
"""


def neighbours(n: int, k: int) -> list[list[int]]:
    """Complete when k = n - 1, else positions p - k/2 .. p + k/2."""
    if k == n - 1:
        return [[j for j in range(n) if j != i] for i in range(n)]
    assert k % 2 == 0 and 2 <= k < n - 1, f"no circulant of {n} positions with {k} neighbours"
    return [sorted((i + step) % n for step in range(-k // 2, k // 2 + 1) if step) for i in range(n)]


def threshold(k: int, corrupt: int) -> int:
    """What keeps the two kinds of seed apart: the smallest t with 2t > k + corrupt."""
    return (k + corrupt) // 2 + 1


def built_threshold(k: int, corrupt: int) -> int:
    """The one of PROTOCOL.md section 6.13:
    the smallest t with 2t >= k + corrupt + 2. As many signatures are verified."""
    return (k + corrupt + 1) // 2 + 1
