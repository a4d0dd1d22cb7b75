"""What devices' ledgers promise, with real processes: budgets, the owner's stop, a database set back."""

import json
import shutil
import unittest

from sotto_process import Coordinator, FleetTest, run, run_ok, wait_until


class Ledger(FleetTest):
    def show(self, coordinator):
        return coordinator.admin("task", "show", "activity")

    def ledger(self, name, *options):
        return json.loads(run_ok("device", "ledger", self.folder / f"{name}.pem.ledger", "--json", *options))

    def start_anew(self, coordinator, devices):
        for device in devices:
            device.end()
        return self.fleet(coordinator)

    def test_devices_stop_at_their_budget_also_after_a_restart_and_the_operator_is_told(self):
        budget = ("--vectors-per-task", 2)
        with Coordinator(self.folder / "coordinator") as coordinator:
            self.create_task(coordinator)
            devices = self.fleet(coordinator, budget)
            wait_until(lambda: self.show(coordinator)["spent_devices"] == 3, what="three spent devices")
            self.assertEqual(self.show(coordinator)["rounds_committed"], 2)
            for i, device in enumerate(devices):
                self.assertIn("2 vectors of this device have left for task 1, as many as its owner allows",
                              device.log_text())
                self.assertEqual(self.ledger(f"device-{i}")["vectors"], 2)
                device.end()
            shown = run_ok("task", "show", "activity", "--data-dir", coordinator.data_dir)
            self.assertIn("3: their ledgers let no vector leave", shown)
        with Coordinator(self.folder / "coordinator", port=coordinator.port) as again:
            devices = self.fleet(again, budget)
            wait_until(lambda: self.show(again)["spent_devices"] == 3, what="three spent devices")
            self.assertEqual(self.show(again)["rounds_committed"], 2)
            for device in devices:
                device.end()
        with Coordinator(self.folder / "coordinator", port=coordinator.port) as third:
            self.fleet(third, ("--vectors-per-task", 1000))  # their owners allow more
            wait_until(lambda: self.show(third)["rounds_committed"] >= 3, what="another round")
            self.assertGreater(third.admin("round", "list", "activity")[0]["round"], 64,
                               "no number of an earlier run is used again")

    def test_an_owner_sees_what_left_and_stops_a_running_device(self):
        with Coordinator(self.folder / "coordinator") as coordinator:
            self.create_task(coordinator)
            devices = self.fleet(coordinator)
            wait_until(lambda: self.show(coordinator)["rounds_committed"] >= 2, what="two rounds")
            self.assertTrue(self.ledger("device-0", "--stop")["stopped"])
            wait_until(lambda: "this device's owner has stopped it" in devices[0].log_text(),
                       what="the device to say so")
            wait_until(lambda: self.show(coordinator)["spent_devices"] == 1, what="the operator to be told")
            left = self.ledger("device-0")
            self.assertGreaterEqual(left["vectors"], 2)
            self.assertEqual(left["tasks"][0]["vectors"], left["vectors"])
            table = run_ok("device", "ledger", self.folder / "device-0.pem.ledger")
            self.assertIn("stopped by its owner: nothing leaves", table)
            self.assertFalse(self.ledger("device-0", "--allow")["stopped"])
            self.assertEqual(self.ledger("device-0")["vectors"], left["vectors"], "nothing left in between")

    def test_a_database_that_was_set_back_is_noticed_and_a_raised_epoch_shuts_nobody_out(self):
        data_dir = self.folder / "coordinator"
        coordinator = Coordinator(data_dir).start()
        self.create_task(coordinator)
        self.assertEqual(coordinator.end(), 0)
        kept = self.folder / "kept"
        kept.mkdir()
        for name in ("sotto.db", "sotto.db.step"):
            shutil.copy(data_dir / name, kept)
        coordinator = Coordinator(data_dir, port=coordinator.port).start()
        devices = self.fleet(coordinator)
        wait_until(lambda: self.show(coordinator)["rounds_committed"] >= 2, what="two rounds")
        self.assertEqual(coordinator.end(), 0)
        shutil.copy(kept / "sotto.db", data_dir)
        alone = run("serve", "--local-authority", "--data-dir", data_dir, "--listen", "127.0.0.1:0")
        self.assert_refused(alone, 1, "was set back", "--accept-older-store")
        shutil.copy(kept / "sotto.db.step", data_dir)  # with it, the coordinator itself cannot know

        with Coordinator(data_dir, port=coordinator.port) as set_back:
            wait_until(lambda: "restart the coordinator with --raise-epoch" in set_back.log_text(),
                       timeout=90, what="the coordinator to notice")
            self.assertEqual(self.show(set_back)["rounds_committed"], 0)
            self.assertIn("which this device has taken part in: an old plan, or a coordinator whose database "
                          "was set back", "".join(device.log_text() for device in devices))
        # Their wait is half a minute after a refused plan, unless somebody starts them anew.
        with Coordinator(data_dir, port=coordinator.port, extra=["--raise-epoch"]) as raised:
            devices = self.start_anew(raised, devices)
            wait_until(lambda: "version 0 of the model is issued again as version 1" in raised.log_text(),
                       what="a model that these devices have not sent vectors for")
            self.start_anew(raised, devices)
            wait_until(lambda: self.show(raised)["rounds_committed"] >= 2,
                       what="rounds of the new epoch, by the same devices")
            self.assertEqual(raised.admin("round", "list", "activity")[0]["round"] >> 40, 1)

    def test_a_damaged_ledger_is_refused_and_never_replaced(self):
        with Coordinator(self.folder / "coordinator") as coordinator:
            self.create_task(coordinator)
            coordinator.enroll("device-0")
            file = self.folder / "device-0.pem.ledger"
            file.write_bytes(b"not a ledger, though it is long enough to be looked at as one: " + bytes(100))
            device = self.fleet(coordinator)[0]
            self.assertEqual(device.process.wait(timeout=30), 1)
            self.assertIn("This device takes part in nothing until its owner", device.log_text())
            self.assertTrue(file.read_bytes().startswith(b"not a ledger"))
            self.assertEqual(run("device", "ledger", file).returncode, 1)


if __name__ == "__main__":
    unittest.main()
