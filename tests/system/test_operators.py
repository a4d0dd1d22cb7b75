"""What operators do by mistake to what runs, and limits of the machine: a sentence and an exit code."""

import os
import resource
import signal
import struct
import subprocess
import threading
import time
import unittest

from sotto_process import (BINARY, Coordinator, FleetTest, MaskHelper, SystemTest, run, run_ok,
                           wait_until, write_task)

MIB = 1 << 20


class StoreInUse(SystemTest):
    """The database is moved, replaced or removed while a coordinator has it open."""

    def expect_end(self, coordinator):
        """By itself, soon, in words; returns what it rescued."""
        code = coordinator.process.wait(timeout=20)
        log = coordinator.log_text()
        self.assertEqual(code, 1, log)
        self.assertIn("was moved, replaced or removed while it is in use", log)
        rescued = sorted(coordinator.data_dir.glob("sotto.db.rescued-*"))
        self.assertEqual(len(rescued), 1, log)
        self.assertIn(str(rescued[0]), log)
        self.assertEqual(rescued[0].stat().st_mode & 0o777, 0o600)
        coordinator.log.close()
        return rescued[0]

    def test_a_running_coordinator_notices_and_loses_nothing(self):
        data = self.folder / "coordinator"
        for how in ("removed", "replaced"):
            with self.subTest(how=how):
                coordinator = Coordinator(data).start()
                coordinator.admin("task", "create", "--file", write_task(self.folder, name=f"task-{how}"))
                store = data / "sotto.db"
                if how == "removed":
                    store.unlink()
                else:
                    copy = self.folder / "copy.db"
                    copy.write_bytes(store.read_bytes())
                    os.replace(copy, store)
                rescued = self.expect_end(coordinator)
                for rest in ("sotto.db", "sotto.db-wal"):
                    (data / rest).unlink(missing_ok=True)
                rescued.rename(store)
                with Coordinator(data) as again:
                    names = [task["name"] for task in again.admin("task", "list")]
                    self.assertIn(f"task-{how}", names)
                    self.assertEqual(again.end(), 0)

    def test_a_file_that_is_put_back_before_anybody_looks_costs_nothing(self):
        with Coordinator(self.folder / "coordinator") as coordinator:
            store = coordinator.data_dir / "sotto.db"
            coordinator.process.send_signal(signal.SIGSTOP)
            store.rename(self.folder / "aside")
            (self.folder / "aside").rename(store)
            coordinator.process.send_signal(signal.SIGCONT)
            coordinator.admin("task", "create", "--file", write_task(self.folder))
            self.assertEqual(coordinator.end(), 0)


class Signals(FleetTest):
    def test_a_helper_with_nothing_under_way_ends_at_once(self):
        with Coordinator(self.folder / "coordinator") as coordinator:
            run_ok("helper", "init", "--data-dir", self.folder / "helper")
            helper = MaskHelper(self.folder / "helper", coordinator.authority / "authority.pem")
            helper.drain_seconds = 600
            helper.start()
            began = time.monotonic()
            helper.process.terminate()
            self.assertEqual(helper.process.wait(timeout=20), 0)
            self.assertLess(time.monotonic() - began, 5)
            helper.log.close()

    def test_a_second_signal_ends_a_coordinator_that_waits_for_open_calls(self):
        coordinator = Coordinator(self.folder / "coordinator", extra=["--drain-seconds", 600]).start()
        self.create_task(coordinator)
        device = self.fleet(coordinator, count=2)[0]  # two of three: both wait in open calls
        wait_until(lambda: [d["state"] for d in coordinator.admin("device", "list")] == ["joined"] * 2,
                   what="two devices that wait")
        coordinator.process.terminate()
        wait_until(lambda: "a second signal ends it at once" in coordinator.log_text(), what="the drain")
        coordinator.process.terminate()
        self.assertEqual(coordinator.process.wait(timeout=5), 4)
        coordinator.log.close()
        self.assertIsNone(device.process.poll())
        with Coordinator(self.folder / "coordinator") as again:
            self.assertEqual(again.end(), 0)


