#include <map>

#include "sotto/mask_helper/mask_helper.h"

namespace sotto::mask_helper {
namespace {

class MemoryAnsweredPlans final : public AnsweredPlans {
 public:
  Result<std::optional<crypto::Digest>> find(const crypto::Digest& plan) override {
    const auto found = sets_.find(plan);
    if (found == sets_.end()) return std::optional<crypto::Digest>();
    return std::optional(found->second);
  }
  Status record(const crypto::Digest& plan, const crypto::Digest& set) override {
    if (sets_.emplace(plan, set).second) return {};
    return {StatusCode::kAlreadyExists, "the plan has been answered"};
  }

 private:
  std::map<crypto::Digest, crypto::Digest> sets_;
};

}  // namespace

std::unique_ptr<AnsweredPlans> make_memory_answered_plans() {
  return std::make_unique<MemoryAnsweredPlans>();
}

}  // namespace sotto::mask_helper
