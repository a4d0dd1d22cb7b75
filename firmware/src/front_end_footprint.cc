// The least that a product would flash for one kind of features, SOTTO_FEATURES: opens a front end, pushes
// samples, reads features. Its size, less that of the firmware `empty`, is what the kind costs.
#include <array>
#include <cstdint>

#include "board.h"
#include "sotto/device_runtime/front_end.h"

namespace {

sotto_front_end_config config;  // a product's own; zeros are refused
std::array<std::int16_t, 320> samples;
std::array<std::int8_t, 490> features;

}  // namespace

int main() {
  config.kind = &SOTTO_FEATURES;
  const auto arena = sotto::board::arena();
  sotto_front_end* front_end = nullptr;
  sotto_front_end_error error =
      sotto_front_end_open(&config, nullptr, arena.data(), arena.size(), &front_end);
  if (error != SOTTO_FRONT_END_OK) return error;
  while (sotto_front_end_ready(front_end) == 0) {
    (void)sotto_front_end_push(front_end, samples.data(), samples.size());
  }
  error = sotto_front_end_read(front_end, features.data(), features.size());
  return error;
}
