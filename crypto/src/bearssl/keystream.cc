// Raw keystream of ChaCha20 (RFC 8439 section 2.3) and AES-128-CTR (SP 800-38A section 6.5).
#include <bearssl.h>

#include <algorithm>

#include "sotto/base/check.h"
#include "sotto/crypto/primitives.h"

namespace sotto::crypto {
namespace {

constexpr std::size_t kUnitBytes = 64;  // a block of ChaCha20, four of AES
constexpr std::size_t kNonceBytes = 12;
constexpr std::uint64_t kStreamBytesMax = std::uint64_t{1} << 38;

// An AES key is expanded again for every call: its schedule would take more room than everything else.
struct Stream {
  SecretBytes<kPrgKeyBytes> key;
  SecretBytes<kUnitBytes> unit;  // the one in which the last read ended
  std::uint64_t offset = 0;      // of the next byte
};

bool is_position(std::uint64_t byte_offset) {
  return byte_offset % kUnitBytes == 0 && byte_offset < kStreamBytesMax;
}

void aes_units(const Stream& stream, std::uint64_t offset, MutableBytes out) {
  constexpr std::size_t kBlockBytes = br_aes_ct_BLOCK_SIZE;
  br_aes_ct_ctr_keys schedule;
  br_aes_ct_ctr_init(&schedule, stream.key.reveal().data(), 16);
  while (!out.empty()) {
    // BearSSL counts in 32 bits; the rest of the counter is what it takes for a nonce.
    const std::uint64_t block = offset / kBlockBytes;
    std::array<std::uint8_t, kNonceBytes> nonce{};
    for (std::size_t i = 0; i < 4; ++i) nonce[11 - i] = static_cast<std::uint8_t>(block >> (32 + 8 * i));
    const std::uint64_t until_wrap = ((std::uint64_t{1} << 32) - (block & UINT32_MAX)) * kBlockBytes;
    const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(out.size(), until_wrap));
    br_aes_ct_ctr_run(&schedule, nonce.data(), static_cast<std::uint32_t>(block), out.data(), count);
    offset += count;
    out = out.subspan(count);
  }
  wipe({reinterpret_cast<std::uint8_t*>(&schedule), sizeof schedule});
}

// Whole units of the stream from `offset`, a multiple of their size, on. Ciphers encrypt; the stream is the
// encryption of zeros.
void write_units(Prg prg, const Stream& stream, std::uint64_t offset, MutableBytes out) {
  std::fill(out.begin(), out.end(), std::uint8_t{0});
  if (prg == Prg::kAes128Ctr) return aes_units(stream, offset, out);
  constexpr std::array<std::uint8_t, kNonceBytes> kNonce{};
  br_chacha20_ct_run(stream.key.reveal().data(), kNonce.data(),
                     static_cast<std::uint32_t>(offset / kUnitBytes), out.data(), out.size());
}

}  // namespace

Keystream::Keystream(Prg prg) : prg_(prg) {
  SOTTO_CHECK(prg == Prg::kChaCha20 || prg == Prg::kAes128Ctr);
  state_.create<Stream>();
}

Keystream::~Keystream() { state_.destroy<Stream>(); }

void Keystream::rekey(const SecretBytes<kPrgKeyBytes>& key, std::uint64_t byte_offset) {
  SOTTO_CHECK(is_position(byte_offset));
  auto& stream = state_.get<Stream>();
  std::copy(key.reveal().begin(), key.reveal().end(), stream.key.reveal_mutable().begin());
  stream.offset = byte_offset;
  keyed_ = true;
}

void Keystream::seek(std::uint64_t byte_offset) {
  SOTTO_CHECK(keyed_);
  SOTTO_CHECK(is_position(byte_offset));
  state_.get<Stream>().offset = byte_offset;
}

void Keystream::read(MutableBytes out) {
  SOTTO_CHECK(keyed_);
  auto& stream = state_.get<Stream>();
  while (!out.empty()) {
    const auto used = static_cast<std::size_t>(stream.offset % kUnitBytes);
    std::size_t count = out.size() / kUnitBytes * kUnitBytes;
    if (used == 0 && count > 0) {
      write_units(prg_, stream, stream.offset, out.first(count));
    } else {
      if (used == 0) write_units(prg_, stream, stream.offset, stream.unit.reveal_mutable());
      count = std::min(out.size(), kUnitBytes - used);
      std::copy_n(stream.unit.reveal().begin() + static_cast<std::ptrdiff_t>(used), count, out.begin());
    }
    stream.offset += count;
    out = out.subspan(count);
  }
}

}  // namespace sotto::crypto
