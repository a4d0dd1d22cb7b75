#!/usr/bin/env python3
"""Manifests that `sotto model` signs hold here, byte for byte, and it takes and refuses what is signed here.

test_manifest.py SOTTO [unittest argument...]
"""
import hashlib
import pathlib
import struct
import subprocess
import sys
import tempfile
import unittest

try:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec
except ImportError:
    sys.exit("manifest: the Python package 'cryptography' is missing; run scripts/install-dependencies "
             "(Debian: python3-cryptography)")

import sotto_manifest as cose
from sotto_primitives import SigningKey

SOTTO = None
MODEL = pathlib.Path(__file__).resolve().parents[1] / "device/operators/models/dense_no_bias.tflite"
FEATURES, OUTPUTS = 16, 5
CLASS, TASK = "m4-wearable", "activity"


def sotto(*arguments):
    return subprocess.run([SOTTO, *map(str, arguments)], capture_output=True, text=True, check=False)


def key_of(private_file):
    private = serialization.load_pem_private_key(private_file.read_bytes(), None)
    return SigningKey(private.private_numbers().private_value)


def public_file(path, key):
    point = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), key.public)
    path.write_bytes(point.public_bytes(serialization.Encoding.PEM,
                                        serialization.PublicFormat.SubjectPublicKeyInfo))
    return path


