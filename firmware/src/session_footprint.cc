// The least that a product would flash to take part in a session: a plan decoded, an update quantised, every
// step taken, the roster in chunks. Its flash and RAM, less those of the firmware `empty` and of the stand-in
// backend, are what the device's half of a session costs. It is linked, inspected and measured, and not run:
// where the messages would come from is the product's.
#include <array>
#include <cstddef>
#include <cstdint>
#include <new>
#include <optional>

#include "board.h"
#include "console.h"
#include "semihosting.h"
#include "session_device.h"
#include "sotto/base/check.h"
#include "sotto/secagg/update.h"

namespace sotto {

void check_failed(const char*, const char* file, int line) {
  console::line("check failed in ", file, " line ", static_cast<std::uint32_t>(line));
  semihosting::exit(71);
}

namespace {

constexpr std::size_t kParameters = 6;  // of the model: what it takes grows with it and is the product's

alignas(board::SessionDevice) std::array<std::byte, sizeof(board::SessionDevice)> memory;
std::array<std::uint8_t, limits::kPlanBytesMax> plan_bytes;
std::array<std::uint8_t, secagg::delivery_bytes(board::kNeighbours, board::kNeighbours)> received;
std::array<std::uint8_t, secagg::shares_bytes(board::kNeighbours)> sent;
std::array<std::uint8_t, secagg::update_lanes(kParameters)> lanes;
std::array<float, kParameters> delta;

Rejection take_part(proto::StepMachine& steps) {
  std::size_t written = 0;
  Rejection rejection = steps.join(lanes, sent, written);
  for (bool again = accepted(rejection); again;) {
    rejection = steps.take_roster(received);
    if (accepted(rejection)) rejection = steps.end_roster(again);
    again = again && accepted(rejection);
  }
  if (accepted(rejection)) rejection = steps.share(sent, written);
  for (const proto::Step step : {proto::Step::kCollect, proto::Step::kConfirm, proto::Step::kUnmask}) {
    if (accepted(rejection)) rejection = steps.next_step(step, received, lanes, sent, written);
  }
  steps.end(accepted(rejection));
  return rejection;
}

}  // namespace
}  // namespace sotto

int main() {
  using namespace sotto;
  proto::Plan plan;
  if (!proto::decode_plan(plan_bytes, plan).ok()) return 1;
  board::NumberedRandom random(1);
  secagg::UpdateMetrics metrics;
  secagg::quantize_update(delta, plan.update_layout(), metrics, random, lanes);
  secagg::KeySigner authority(board::numbered_key(0));
  auto* const device =
      ::new (static_cast<void*>(memory.data())) board::SessionDevice(plan, plan_bytes, 1, authority);
  return static_cast<int>(take_part(device->steps()));
}
