"""Every file of a coordinator, a mask helper and a device damaged in 40 places each (label long)."""

import time
import unittest

import damaged_starts
from sotto_process import SystemTest

PLACES = 40
STARTS = 650


class AllDamagedStarts(SystemTest):
    def test_each_start_is_refused_with_a_sentence_or_loses_nothing(self):
        kinds = damaged_starts.fleet_kinds(self.folder)
        began = time.monotonic()
        count, faults = damaged_starts.starts(kinds, PLACES, self.folder)
        print(f"{count} damaged starts in {time.monotonic() - began:.0f} s, {len(faults)} at fault")
        self.assertGreaterEqual(count, STARTS)
        self.assertEqual(faults, [], "\n".join(faults))


if __name__ == "__main__":
    unittest.main()
