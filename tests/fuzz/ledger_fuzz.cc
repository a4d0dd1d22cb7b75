// A device's ledger: under any plans it lets no more leave than its budgets say, and any bytes are refused or
// the ledger that writes them.
#include <optional>

#include "fuzz_input.h"
#include "sotto/base/check.h"
#include "sotto/client/ledger.h"
#include "sotto/crypto/primitives.h"

namespace {

using namespace sotto;
using namespace sotto::client;

constexpr std::uint32_t kPerTask = 5;
constexpr std::uint32_t kPerPeriod = 9;

LedgerPlan some_plan(fuzz::FuzzInput& input) {
  LedgerPlan plan{.task = TaskId{input.below(3)},
                  .round = round_id(
                      {.epoch = static_cast<std::uint32_t>(input.below(3)), .counter = 1 + input.below(64)}),
                  .version = ModelVersion{input.below(8)}};
  plan.coordinator[0] = static_cast<std::uint8_t>(input.below(2));
  plan.model[0] = static_cast<std::uint8_t>(input.below(4));
  plan.plan[0] = static_cast<std::uint8_t>(input.below(3));
  return plan;
}

void check_bytes(fuzz::FuzzInput& input, std::vector<std::uint8_t> bytes) {
  bytes.resize(bytes.size() - sizeof(crypto::Digest));
  if (input.chance(128)) fuzz::mutate(input, bytes);
  const crypto::Digest digest = crypto::sha256({bytes});
  bytes.insert(bytes.end(), digest.begin(), digest.end());
  const Result<Ledger> decoded = Ledger::decode(bytes);
  if (decoded) {
    SOTTO_CHECK(decoded->encode() == bytes);
  } else {
    SOTTO_CHECK(decoded.error().code() == StatusCode::kDataLoss && !decoded.error().message().empty());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::FuzzInput input(data, size);
  const LedgerBudgets budgets{
      .vectors_per_task = kPerTask, .vectors_per_period = kPerPeriod, .period_s = 1000};
  Ledger ledger;
  std::optional<std::uint64_t> now_s = 5000;
  if (input.chance(64)) now_s.reset();
  for (int plans = 0; plans < 200 && !input.empty(); ++plans) {
    if (now_s) *now_s += 3 * input.below(128);
    const LedgerPlan plan = some_plan(input);
    const LedgerVerdict verdict = ledger.look(plan, budgets, now_s);
    SOTTO_CHECK(verdict.allowed() == verdict.sentence.empty());
    if (!verdict.allowed()) continue;
    const std::uint64_t before = ledger.vectors();
    ledger.join(plan);
    SOTTO_CHECK(ledger.look(plan, budgets, now_s).allowed());
    if (input.chance(64)) continue;  // its cohort never formed
    ledger.charge(plan, budgets, now_s);
    SOTTO_CHECK(ledger.vectors() == before + 1 && ledger.period_vectors() <= kPerPeriod);
    for (const Ledger::Task& task : ledger.tasks()) SOTTO_CHECK(task.vectors <= kPerTask);
    SOTTO_CHECK(!ledger.look(plan, budgets, now_s).allowed());
  }
  SOTTO_CHECK(*Ledger::decode(ledger.encode()) == ledger);
  check_bytes(input, ledger.encode());
  return 0;
}
