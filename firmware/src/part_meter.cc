#include "part_meter.h"

#include "instruction_counter.h"

namespace sotto::board {

void PartMeter::charge() {
  const std::uint32_t now = instruction_counter::now();
  accounts_[static_cast<std::size_t>(part_)].instructions += instruction_counter::between(since_, now);
  since_ = instruction_counter::now();
}

void PartMeter::start() {
  running_ = true;
  part_ = Part::kRest;
  since_ = instruction_counter::now();
}

void PartMeter::stop() {
  charge();
  running_ = false;
}

std::uint64_t PartMeter::total() {
  std::uint64_t sum = 0;
  for (const PartAccount& account : accounts_) sum += account.instructions;
  return sum;
}

PartMeter::Within::Within(Part part) : before_(part_) {
  if (!running_) return;
  charge();
  // What Shamir's scheme reads from a keystream belongs to Shamir's scheme.
  part_ = before_ == Part::kShamir ? before_ : part;
  ++accounts_[static_cast<std::size_t>(part)].calls;
}

PartMeter::Within::~Within() {
  if (!running_) return;
  charge();
  part_ = before_;
}

}  // namespace sotto::board
