// RESIZE_BILINEAR: between which pixels, and how far, has been settled by the compiler.
#include "kernels/tensor/resized_volume.h"
#include "sotto/device_runtime/kernels/kernels.h"
#include "sotto/device_runtime/kernels/tensor/further_operators.h"

namespace sotto::device::portable {
namespace {

bool taps_are_sound(const KernelCheck& check, std::uint32_t table, std::uint32_t count, std::uint32_t limit) {
  if (!check.constant_fits(table, std::uint64_t{count} * sizeof(BilinearTap))) return false;
  const auto* taps = reinterpret_cast<const BilinearTap*>(check.image + table);
  bool sound = true;
  for (std::uint32_t i = 0; i < count; ++i)
    sound = sound && taps[i].low < limit && taps[i].high < limit && taps[i].weight <= kBilinearOne;
  return sound;
}

bool check(const KernelCheck& check) {
  const auto& p = check.as<ResizeBilinearParameters>();
  return check.has(1, 1) && volume_is(check.input_bytes(0), p, p.channels, p.input_height, p.input_width) &&
         volume_is(check.output_bytes(), p, p.channels, p.output_height, p.output_width) &&
         taps_are_sound(check, p.rows, p.output_height, p.input_height) &&
         taps_are_sound(check, p.columns, p.output_width, p.input_width);
}

std::int32_t between(std::int32_t low, std::int32_t high, std::uint32_t weight) {
  const auto part = static_cast<std::int32_t>(weight);
  return low * (static_cast<std::int32_t>(kBilinearOne) - part) + high * part;
}

// From Q20; halves away from zero.
std::int8_t rounded(std::int32_t value) {
  constexpr std::int32_t kHalf = 1 << 19;
  return static_cast<std::int8_t>((value + (value > 0 ? kHalf : -kHalf)) / (1 << 20));
}

void run(const KernelCall& call) {
  const auto& p = call.as<ResizeBilinearParameters>();
  const auto* rows = call.constant<BilinearTap>(p.rows);
  const auto* columns = call.constant<BilinearTap>(p.columns);
  const std::uint32_t row_bytes = p.input_width * p.channels;
  const std::int8_t* image = call.input(0);
  std::int8_t* out = call.output();
  for (std::uint32_t batch = 0; batch < p.batches; ++batch, image += p.input_height * row_bytes) {
    for (std::uint32_t y = 0; y < p.output_height; ++y) {
      const std::int8_t* low = image + rows[y].low * row_bytes;
      const std::int8_t* high = image + rows[y].high * row_bytes;
      for (std::uint32_t x = 0; x < p.output_width; ++x) {
        const std::uint32_t left = columns[x].low * p.channels;
        const std::uint32_t right = columns[x].high * p.channels;
        for (std::uint32_t c = 0; c < p.channels; ++c) {
          *out++ =
              rounded(between(between(low[left + c], high[left + c], rows[y].weight),
                              between(low[right + c], high[right + c], rows[y].weight), columns[x].weight));
        }
      }
    }
  }
}

}  // namespace
}  // namespace sotto::device::portable

extern "C" constinit const sotto_kernel sotto_portable_resize_bilinear = {
    sotto::device::KernelKind::kResizeBilinear, sotto::device::Layout::kPlain,
    sizeof(sotto::device::ResizeBilinearParameters), sotto::device::portable::check,
    sotto::device::portable::run};