class Limits(SystemTest):
    def limited(self, *command, address_bytes):
        def limit():
            resource.setrlimit(resource.RLIMIT_AS, (address_bytes, address_bytes))

        return subprocess.run([BINARY, *map(str, command)], capture_output=True, text=True, timeout=60,
                              preexec_fn=limit)

    def test_threads_that_are_not_to_be_had_are_named_before_grpc_ends_the_process(self):
        data = self.folder / "coordinator"
        run_ok("helper", "init", "--data-dir", self.folder / "helper")
        run_ok("authority", "create", "--authority", self.folder / "authority")
        with Coordinator(data) as coordinator:
            for command in (("serve", "--data-dir", self.folder / "another", "--listen", "127.0.0.1:0",
                             "--local-authority"),
                            ("helper", "serve", "--data-dir", self.folder / "helper", "--listen",
                             "127.0.0.1:0", "--authority", self.folder / "authority" / "authority.pem"),
                            ("gateway", "--coordinator", coordinator.address, "--ca", coordinator.ca,
                             "--listen", "127.0.0.1:0"),
                            ("task", "list", "--data-dir", data)):
                with self.subTest(command=command[0]):
                    done = self.limited(*command, address_bytes=120 * MIB)
                    self.assert_refused(done, 1, "more threads", "ulimit -u")
            self.assertFalse((self.folder / "another").exists(), "nothing is made by a start that fails")
            self.assertEqual(coordinator.end(), 0)


class Uploads(SystemTest):
    def test_two_operators_upload_one_initial_model_at_once(self):
        parameters = 2_000_000
        initial = self.folder / "initial.bin"
        initial.write_bytes(struct.pack("<f", 0.5) * parameters)
        with Coordinator(self.folder / "coordinator") as coordinator:
            files = [self.folder / f"{name}.toml" for name in ("one", "two")]
            own = ("name", "features", "classes", "architecture", "hidden", "parameters")
            text = run_ok("task", "example")
            for file in files:
                custom = "\n".join(line for line in text.splitlines()
                                   if line.split("=")[0].strip() not in own)
                custom = f'name = "{file.stem}"\n' + custom.replace(
                    "[model]", '[model]\narchitecture = "custom"\nparameters = '
                    f'{parameters}\nname = "{file.stem}-model"\nfeatures = 0\nclasses = 0')
                file.write_text(custom)
            done = {}

            def create(file):
                done[file.stem] = run("task", "create", "--file", file, "--initial", initial, "--data-dir",
                                      coordinator.data_dir)

            threads = [threading.Thread(target=create, args=(file,)) for file in files]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            for name in ("one", "two"):
                self.assertEqual(done[name].returncode, 0, done[name].stderr)
            self.assertEqual({t["name"] for t in coordinator.admin("task", "list")}, {"one", "two"})
            self.assertEqual(coordinator.end(), 0)


