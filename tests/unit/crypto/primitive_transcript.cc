// primitive_transcript write|check FILE: what every primitive makes of random inputs of every length,
// through the one interface, so that what one backend writes another can check. Bytes must be equal;
// signatures, whose nonces differ, must verify, and must not once a bit of theirs, of the key or of the
// message is changed.
#include <cstdio>
#include <fstream>
#include <iterator>
#include <string_view>
#include <vector>

#include "sotto/base/check.h"
#include "sotto/crypto/hpke.h"
#include "sotto/crypto/primitives.h"

namespace sotto::crypto {
namespace {

constexpr std::uint64_t kCases = 150;

using Message = std::vector<std::uint8_t>;

// What a case is made of; the same for every backend.
class Inputs {
 public:
  explicit Inputs(std::uint64_t number) : random_(number) {}

  // Up to `most` bytes, of every length up to 130 sooner or later.
  Message message(std::size_t most = 700) {
    Message bytes(random_.below(2) == 0 ? random_.below(131) : random_.below(most + 1));
    random_.fill(bytes);
    return bytes;
  }
  template <std::size_t Count>
  void secret(SecretBytes<Count>& out) {
    random_.fill(out.reveal_mutable());
  }
  template <std::size_t Count>
  std::array<std::uint8_t, Count> bytes() {
    std::array<std::uint8_t, Count> out;
    random_.fill(out);
    return out;
  }
  std::uint64_t below(std::uint64_t bound) { return random_.below(bound); }
  Random& random() { return random_; }

 private:
  SeededRandom random_;
};

// Writes each output, or compares it with what was written.
class Transcript {
 public:
  explicit Transcript(Message written) : written_(std::move(written)), checks_(true) {}
  Transcript() = default;

  void same(const char* what, Bytes output) {
    if (!checks_) {
      written_.insert(written_.end(), output.begin(), output.end());
      return;
    }
    const Bytes expected = take(output.size());
    if (std::equal(output.begin(), output.end(), expected.begin(), expected.end())) return;
    std::fprintf(stderr, "%s differs between backends, case %llu\n", what,
                 static_cast<unsigned long long>(number));
    ++differences;
  }
  // The other backend's when there is one.
  Es256Signature signature(const Es256Signature& own) {
    Es256Signature theirs = own;
    if (checks_) {
      const Bytes bytes = take(own.size());
      std::copy(bytes.begin(), bytes.end(), theirs.begin());
    } else {
      same("signature", own);
    }
    return theirs;
  }
  [[nodiscard]] const Message& written() const { return written_; }
  [[nodiscard]] bool finished() const { return at_ == written_.size(); }

  std::uint64_t number = 0;  // of the case
  int differences = 0;

 private:
  Bytes take(std::size_t count) {
    SOTTO_CHECK(written_.size() - at_ >= count);  // otherwise another version's file
    at_ += count;
    return Bytes(written_).subspan(at_ - count, count);
  }