class Manifests(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.TemporaryDirectory()
        cls.folder = pathlib.Path(cls.scratch.name)
        cls.image, cls.secret, cls.public = (cls.folder / name for name in ("model.sotto", "owner-key.pem",
                                                                            "owner.pem"))
        cls.ok("image", "compile", MODEL, "-o", cls.image)
        cls.ok("model", "key", "--output", cls.secret, "--public-key", cls.public)
        cls.owner = key_of(cls.secret)
        cls.head_key = SigningKey(4711)
        cls.content = cls.image.read_bytes()
        cls.digest = hashlib.sha256(cls.content).digest()
        cls.arena, = struct.unpack_from("<I", cls.content, 48)
        cls.shape = {"base": cls.digest, "features": FEATURES, "outputs": OUTPUTS}

    @classmethod
    def tearDownClass(cls):
        cls.scratch.cleanup()

    @classmethod
    def ok(cls, *arguments):
        done = sotto(*arguments)
        if done.returncode != 0:
            raise AssertionError(f"{arguments}: {done.stderr}")
        return done.stdout

    def common(self):
        return {"sequence": 7, "device_class": CLASS, "task": TASK}

    def image_fields(self, **changes):
        return self.common() | {"size": len(self.content), "digest": self.digest, "runtime": 1,
                                "ram_bytes": self.arena} | changes

    def head_fields(self, values, **changes):
        return self.common() | {"size": len(values), "digest": hashlib.sha256(values).digest(),
                                "runtime": 1} | self.shape | changes

    def permission_fields(self, **changes):
        return self.common() | self.shape | {"head_key": self.head_key.public,
                                             "norm_max_milli": 2_000_000} | changes

    def verify(self, message, content=None, *more, device_class=CLASS, task=TASK):
        path = self.folder / "given.manifest"
        path.write_bytes(message)
        return sotto("model", "verify", content or self.image, "--manifest", path, "--class", device_class,
                     "--public-key", self.public, "--task", task, *more)

    def verify_head(self, message, permission, values):
        for name, content in (("permission", permission), ("head.f32", values)):
            (self.folder / name).write_bytes(content)
        return self.verify(message, self.folder / "head.f32", "--head-key", self.folder / "permission",
                           "--base", self.image)

    def assert_refused(self, done, why):
        self.assertEqual(done.returncode, 2, done.stdout + done.stderr)
        self.assertIn(why, done.stderr)

    def test_what_sotto_signs_holds_and_has_these_bytes(self):
        manifest = self.folder / "model.manifest"
        self.ok("model", "sign", self.image, "--task", TASK, "--class", CLASS, "--key", self.secret,
                "--sequence", 7, "--output", manifest)
        message = manifest.read_bytes()
        self.assertTrue(cose.holds(message, self.owner.public))
        self.assertEqual(cose.split(message)[0], cose.payload(cose.IMAGE, **self.image_fields()))
        self.assertEqual(self.verify(message).returncode, 0)

    def sign_with_inputs(self, inputs, *more):
        """(what was said, the file with the inputs, its manifest)"""
        (self.folder / "update").unlink(missing_ok=True)
        (self.folder / "update.manifest").unlink(missing_ok=True)
        given, update, manifest = (self.folder / name for name in ("in.bin", "update", "update.manifest"))
        given.write_bytes(inputs)
        done = sotto("model", "sign", self.image, "--task", TASK, "--class", CLASS, "--key", self.secret,
                     "--sequence", 7, "--output", manifest, "--self-test", given, "--update", update, *more)
        return done, update, manifest

    def test_reference_inputs_travel_behind_the_image_and_their_outputs_are_signed(self):
        inputs, outputs = (MODEL.with_suffix(end).read_bytes() for end in (".inputs", ".outputs"))
        for more in ((), ("--reference", MODEL)):
            done, update, manifest = self.sign_with_inputs(inputs, *more)
            self.assertEqual(done.returncode, 0, done.stderr)
            content = self.content + inputs
            self.assertEqual(update.read_bytes(), content)
            fields = self.image_fields(size=len(content), digest=hashlib.sha256(content).digest(),
                                       self_tests=len(inputs) // FEATURES,
                                       self_test_outputs=hashlib.sha256(outputs).digest())
            self.assertEqual(cose.split(manifest.read_bytes())[0], cose.payload(cose.IMAGE, **fields))
            self.assertEqual(self.verify(manifest.read_bytes(), update).returncode, 0)
        for why, changes in (("for its reference inputs", {"self_test_outputs": bytes(32)}),
                             ("for its reference inputs", {"self_tests": 3}),
                             ("no manifest", {"self_tests": 65}), ("no manifest", {"self_tests": 0})):
            with self.subTest(why, **changes):
                lie = cose.sign1(self.owner, cose.payload(cose.IMAGE, **fields | changes))
                self.assert_refused(self.verify(lie, update), why)

    def test_what_are_no_reference_inputs_is_refused(self):
        for inputs in (b"", bytes(FEATURES + 1), bytes(65 * FEATURES)):
            done, update, manifest = self.sign_with_inputs(inputs)
            self.assert_refused(done, f"1 to 64 times {FEATURES} bytes")
            self.assertFalse(update.exists() or manifest.exists())

    def test_what_sotto_delegates_and_its_heads_have_these_bytes(self):
        allowed = public_file(self.folder / "heads.pem", self.head_key)
        permission = self.folder / "heads.manifest"
        self.ok("model", "delegate", self.image, "--task", TASK, "--class", CLASS, "--key", self.secret,
                "--sequence", 7, "--head-key", allowed, "--norm-max", 2000, "--output", permission)
        self.assertTrue(cose.holds(permission.read_bytes(), self.owner.public))
        self.assertEqual(cose.split(permission.read_bytes())[0],
                         cose.payload(cose.HEAD_KEY, **self.permission_fields()))
        values = self.folder / "values.f32"
        values.write_bytes(bytes(4 * (FEATURES + 1) * OUTPUTS))
        head = self.folder / "values.manifest"
        self.ok("model", "sign", values, "--base", self.image, "--task", TASK, "--class", CLASS, "--key",
                self.secret, "--sequence", 7, "--output", head)
        self.assertEqual(cose.split(head.read_bytes())[0],
                         cose.payload(cose.HEAD, **self.head_fields(values.read_bytes())))

    def test_what_is_signed_here_is_taken(self):
        for expires in ({}, {"expires_at": 2**64 - 1}):
            for sequence in (1, 23, 24, 255, 256, 65_536, 2**32, 2**64 - 1):
                with self.subTest(sequence=sequence, **expires):
                    content = cose.payload(cose.IMAGE, **self.image_fields(sequence=sequence, **expires))
                    self.assertEqual(self.verify(cose.sign1(self.owner, content)).returncode, 0)

    def test_a_board_refuses_what_is_not_for_it(self):
        cases = [("another class", {}, {"device_class": "m55-door"}), ("another task", {}, {"task": "keys"}),
                 ("higher one was taken", {"sequence": 6}, {}), ("expired", {"expires_at": 1}, {}),
                 ("newer runtime", {"runtime": 2}, {}),
                 ("ends early", {"size": len(self.content) + 1}, {}),
                 ("not those that were signed", {"digest": bytes(32)}, {})]
        for why, changes, board in cases:
            with self.subTest(why):
                content = cose.payload(cose.IMAGE, **self.image_fields(**changes))
                self.assert_refused(self.verify(cose.sign1(self.owner, content), None, "--sequence", 6,
                                                **board), why)
        sound = cose.sign1(self.owner, cose.payload(cose.IMAGE, **self.image_fields()))
        for why, *small in (("larger than the slot", "--slot-bytes", len(self.content) - 1),
                            ("larger arena", "--ram-bytes", self.arena - 1)):
            with self.subTest(why):
                self.assert_refused(self.verify(sound, None, *small), why)

    def test_what_is_no_manifest_of_the_owner_is_refused(self):
        content = cose.payload(cose.IMAGE, **self.image_fields())
        sound = cose.sign1(self.owner, content)
        unsigned = cose.cbor(cose.Tagged(18, [cose.PROTECTED, {}, content, b""]))
        cases = [("another key signed it", cose.sign1(self.head_key, content)),
                 ("no signature", content), ("no signature", unsigned), ("ends early", sound[:-1]),
                 ("ends early", b""), ("no manifest", sound + b"\0"), ("no manifest", b"\xff" * 40)]
        for why, message in cases:
            with self.subTest(why):
                self.assert_refused(self.verify(message), why)

    def test_signed_payloads_of_another_form_are_refused(self):
        content = cose.payload(cose.IMAGE, **self.image_fields())
        long_key = content[:1] + b"\x18" + content[1:]  # key 1 in two bytes
        twice = bytes([content[0] + 1]) + content[1:3] + content[1:]  # key 1 twice
        unknown = bytes([content[0] + 1]) + content + cose.cbor(24) + cose.cbor(1)
        endless = b"\xbf" + content[1:] + b"\xff"
        fields = self.image_fields()
        cases = [long_key, twice, unknown, endless, content + b"\0", content[:-1], b"",
                 cose.payload(cose.IMAGE, **fields | {"sequence": 0}),
                 cose.payload(cose.IMAGE, **fields | {"size": 2**32}),
                 cose.payload(cose.IMAGE, **fields | {"size": -1}),
                 cose.payload(cose.IMAGE, **fields | {"task": "x" * 65}),
                 cose.payload(cose.IMAGE, **fields | {"task": "a b"}),
                 cose.payload(cose.IMAGE, **fields | {"digest": bytes(31)}),
                 cose.payload(cose.IMAGE, **fields | {"expires_at": 0}),
                 cose.payload(cose.HEAD, **fields), cose.payload(4, **fields)]
        cases += [cose.payload(cose.IMAGE, **{name: value for name, value in fields.items() if name != left})
                  for left in fields]
        for number, case in enumerate(cases):
            with self.subTest(number):
                self.assert_refused(self.verify(cose.sign1(self.owner, case)), "no manifest")

    def test_a_head_key_signs_heads_of_its_image_only(self):
        values = bytes(4 * (FEATURES + 1) * OUTPUTS)

        def played(permission=None, head=None, key=None, signer=None, content=values):
            allowed = cose.payload(cose.HEAD_KEY, **self.permission_fields(**permission or {}))
            update = cose.payload(cose.HEAD, **self.head_fields(content, **head or {}))
            return self.verify_head(cose.sign1(key or self.head_key, update),
                                    cose.sign1(signer or self.owner, allowed), content)

        self.assertEqual(played().returncode, 0)
        far = struct.pack("<f", 3000.0) + values[4:]
        no_number = struct.pack("<f", float("nan")) + values[4:]
        for why, done in (("another image", played(permission={"base": bytes(32)})),
                          ("another image", played(head={"base": bytes(32)})),
                          ("other features", played(permission={"outputs": OUTPUTS + 1})),
                          ("another key signed it", played(key=self.owner)),
                          ("another key signed it", played(signer=self.head_key)),
                          ("further from", played(content=far)), ("no number", played(content=no_number)),
                          ("expired", played(permission={"expires_at": 1})),
                          ("another class", played(head={"device_class": "m55-door"}))):
            with self.subTest(why):
                self.assert_refused(done, why)
        image = cose.sign1(self.head_key, cose.payload(cose.IMAGE, **self.image_fields()))
        self.assert_refused(self.verify(image), "another key signed it")

    def test_a_key_is_never_written_over(self):
        self.assert_refused(sotto("model", "key", "--output", self.secret, "--public-key",
                                  self.folder / "other.pem"), "exists")
        self.assertFalse((self.folder / "other.pem").exists())
        self.assertEqual(self.secret.stat().st_mode & 0o777, 0o600)


if __name__ == "__main__":
    SOTTO = sys.argv.pop(1)
    unittest.main()