class CommandLine(SystemTest):
    def test_what_is_no_text_is_refused_with_its_argument(self):
        for arguments, name in (((b"task", b"pause", b"x", b"--reason", b"\xff\xfe"), "--reason"),
                                ((b"task", b"pause", b"x", b"--reason=\xc3("), "--reason"),
                                ((b"task", b"pause", b"\xed\xa0\x80"), "argument 3"),
                                ((b"t\xffsk",), "argument 1")):
            with self.subTest(arguments=arguments):
                done = subprocess.run([BINARY, *arguments], capture_output=True, timeout=20)
                self.assertEqual(done.returncode, 2)
                said = done.stderr.decode("utf-8")
                self.assertIn(f"sotto: error: {name}: ", said)
                self.assertIn("UTF-8", said)
        environment = dict(os.environb) | {b"SOTTO_SERVE_NAME": b"\xff"}
        done = subprocess.run([BINARY, "serve", "--listen", "127.0.0.1:0", "--data-dir",
                               self.folder / "none"], capture_output=True, timeout=20, env=environment)
        self.assertEqual(done.returncode, 2)
        self.assertIn(b"UTF-8", done.stderr)

    def test_marks_that_turn_or_hide_text_do_not_reach_a_terminal(self):
        for code in (0x61C, 0x200B, 0x200F, 0x202A, 0x202E, 0x2060, 0x2069, 0xFEFF, 0xAD, 0xE0041):
            name = f"a{chr(code)}b"
            done = run("restore", "--from", name, "--check")
            self.assertEqual(done.returncode, 2)
            self.assertNotIn(chr(code), done.stderr, hex(code))
            self.assertIn("".join(f"\\x{byte:02x}" for byte in chr(code).encode()), done.stderr)
        done = run("restore", "--from", "größe-日本", "--check")
        self.assertIn("größe-日本", done.stderr)

    def test_usage_errors_name_the_command_and_where_there_is_more(self):
        for arguments, words in (
                (("task", "create"), ("task create: ", "--file", "see `sotto task create --help`")),
                (("task",), ("task: ", "see `sotto task --help`")),
                (("model", "rollback", "x"), ("model rollback: ", "see `sotto model rollback --help`")),
                (("serve", "--no-such"), ("serve: ", "--no-such", "see `sotto serve --help`")),
                (("serve", "--threads", "many"), ("serve: ", "--threads", "see `sotto serve --help`")),
                ((), ("see `sotto --help`",)),
                (("backup", "--to", "", "--data-dir", self.folder), ("--to is empty",))):
            with self.subTest(arguments=arguments):
                self.assert_refused(run(*arguments), 2, *words)

    def test_another_kind_of_file_is_called_so(self):
        authority, device = self.folder / "authority", self.folder / "kitchen.pem"
        run_ok("authority", "create", "--authority", authority)
        run_ok("authority", "enroll", "kitchen", "--authority", authority, "-o", device)
        with Coordinator(self.folder / "coordinator") as coordinator:
            examples = self.folder / "examples"
            examples.mkdir()
            base = ("device", "run", "--coordinator", coordinator.address, "--ca", coordinator.ca, "--id",
                    "a", "--population", "wearables", "--data")
            run_ok("dataset", "export", "motion", self.folder / "motion", "--devices", 3)
            data = sorted(p for p in (self.folder / "motion").iterdir() if (p / "x.npy").exists())[0]
            for option, file, words in (
                    ("--identity", coordinator.ca, "is a certificate, not the identity of a device"),
                    ("--identity", authority / "authority.pem", "is a public key, not the identity")):
                done = run(*base, data, option, file)
                self.assertNotEqual(done.returncode, 0)
                self.assertIn(words, done.stderr)
                self.assertNotIn("backup", done.stderr)
            done = run(*base, self.folder / "nowhere")
            self.assert_refused(done, 2, "nowhere", "check the path")
            done = run(*base, examples)
            self.assert_refused(done, 1, "x.npy", "dataset export")
            done = run("serve", "--authority", device, "--data-dir", self.folder / "b", "--listen",
                       "127.0.0.1:0", "--plan-endorsement", coordinator.ca)
            self.assertIn("is a certificate, not", done.stderr)
            self.assertEqual(coordinator.end(), 0)

    def test_a_device_says_its_last_error_once_and_without_nesting(self):
        run_ok("dataset", "export", "motion", self.folder / "motion", "--devices", 3)
        data = sorted(p for p in (self.folder / "motion").iterdir() if (p / "x.npy").exists())[0]
        with Coordinator(self.folder / "coordinator") as coordinator:
            with Coordinator(self.folder / "another") as another:
                done = run("device", "run", "--coordinator", coordinator.address, "--ca", another.ca, "--id",
                           "a", "--population", "wearables", "--data", data, "--quiet")
                self.assertEqual((done.stdout + done.stderr).count("signed by another CA"), 1,
                                 done.stdout + done.stderr)
                address, ca = coordinator.address, self.folder / "ca.pem"
                ca.write_bytes(coordinator.ca.read_bytes())
                self.assertEqual((another.end(), coordinator.end()), (0, 0))
        device = subprocess.Popen([BINARY, "device", "run", "--coordinator", address, "--ca", ca, "--id", "a",
                                   "--population", "wearables", "--data", data, "--quiet"],
                                  stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        first = device.stderr.readline()
        device.terminate()
        device.communicate(timeout=20)
        self.assertIn("cannot reach the coordinator at " + address, first)
        self.assertIn("Connection refused", first)
        for nested in ("last error", "UNKNOWN", "ipv4:"):
            self.assertNotIn(nested, first)
        self.assertEqual(first.count(address), 1, first)


if __name__ == "__main__":
    unittest.main()
