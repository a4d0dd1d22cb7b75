"""A coordinator that finds a file of its data directory damaged, missing or set back."""

import unittest

import damaged_starts
from sotto_process import SystemTest


def a_few(file, damages):
    """Those of which each is a kind of its own, for the files that hold most."""
    if file.name not in ("sotto.db", "sotto.db-wal", "coordinator-key.pem", "ca.pem", "register.txt"):
        return []
    wanted = [d for d in damages if d.name in ("deleted", "emptied", "replaced by an older copy")]
    return wanted + [d for d in damages if d not in wanted][:2]


class DamagedStarts(SystemTest):
    def test_a_start_is_refused_with_a_sentence_or_loses_nothing(self):
        count, faults = damaged_starts.starts(damaged_starts.small_kinds(self.folder), 5, self.folder, a_few)
        self.assertGreaterEqual(count, 20)
        self.assertEqual(faults, [], "\n".join(faults))


if __name__ == "__main__":
    unittest.main()
