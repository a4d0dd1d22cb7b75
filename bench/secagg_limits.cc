#include "secagg_limits.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>

#include "side_by_side.h"
#include "sotto/base/check.h"

namespace sotto::bench {
namespace {

struct Deleter {
  void operator()(EVP_CIPHER* cipher) const { EVP_CIPHER_free(cipher); }
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(EVP_PKEY_CTX* context) const { EVP_PKEY_CTX_free(context); }
};
template <typename Object>
using Owned = std::unique_ptr<Object, Deleter>;

constexpr std::size_t kChunkBytes = 16 * 1024;
constexpr std::size_t kAgreementsMeasuredMax = 4000;

}  // namespace

double keystream_seconds(crypto::Prg prg, std::size_t streams, std::size_t bytes) {
  const Owned<EVP_CIPHER> cipher(
      EVP_CIPHER_fetch(nullptr, prg == crypto::Prg::kChaCha20 ? "ChaCha20" : "AES-128-CTR", nullptr));
  const Owned<EVP_CIPHER_CTX> context(EVP_CIPHER_CTX_new());
  SOTTO_CHECK(cipher != nullptr && context != nullptr);
  SOTTO_CHECK(EVP_EncryptInit_ex2(context.get(), cipher.get(), nullptr, nullptr, nullptr) == 1);
  std::array<std::uint8_t, 32> key{};
  const std::array<std::uint8_t, 16> start{};
  alignas(64) std::array<std::uint8_t, kChunkBytes> chunk{};
  return processor_seconds_of([&] {
    for (std::size_t stream = 0; stream < streams; ++stream) {
      std::memcpy(key.data(), &stream, sizeof stream);
      SOTTO_CHECK(EVP_EncryptInit_ex2(context.get(), nullptr, key.data(), start.data(), nullptr) == 1);
      for (std::size_t left = bytes; left > 0;) {
        const std::size_t count = std::min(left, chunk.size());
        int written = 0;
        SOTTO_CHECK(EVP_EncryptUpdate(context.get(), chunk.data(), &written, chunk.data(),
                                      static_cast<int>(count)) == 1);
        left -= count;
      }
    }
  });
}

double agreement_seconds(std::size_t count) {
  if (count == 0) return 0;
  const Owned<EVP_PKEY> own(EVP_PKEY_Q_keygen(nullptr, nullptr, "X25519"));
  const Owned<EVP_PKEY> peer(EVP_PKEY_Q_keygen(nullptr, nullptr, "X25519"));
  const Owned<EVP_PKEY_CTX> context(EVP_PKEY_CTX_new_from_pkey(nullptr, own.get(), nullptr));
  SOTTO_CHECK(own != nullptr && peer != nullptr && context != nullptr);
  SOTTO_CHECK(EVP_PKEY_derive_init(context.get()) == 1);
  SOTTO_CHECK(EVP_PKEY_derive_set_peer_ex(context.get(), peer.get(), 0) == 1);
  const std::size_t measured = std::min(count, kAgreementsMeasuredMax);
  std::array<std::uint8_t, crypto::kX25519Bytes> shared{};
  const double seconds = processor_seconds_of([&] {
    for (std::size_t i = 0; i < measured; ++i) {
      std::size_t written = shared.size();
      SOTTO_CHECK(EVP_PKEY_derive(context.get(), shared.data(), &written) == 1);
    }
  });
  return seconds * static_cast<double>(count) / static_cast<double>(measured);
}

double verification_seconds(std::size_t count) {
  if (count == 0) return 0;
  const Owned<EVP_PKEY> key(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "prime256v1"));
  const Owned<EVP_PKEY_CTX> context(EVP_PKEY_CTX_new_from_pkey(nullptr, key.get(), nullptr));
  SOTTO_CHECK(key != nullptr && context != nullptr && EVP_PKEY_sign_init(context.get()) == 1);
  const crypto::Digest digest{1};
  std::array<std::uint8_t, 80> signature{};
  std::size_t written = signature.size();
  SOTTO_CHECK(EVP_PKEY_sign(context.get(), signature.data(), &written, digest.data(), digest.size()) == 1);
  SOTTO_CHECK(EVP_PKEY_verify_init(context.get()) == 1);
  return processor_seconds_of([&] {
    for (std::size_t i = 0; i < count; ++i) {
      SOTTO_CHECK(EVP_PKEY_verify(context.get(), signature.data(), written, digest.data(), digest.size()) ==
                  1);
    }
  });
}

double addition_seconds(const std::vector<std::vector<std::uint8_t>>& vectors) {
  std::vector<std::uint64_t> sum(vectors.front().size() / 8);
  return processor_seconds_of([&] {
    for (const auto& vector : vectors) {
      std::uint64_t* __restrict const to = sum.data();
      const std::uint8_t* __restrict const from = vector.data();
      for (std::size_t i = 0; i < sum.size(); ++i) {
        std::uint64_t word = 0;
        std::memcpy(&word, from + 8 * i, sizeof word);
        to[i] += word;
      }
      benchmark::DoNotOptimize(to);
    }
  });
}

}  // namespace sotto::bench
