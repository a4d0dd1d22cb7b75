// Raw keystream of ChaCha20 (RFC 8439 section 2.3) and AES-128-CTR (SP 800-38A section 6.5).
#include <algorithm>

#include "openssl/owners.h"
#include "sotto/base/check.h"
#include "sotto/crypto/primitives.h"

namespace sotto::crypto {
namespace {

// Both ciphers' EVP "IV": ChaCha20 puts a 32-bit counter before its nonce.
constexpr std::size_t kCounterBlockBytes = 16;
using CounterBlock = std::array<std::uint8_t, kCounterBlockBytes>;

// EVP only encrypts, so the keystream is the encryption of zeros. Half of a first-level cache.
alignas(64) constexpr std::array<std::uint8_t, 16 * 1024> kZeros{};

const EVP_CIPHER* cipher_method(Prg prg) {
  static EVP_CIPHER* const chacha20 = EVP_CIPHER_fetch(nullptr, "ChaCha20", nullptr);
  static EVP_CIPHER* const aes128_ctr = EVP_CIPHER_fetch(nullptr, "AES-128-CTR", nullptr);
  const EVP_CIPHER* const method = prg == Prg::kAes128Ctr ? aes128_ctr : chacha20;
  SOTTO_CHECK(method != nullptr);
  return method;
}

bool is_position(std::uint64_t byte_offset) {
  return byte_offset % 64 == 0 && byte_offset < std::uint64_t{1} << 38;
}

CounterBlock counter_block(Prg prg, std::uint64_t byte_offset) {
  CounterBlock block{};
  if (prg == Prg::kChaCha20) {
    store_le(block.data(), static_cast<std::uint32_t>(byte_offset / 64));
  } else {
    const std::uint64_t counter = byte_offset / 16;
    for (std::size_t i = 0; i < 8; ++i) block[15 - i] = static_cast<std::uint8_t>(counter >> (8 * i));
  }
  return block;
}

}  // namespace

Keystream::Keystream(Prg prg) : prg_(prg) {
  SOTTO_CHECK(prg == Prg::kChaCha20 || prg == Prg::kAes128Ctr);
  const auto& context = state_.create<evp::CipherContext>(EVP_CIPHER_CTX_new());
  SOTTO_CHECK(context != nullptr);
  SOTTO_CHECK(EVP_EncryptInit_ex2(context.get(), cipher_method(prg), nullptr, nullptr, nullptr) == 1);
}

// EVP wipes the key schedule.
Keystream::~Keystream() { state_.destroy<evp::CipherContext>(); }

void Keystream::rekey(const SecretBytes<kPrgKeyBytes>& key, std::uint64_t byte_offset) {
  SOTTO_CHECK(is_position(byte_offset));
  const CounterBlock start = counter_block(prg_, byte_offset);
  SOTTO_CHECK(EVP_EncryptInit_ex2(state_.get<evp::CipherContext>().get(), nullptr, key.reveal().data(),
                                  start.data(), nullptr) == 1);
  keyed_ = true;
}

void Keystream::read(MutableBytes out) {
  SOTTO_CHECK(keyed_);
  EVP_CIPHER_CTX* const context = state_.get<evp::CipherContext>().get();
  while (!out.empty()) {
    const std::size_t count = std::min(out.size(), kZeros.size());
    int written = 0;
    SOTTO_CHECK(EVP_EncryptUpdate(context, out.data(), &written, kZeros.data(), static_cast<int>(count)) ==
                1);
    out = out.subspan(count);
  }
}

void Keystream::seek(std::uint64_t byte_offset) {
  SOTTO_CHECK(keyed_);
  SOTTO_CHECK(is_position(byte_offset));
  const CounterBlock position = counter_block(prg_, byte_offset);
  SOTTO_CHECK(EVP_EncryptInit_ex2(state_.get<evp::CipherContext>().get(), nullptr, nullptr, position.data(),
                                  nullptr) == 1);
}

}  // namespace sotto::crypto