  Message written_;
  std::size_t at_ = 0;
  bool checks_ = false;
};

void digests(Inputs& inputs, Transcript& transcript) {
  const Message first = inputs.message();
  const Message second = inputs.message();
  transcript.same("SHA-256", sha256({first, second}));
  const auto key = inputs.bytes<40>();
  Message out(1 + inputs.below(200));
  hkdf_sha256({.input_key = key,
               .salt = first,
               .info = Bytes(second).first(std::min<std::size_t>(second.size(), 1000))},
              out);
  transcript.same("HKDF", out);
}

void agreements(Inputs& inputs, Transcript& transcript) {
  SecretBytes<kX25519Bytes> scalar;
  inputs.secret(scalar);
  const X25519PrivateKey key(scalar);
  transcript.same("X25519 public key", key.public_key());
  auto peer = inputs.bytes<kX25519Bytes>();
  // Also numbers that are above the field's, which have two encodings.
  if (inputs.below(4) == 0) std::fill(peer.begin() + 1, peer.end(), std::uint8_t{0xff});
  SecretBytes<kX25519Bytes> shared;
  const auto agreed = static_cast<std::uint8_t>(key.agree(peer, shared));
  transcript.same("X25519", shared.reveal());
  transcript.same("X25519's verdict", {&agreed, 1});
}

void sealed(Inputs& inputs, Transcript& transcript) {
  SecretBytes<kAeadKeyBytes> key;
  inputs.secret(key);
  const auto nonce = inputs.bytes<kAeadNonceBytes>();
  const Message associated = inputs.message();
  const Message plaintext = inputs.message();
  const AeadInput input{.key = key, .nonce = nonce, .associated_data = associated};
  Message out(plaintext.size() + kAeadTagBytes);
  aead_seal(input, plaintext, out);
  transcript.same("ChaCha20-Poly1305", out);
  Message opened(plaintext.size());
  SOTTO_CHECK(aead_open(input, out, opened) && opened == plaintext);
  out[inputs.below(out.size())] ^= static_cast<std::uint8_t>(1u << inputs.below(8));
  SOTTO_CHECK(!aead_open(input, out, opened));
}

void keystreams(Inputs& inputs, Transcript& transcript) {
  for (const Prg prg : {Prg::kChaCha20, Prg::kAes128Ctr}) {
    Keystream stream(prg);
    SecretBytes<kPrgKeyBytes> key;
    inputs.secret(key);
    // Now and then where a counter of 32 bits wraps.
    const std::uint64_t wrap = (std::uint64_t{1} << 36) - 64;
    const std::uint64_t offset = inputs.below(3) == 0 ? wrap : inputs.below(1 << 20) * 64;
    stream.rekey(key, offset);
    for (int i = 0; i < 4; ++i) {
      Message out(inputs.message(2000).size());
      stream.read(out);
      transcript.same(prg == Prg::kChaCha20 ? "ChaCha20" : "AES-128-CTR", out);
    }
  }
}

void hpke(Inputs& inputs, Transcript& transcript) {
  SecretBytes<kX25519Bytes> scalar;
  inputs.secret(scalar);
  const X25519PrivateKey recipient(scalar);
  const Message info = inputs.message();
  const Message plaintext = inputs.message();
  Message out(plaintext.size() + kHpkeOverheadBytes);
  SOTTO_CHECK(hpke_seal(recipient.public_key(), {.info = info, .associated_data = {}}, plaintext,
                        inputs.random(), out));
  transcript.same("HPKE", out);
}

void signatures(Inputs& inputs, Transcript& transcript) {
  SecretBytes<kEs256ScalarBytes> scalar;
  inputs.secret(scalar);
  const auto key = Es256PrivateKey::from_scalar(scalar);
  SOTTO_CHECK(key.has_value());
  transcript.same("P-256 public key", key->public_key());
  const Message message = inputs.message();
  const Es256Signature signature = transcript.signature(key->sign(message));
  Es256Signature changed = signature;
  changed[inputs.below(changed.size())] ^= static_cast<std::uint8_t>(1u << inputs.below(8));
  Es256PublicKey another = key->public_key();
  another[1 + inputs.below(another.size() - 1)] ^= static_cast<std::uint8_t>(1u << inputs.below(8));
  Message longer = message;
  longer.push_back(0);
  Es256Verifier verifier;
  const bool right = verifier.verify(key->public_key(), message, signature) &&
                     !verifier.verify(key->public_key(), message, changed) &&
                     !verifier.verify(another, message, signature) &&
                     !verifier.verify(key->public_key(), longer, signature);
  if (!right) {
    std::fprintf(stderr, "a signature is judged wrongly, case %llu\n",
                 static_cast<unsigned long long>(transcript.number));
    ++transcript.differences;
  }
}

void run(Transcript& transcript) {
  for (transcript.number = 0; transcript.number < kCases; ++transcript.number) {
    Inputs inputs(transcript.number);
    digests(inputs, transcript);
    agreements(inputs, transcript);
    sealed(inputs, transcript);
    keystreams(inputs, transcript);
    hpke(inputs, transcript);
    signatures(inputs, transcript);
  }
}

Message read_file(const char* path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

int write(const char* path) {
  Transcript transcript;
  run(transcript);
  std::ofstream file(path, std::ios::binary);
  file.write(reinterpret_cast<const char*>(transcript.written().data()),
             static_cast<std::streamsize>(transcript.written().size()));
  return file.flush().good() && transcript.differences == 0 ? 0 : 1;
}

int check(const char* path) {
  Transcript transcript(read_file(path));
  run(transcript);
  return transcript.finished() && transcript.differences == 0 ? 0 : 1;
}

}  // namespace
}  // namespace sotto::crypto

int main(int argc, char** argv) {
  const std::string_view act = argc == 3 ? argv[1] : "";
  if (act == "write") return sotto::crypto::write(argv[2]);
  if (act == "check") return sotto::crypto::check(argv[2]);
  std::fprintf(stderr, "usage: primitive_transcript write|check FILE\n");
  return 2;
}
