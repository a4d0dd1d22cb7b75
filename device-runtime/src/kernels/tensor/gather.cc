// GATHER, GATHER_ND and EMBEDDING_LOOKUP: slices that indices choose while the model runs.
#include "kernels/copy_bytes.h"
#include "sotto/device_runtime/kernels/kernels.h"
#include "sotto/device_runtime/kernels/tensor/further_operators.h"

namespace sotto::device::portable {
namespace {

// a * b * c * d == bytes, none of them 0.
bool product_is(std::uint32_t bytes, std::uint32_t a, std::uint32_t b, std::uint32_t c, std::uint32_t d) {
  std::uint64_t product = a;
  const std::uint32_t factors[] = {b, c, d};
  for (const std::uint32_t factor : factors) {
    product *= factor;
    if (product == 0 || product > bytes) return false;
  }
  return product == bytes;
}

bool check(const KernelCheck& check) {
  const auto& p = check.as<GatherParameters>();
  if (!check.has(2, 1) || p.depth == 0 || p.depth > kImageRankMax || p.bytes == 0 ||
      p.bytes > p.addressed_bytes) {
    return false;
  }
  std::uint64_t farthest = p.bytes;
  for (std::uint32_t i = 0; i < p.depth; ++i) {
    if (p.limits[i] == 0) return false;
    farthest += std::uint64_t{p.limits[i] - 1} * p.steps[i];
    if (farthest > p.addressed_bytes) return false;
  }
  return product_is(check.input_bytes(0), p.batches, p.outer, p.addressed_bytes, 1) &&
         product_is(check.input_bytes(1), p.batches, p.count, p.depth, sizeof(std::int32_t)) &&
         product_is(check.output_bytes(), p.batches, p.outer, p.count, p.bytes);
}

// Where the indices lead; nullptr when one of them is beyond its limit.
const std::int8_t* addressed(const GatherParameters& p, const std::int8_t* from,
                             const std::int32_t* indices) {
  for (std::uint32_t i = 0; i < p.depth; ++i) {
    const auto index = static_cast<std::uint32_t>(indices[i]);
    if (index >= p.limits[i]) return nullptr;
    from += index * p.steps[i];
  }
  return from;
}

void run(const KernelCall& call) {
  const auto& p = call.as<GatherParameters>();
  const std::int8_t* from = call.input(0);
  const auto* indices = reinterpret_cast<const std::int32_t*>(call.input(1));
  std::int8_t* out = call.output();
  for (std::uint32_t batch = 0; batch < p.batches; ++batch, indices += p.count * p.depth) {
    for (std::uint32_t outer = 0; outer < p.outer; ++outer, from += p.addressed_bytes) {
      for (std::uint32_t i = 0; i < p.count; ++i, out += p.bytes) {
        const std::int8_t* slice = addressed(p, from, indices + i * p.depth);
        if (slice != nullptr) copy_bytes(out, slice, p.bytes);
        if (slice == nullptr) fill_bytes(out, 0, p.bytes);
      }
    }
  }
}

}  // namespace
}  // namespace sotto::device::portable

extern "C" constinit const sotto_kernel sotto_portable_gather = {
    sotto::device::KernelKind::kGather, sotto::device::Layout::kPlain,
    sizeof(sotto::device::GatherParameters), sotto::device::portable::check, sotto::device::portable::run};
