#include "coordinator/tally.h"

#include <fmt/core.h>

#include <utility>
#include <variant>

namespace sotto::server {
namespace {

void append(std::string& text, std::uint64_t count, const char* what) {
  if (count != 0) text += fmt::format("{}{} {}", text.empty() ? "" : ", ", count, what);
}

}  // namespace

void Tally::begin(Time now) {
  if (!since_) since_ = now;
}

void Tally::count(const proto::CheckInReply& answer, Time now) {
  begin(now);
  if (std::holds_alternative<proto::PlanOffer>(answer)) {
    ++plans_;
  } else if (std::holds_alternative<proto::Challenge>(answer)) {
    ++challenges_;
  } else {
    ++waits_;
  }
}

void Tally::count(const proto::ExchangeReply& answer, Time now) {
  begin(now);
  if (const auto* refused = std::get_if<proto::Refused>(&answer)) {
    refusals_.add(refused->reason);
  } else {
    ++steps_;
  }
}

void Tally::count(const proto::ModelChunk&, Time now) {
  begin(now);
  ++chunks_;
}

void Tally::count(const Status& answer, Time now) {
  begin(now);
  ++errors_[static_cast<std::size_t>(answer.code())];
}

std::optional<std::string> Tally::report(Time now) {
  if (!since_ || (now - *since_).count() < kIntervalMs) return std::nullopt;
  std::string answers;
  append(answers, plans_, "plans given");
  append(answers, waits_, "devices told to wait");
  append(answers, challenges_, "asked who they are");
  append(answers, chunks_, "chunks of models sent");
  append(answers, steps_, "steps answered");
  std::string refused = refusals_.summary();
  for (std::size_t i = 0; i < errors_.size(); ++i) {
    append(refused, errors_[i], to_string(static_cast<StatusCode>(i)));
  }
  const std::int64_t seconds = (now - *since_).count() / 1000;
  *this = Tally();
  if (!refused.empty()) refused = (answers.empty() ? "refused: " : "; refused: ") + refused;
  return fmt::format("in {} s: {}{}", seconds, answers, refused);
}

}  // namespace sotto::server
