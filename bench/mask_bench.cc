// Expanding a mask and adding it to a vector of 100,000 parameters, beside the raw keystream of the same
// bytes: what a device does once per neighbour and the aggregator once per mask to remove.
#include <openssl/evp.h>

#include <memory>
#include <vector>

#include "side_by_side.h"
#include "sotto/base/check.h"
#include "sotto/secagg/ring.h"
#include "sotto/secagg/update.h"

namespace {

using sotto::crypto::Keystream;
using sotto::crypto::Prg;
using sotto::secagg::MaskSign;
using sotto::secagg::RingLayout;

constexpr std::size_t kParameters = 100'000;

struct CipherDeleter {
  void operator()(EVP_CIPHER* cipher) const { EVP_CIPHER_free(cipher); }
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};

// The cipher with nothing around it: one key, one call over the whole buffer, in place.
class RawKeystream {
 public:
  explicit RawKeystream(Prg prg)
      : cipher_(EVP_CIPHER_fetch(nullptr, prg == Prg::kChaCha20 ? "ChaCha20" : "AES-128-CTR", nullptr)),
        context_(EVP_CIPHER_CTX_new()) {
    SOTTO_CHECK(cipher_ != nullptr && context_ != nullptr);
    SOTTO_CHECK(EVP_EncryptInit_ex2(context_.get(), cipher_.get(), nullptr, nullptr, nullptr) == 1);
  }

  void run(const sotto::crypto::SecretBytes<32>& key, sotto::MutableBytes buffer) {
    const std::array<std::uint8_t, 16> start{};
    int written = 0;
    SOTTO_CHECK(EVP_EncryptInit_ex2(context_.get(), nullptr, key.reveal().data(), start.data(), nullptr) ==
                1);
    SOTTO_CHECK(EVP_EncryptUpdate(context_.get(), buffer.data(), &written, buffer.data(),
                                  static_cast<int>(buffer.size())) == 1);
  }

 private:
  std::unique_ptr<EVP_CIPHER, CipherDeleter> cipher_;
  std::unique_ptr<EVP_CIPHER_CTX, CipherDeleter> context_;
};

void mask(benchmark::State& state, Prg prg, std::size_t participants_max, MaskSign sign) {
  const RingLayout layout(participants_max, sotto::secagg::update_lanes(kParameters));
  sotto::crypto::SecretBytes<32> key;
  sotto::crypto::SystemRandom().fill(key.reveal_mutable());
  std::vector<std::uint8_t> ring(layout.byte_count());
  std::vector<std::uint8_t> buffer(layout.byte_count());
  Keystream stream(prg);
  RawKeystream raw(prg);
  sotto::bench::run_side_by_side(
      state, layout.byte_count(), [&] { raw.run(key, buffer); },
      [&] {
        stream.rekey(key);
        sotto::secagg::ring_apply_mask(layout, ring, stream, sign);
      });
}

BENCHMARK_CAPTURE(mask, chacha20_u16_lanes, Prg::kChaCha20, 257, MaskSign::kAdd)->UseManualTime();
BENCHMARK_CAPTURE(mask, chacha20_packed_words, Prg::kChaCha20, 1024, MaskSign::kAdd)->UseManualTime();
BENCHMARK_CAPTURE(mask, aes128_ctr_u16_lanes, Prg::kAes128Ctr, 257, MaskSign::kAdd)->UseManualTime();
BENCHMARK_CAPTURE(mask, aes128_ctr_packed_words, Prg::kAes128Ctr, 1024, MaskSign::kAdd)->UseManualTime();
BENCHMARK_CAPTURE(mask, aes128_ctr_u16_lanes_subtract, Prg::kAes128Ctr, 257, MaskSign::kSubtract)
    ->UseManualTime();

}  // namespace

int main(int argc, char** argv) {
  return sotto::bench::run_all(argc, argv, "raw EVP keystream of the same bytes");
}
