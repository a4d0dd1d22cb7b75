// RESIZE_NEAREST_NEIGHBOR: which pixel is nearest has been settled by the compiler.
#include "kernels/copy_bytes.h"
#include "kernels/tensor/resized_volume.h"
#include "sotto/device_runtime/kernels/kernels.h"
#include "sotto/device_runtime/kernels/tensor/tensor_operators.h"

namespace sotto::device::portable {
namespace {

bool indices_are_sound(const KernelCheck& check, std::uint32_t table, std::uint32_t count,
                       std::uint32_t limit) {
  if (!check.constant_fits(table, std::uint64_t{count} * sizeof(std::uint16_t))) return false;
  const auto* indices = reinterpret_cast<const std::uint16_t*>(check.image + table);
  bool sound = true;
  for (std::uint32_t i = 0; i < count; ++i) sound &= indices[i] < limit;
  return sound;
}

bool check(const KernelCheck& check) {
  const auto& p = check.as<ResizeNearestParameters>();
  return check.has(1, 1) &&
         volume_is(check.input_bytes(0), p, p.pixel_bytes, p.input_height, p.input_width) &&
         volume_is(check.output_bytes(), p, p.pixel_bytes, p.output_height, p.output_width) &&
         indices_are_sound(check, p.rows, p.output_height, p.input_height) &&
         indices_are_sound(check, p.columns, p.output_width, p.input_width);
}

void run(const KernelCall& call) {
  const auto& p = call.as<ResizeNearestParameters>();
  const auto* rows = call.constant<std::uint16_t>(p.rows);
  const auto* columns = call.constant<std::uint16_t>(p.columns);
  const std::uint32_t row_bytes = p.input_width * p.pixel_bytes;
  const std::int8_t* image = call.input(0);
  std::int8_t* out = call.output();
  for (std::uint32_t batch = 0; batch < p.batches; ++batch, image += p.input_height * row_bytes) {
    for (std::uint32_t y = 0; y < p.output_height; ++y) {
      for (std::uint32_t x = 0; x < p.output_width; ++x, out += p.pixel_bytes) {
        copy_bytes(out, image + rows[y] * row_bytes + columns[x] * p.pixel_bytes, p.pixel_bytes);
      }
    }
  }
}

}  // namespace
}  // namespace sotto::device::portable

extern "C" constinit const sotto_kernel sotto_portable_resize_nearest = {
    sotto::device::KernelKind::kResizeNearest, sotto::device::Layout::kPlain,
    sizeof(sotto::device::ResizeNearestParameters), sotto::device::portable::check,
    sotto::device::portable::run};
