// PROTOCOL.md section 6.6.
#include "sotto/secagg/shamir.h"

#include <algorithm>

#include "secagg/field.h"
#include "sotto/base/check.h"
#include "sotto/base/limits.h"
#include "sotto/crypto/primitives.h"

namespace sotto::secagg {
namespace {

constexpr std::size_t kLimbs = 3;
constexpr std::array<unsigned, kLimbs> kLimbBits = {43, 43, 42};
using Limbs = std::array<std::uint64_t, kLimbs>;

constexpr std::uint64_t low_bits(unsigned count) { return (std::uint64_t{1} << count) - 1; }

Limbs split(const Seed& seed) {
  const std::uint64_t low = load_le<std::uint64_t>(seed.reveal().data());
  const std::uint64_t high = load_le<std::uint64_t>(seed.reveal().data() + 8);
  return {low & low_bits(43), (low >> 43 | high << 21) & low_bits(43), high >> 22};
}

void join(const Limbs& limbs, Seed& seed) {
  store_le(seed.reveal_mutable().data(), limbs[0] | limbs[1] << 43);
  store_le(seed.reveal_mutable().data() + 8, limbs[1] >> 21 | limbs[2] << 22);
}

void wipe_limbs(Limbs& limbs) { crypto::wipe({reinterpret_cast<std::uint8_t*>(limbs.data()), sizeof limbs}); }

// The coefficients in the order Horner's rule wants them, highest degree first; the limbs take turns.
class Coefficients {
 public:
  explicit Coefficients(crypto::Keystream& stream) : stream_(stream) { stream_.seek(0); }
  ~Coefficients() { crypto::wipe(buffer_); }
  Coefficients(const Coefficients&) = delete;
  Coefficients& operator=(const Coefficients&) = delete;

  // Uniform in [0, p): 61 bits of the stream, p itself rejected.
  std::uint64_t next() {
    for (;;) {
      if (offset_ == buffer_.size()) {
        stream_.read(buffer_);
        offset_ = 0;
      }
      const std::uint64_t draw = load_le<std::uint64_t>(buffer_.data() + offset_) & field::kPrime;
      offset_ += sizeof draw;
      if (draw != field::kPrime) return draw;
    }
  }

 private:
  crypto::Keystream& stream_;
  std::array<std::uint8_t, 512> buffer_;
  std::size_t offset_ = buffer_.size();
};

constexpr std::size_t kInvertedTogether = 16;

// All inverses for the price of one and three multiplications each (Montgomery 1987, section 10.3.1). None of
// the values is zero.
void invert_all(std::span<std::uint64_t> values) {
  std::array<std::uint64_t, kInvertedTogether> products;  // of the values before
  std::uint64_t product = 1;
  for (std::size_t i = 0; i < values.size(); ++i) {
    products[i] = product;
    product = field::multiply(product, values[i]);
  }
  std::uint64_t inverse = field::invert(product);  // of the values up to this one
  for (std::size_t i = values.size(); i-- > 0;) {
    const std::uint64_t value = values[i];
    values[i] = field::multiply(inverse, products[i]);
    inverse = field::multiply(inverse, value);
  }
}

// Four differences of numbers below this multiply to less than p.
constexpr std::uint32_t kSmallNumber = 1u << 15;
constexpr std::size_t kSmallDifferences = 4;

std::uint64_t of_integer(std::int64_t value) {
  const auto bits = static_cast<std::uint64_t>(value);
  return value < 0 ? bits + field::kPrime : bits;
}

// The product over j != i of x_j - x_i, by so many at a time. The numbers are public.
std::uint64_t product_of_differences(std::span<const std::uint32_t> xs, std::size_t i, std::size_t together) {
  std::uint64_t product = 1;
  for (std::size_t first = 0; first < xs.size(); first += together) {
    std::int64_t factor = 1;
    for (std::size_t j = first; j < std::min(first + together, xs.size()); ++j)
      factor *= j == i ? 1 : std::int64_t{xs[j]} - std::int64_t{xs[i]};
    product = field::multiply(product, of_integer(factor));
  }
  return product;
}

}  // namespace

SeedSharing::SeedSharing(const Seed& secret, std::size_t threshold, Random& random) : threshold_(threshold) {
  SOTTO_CHECK(threshold >= 1 && threshold <= limits::kParticipantsMax);
  std::memcpy(secret_.reveal_mutable().data(), secret.reveal().data(), kSeedBytes);
  crypto::SecretBytes<crypto::kPrgKeyBytes> key;
  random.fill(key.reveal_mutable());
  coefficients_.rekey(key);
}

Share SeedSharing::share_at(std::uint32_t x) {
  SOTTO_CHECK(x >= 1);
  Coefficients coefficients(coefficients_);
  Limbs values{};
  for (std::size_t degree = threshold_ - 1; degree >= 1; --degree) {
    for (std::uint64_t& value : values) value = field::multiply(field::add(value, coefficients.next()), x);
  }
  Limbs secret = split(secret_);
  Share share;
  for (std::size_t i = 0; i < kLimbs; ++i) {
    store_le(share.data() + 8 * i, field::add(values[i], secret[i]));
  }
  wipe_limbs(secret);
  return share;
}

// The weight of x_i is the product over j != i of x_j / (x_j - x_i): the product of all x over x_i times the
// differences.
bool lagrange_at_zero(std::span<const std::uint32_t> xs, std::span<std::uint64_t> weights) {
  SOTTO_CHECK(xs.size() == weights.size());
  const bool small = std::ranges::all_of(xs, [](std::uint32_t x) { return x < kSmallNumber; });
  const std::size_t together = small ? kSmallDifferences : 1;
  std::uint64_t product = 1;
  for (std::size_t i = 0; i < xs.size(); ++i) {
    product = field::multiply(product, xs[i]);
    weights[i] = field::multiply(xs[i], product_of_differences(xs, i, together));
    if (weights[i] == 0) return false;
  }
  for (std::size_t first = 0; first < weights.size(); first += kInvertedTogether)
    invert_all(weights.subspan(first, std::min(kInvertedTogether, weights.size() - first)));
  for (std::uint64_t& weight : weights) weight = field::multiply(weight, product);
  return true;
}

bool combine_shares(std::span<const Share> shares, std::span<const std::uint64_t> weights, Seed& secret) {
  SOTTO_CHECK(shares.size() == weights.size());
  Limbs limbs{};
  std::uint64_t excess = 0;  // not zero when a share or a limb is out of range
  for (std::size_t i = 0; i < shares.size(); ++i) {
    for (std::size_t limb = 0; limb < kLimbs; ++limb) {
      const std::uint64_t value = load_le<std::uint64_t>(shares[i].data() + 8 * limb);
      excess |= (value >> 61) | ((value + 1) >> 61);  // the second catches p itself
      limbs[limb] = field::add(limbs[limb], field::multiply(weights[i], value & field::kPrime));
    }
  }
  for (std::size_t limb = 0; limb < kLimbs; ++limb) excess |= limbs[limb] >> kLimbBits[limb];
  join(limbs, secret);
  wipe_limbs(limbs);
  if (excess == 0) return true;
  crypto::wipe(secret.reveal_mutable());
  return false;
}

}  // namespace sotto::secagg
