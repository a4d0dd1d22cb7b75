#include "data/signal/sampler.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

namespace sotto::simulation {
namespace {

std::vector<std::uint8_t> seed_bytes(const Stream& stream) {
  std::vector<std::uint8_t> bytes(16 + stream.purpose.size());
  ByteWriter writer(bytes);
  writer.u64(stream.seed);
  writer.u64(stream.index);
  writer.bytes(text_bytes(stream.purpose));
  return bytes;
}

}  // namespace

Sampler::Sampler(const Stream& stream) : source_(Bytes(seed_bytes(stream))) {}

void Sampler::fill(MutableBytes out) {
  while (!out.empty()) {
    if (used_ == block_.size()) {
      source_.fill(block_);
      used_ = 0;
    }
    const std::size_t count = std::min(out.size(), block_.size() - used_);
    std::memcpy(out.data(), block_.data() + used_, count);
    used_ += count;
    out = out.subspan(count);
  }
}

// Polar method of Marsaglia: two draws at a time, without trigonometry.
double Sampler::normal() {
  if (std::exchange(has_spare_normal_, false)) return spare_normal_;
  for (;;) {
    const double x = uniform(-1, 1);
    const double y = uniform(-1, 1);
    const double radius = x * x + y * y;
    if (radius >= 1 || radius == 0) continue;
    const double factor = std::sqrt(-2 * std::log(radius) / radius);
    spare_normal_ = y * factor;
    has_spare_normal_ = true;
    return x * factor;
  }
}

// Marsaglia and Tsang 2000 for shape >= 1; below, Gamma(a) = Gamma(a + 1) * U^(1/a).
double Sampler::log_gamma(double shape) {
  if (shape < 1) {
    const double boost = std::log(1 - uniform()) / shape;  // 1 - uniform() is never 0
    return log_gamma(shape + 1) + boost;
  }
  const double d = shape - 1.0 / 3;
  const double c = 1 / std::sqrt(9 * d);
  for (;;) {
    const double x = normal();
    const double root = 1 + c * x;
    if (root <= 0) continue;
    const double v = root * root * root;
    if (std::log(1 - uniform()) < 0.5 * x * x + d - d * v + d * std::log(v)) return std::log(d * v);
  }
}

std::vector<double> Sampler::dirichlet(double alpha, std::size_t count) {
  std::vector<double> shares(count);
  for (double& share : shares) share = log_gamma(alpha);
  const double largest = *std::ranges::max_element(shares);
  double total = 0;
  for (double& share : shares) total += share = std::exp(share - largest);
  for (double& share : shares) share /= total;
  return shares;
}

void Sampler::shuffle(std::span<std::uint32_t> indices) {
  for (std::size_t i = indices.size(); i > 1; --i) std::swap(indices[i - 1], indices[below(i)]);
}

}  // namespace sotto::simulation
