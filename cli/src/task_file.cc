#include "task_file.h"

#include <toml++/toml.h>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <sstream>

namespace sotto::cli {
namespace {

using proto::TaskSpec;

std::string place(const toml::node& node) {
  const auto begin = node.source().begin;
  return begin ? "line " + std::to_string(begin.line) : "the file";
}

// Stores a TOML value into one field of the spec; returns what is wrong with it, or an empty string.
using Setter = std::function<std::string(TaskSpec&, const toml::node&)>;

template <typename Unsigned>
Setter integer(Unsigned& (*field)(TaskSpec&)) {
  return [field](TaskSpec& spec, const toml::node& node) -> std::string {
    const auto value = node.value_exact<std::int64_t>();
    if (!value) return "must be a whole number";
    if (*value < 0) return "must not be negative";
    if (static_cast<std::uint64_t>(*value) > std::numeric_limits<Unsigned>::max()) {
      return "must be at most " + std::to_string(std::numeric_limits<Unsigned>::max());
    }
    field(spec) = static_cast<Unsigned>(*value);
    return {};
  };
}

Setter real(float& (*field)(TaskSpec&)) {
  return [field](TaskSpec& spec, const toml::node& node) -> std::string {
    if (!node.is_number()) return "must be a number";
    field(spec) = static_cast<float>(*node.value<double>());
    return {};
  };
}

Setter text(std::string& (*field)(TaskSpec&)) {
  return [field](TaskSpec& spec, const toml::node& node) -> std::string {
    if (!node.is_string()) return "must be a text in quotes";
    field(spec) = *node.value<std::string>();
    return {};
  };
}

Setter boolean(bool& (*field)(TaskSpec&)) {
  return [field](TaskSpec& spec, const toml::node& node) -> std::string {
    if (!node.is_boolean()) return "must be true or false";
    field(spec) = *node.value<bool>();
    return {};
  };
}

template <typename Choice>
Setter choice(Choice& (*field)(TaskSpec&), std::vector<Choice> choices) {
  return [field, choices = std::move(choices)](TaskSpec& spec, const toml::node& node) -> std::string {
    std::string words;
    for (const Choice candidate : choices) {
      if (node.value<std::string>() == proto::to_string(candidate)) {
        field(spec) = candidate;
        return {};
      }
      words += (words.empty() ? "\"" : ", \"") + std::string(proto::to_string(candidate)) + '"';
    }
    return "must be one of " + words;
  };
}

#define SOTTO_FIELD(name) +[](TaskSpec& s) -> decltype(auto) { return (s.name); }

const std::map<std::string, Setter>& setters() {
  using proto::Adversary, proto::Aggregation, proto::Architecture, proto::Packing, crypto::Prg;
  static const std::map<std::string, Setter> all = {
      {"name", text(SOTTO_FIELD(name))},
      {"population", text(SOTTO_FIELD(population))},
      {"rounds", integer(SOTTO_FIELD(rounds))},
      {"participants", integer(SOTTO_FIELD(participants))},
      {"participants_min", integer(SOTTO_FIELD(participants_min))},
      {"cohort_max", integer(SOTTO_FIELD(cohort_max))},
      {"over_selection", real(SOTTO_FIELD(over_selection))},
      {"report_within_ms", integer(SOTTO_FIELD(report_within_ms))},
      {"phase_deadline_ms", integer(SOTTO_FIELD(phase_deadline_ms))},
      {"straggler_grace_ms", integer(SOTTO_FIELD(straggler_grace_ms))},
      {"model.architecture",
       choice(SOTTO_FIELD(model.architecture), std::vector{Architecture::kSoftmax, Architecture::kDense})},
      {"model.features", integer(SOTTO_FIELD(model.features))},
      {"model.classes", integer(SOTTO_FIELD(model.classes))},
      {"model.hidden", integer(SOTTO_FIELD(model.hidden))},
      {"model.seed", integer(SOTTO_FIELD(model_seed))},
      {"training.local_epochs", integer(SOTTO_FIELD(training.local_epochs))},
      {"training.batch_size", integer(SOTTO_FIELD(training.batch_size))},
      {"training.learning_rate", real(SOTTO_FIELD(training.learning_rate))},
      {"training.momentum", real(SOTTO_FIELD(training.momentum))},
      {"training.proximal_mu", real(SOTTO_FIELD(training.proximal_mu))},
      {"aggregation.kind",
       choice(SOTTO_FIELD(aggregation.kind), std::vector{Aggregation::kSecure, Aggregation::kPlain,
                                                         Aggregation::kFloat, Aggregation::kOneShot})},
      {"aggregation.adversary", choice(SOTTO_FIELD(aggregation.adversary),
                                       std::vector{Adversary::kCurious, Adversary::kSemiMalicious})},
      {"aggregation.prg", choice(SOTTO_FIELD(aggregation.prg), std::vector{Prg::kChaCha20, Prg::kAes128Ctr})},
      {"aggregation.packing",
       choice(SOTTO_FIELD(aggregation.packing), std::vector{Packing::kWords, Packing::kBits})},
      {"aggregation.cohort_min", integer(SOTTO_FIELD(aggregation.cohort_min))},
      {"aggregation.participants_max", integer(SOTTO_FIELD(aggregation.participants_max))},
      {"aggregation.corrupt_fraction", real(SOTTO_FIELD(aggregation.corrupt_fraction))},
      {"aggregation.dropout_fraction", real(SOTTO_FIELD(aggregation.dropout_fraction))},
      {"aggregation.clip", real(SOTTO_FIELD(aggregation.clip))},
      {"aggregation.adaptive_clip", boolean(SOTTO_FIELD(adaptive_clip))},
      {"aggregation.weight_max", integer(SOTTO_FIELD(aggregation.weight_max))},
      {"server.learning_rate", real(SOTTO_FIELD(server_learning_rate))},
      {"server.momentum", real(SOTTO_FIELD(server_momentum))},
  };
  return all;
}

#undef SOTTO_FIELD

Status apply(const toml::table& table, const std::string& prefix, TaskSpec& spec) {
  for (const auto& [key, node] : table) {
    const std::string name = prefix + std::string(key.str());
    if (const toml::table* inner = node.as_table(); inner != nullptr && prefix.empty()) {
      SOTTO_RETURN_IF_ERROR(apply(*inner, name + ".", spec));
      continue;
    }
    const auto setter = setters().find(name);
    if (setter == setters().end()) {
      return invalid_argument(place(node) + ": unknown key '" + name +
                              "'; `sotto task example` lists all keys");
    }
    if (const std::string wrong = setter->second(spec, node); !wrong.empty()) {
      return invalid_argument(place(node) + ": " + name + " " + wrong);
    }
  }
  return {};
}

}  // namespace

Result<TaskSpec> read_task_file(const std::string& path) {
  toml::table table;
  try {
    table = toml::parse_file(path);
  } catch (const toml::parse_error& error) {
    std::ostringstream text;
    text << path;
    if (error.source().begin) text << ", line " << error.source().begin.line;
    text << ": " << error.description();
    return invalid_argument(text.str());
  }
  TaskSpec spec;
  SOTTO_RETURN_IF_ERROR(apply(table, "", spec).with_context(path));
  SOTTO_RETURN_IF_ERROR(proto::validate_task_spec(spec).with_context(path));
  return spec;
}

const char* example_task_file() {
  return R"(# A Sotto task. Create it with: sotto task create --file THIS_FILE
name = "activity"            # unique at the coordinator
population = "wearables"     # devices that check in with this population may take part
rounds = 20                  # committed rounds after which the task is complete
participants = 10            # devices per round
participants_min = 5         # a round with fewer devices in the sum is abandoned
cohort_max = 256             # larger rounds use several secure cohorts
over_selection = 1.0         # plans given = participants * this, 1.0 to 2.0
report_within_ms = 600000    # time to train, from the first plan of a round
phase_deadline_ms = 30000    # each step of the secure session
straggler_grace_ms = 0       # > 0: once most have answered, wait only this much longer

[model]
architecture = "softmax"     # or "dense" (one hidden layer)
features = 84                # inputs per example
classes = 6
hidden = 0                   # hidden units of "dense"
seed = 0                     # initial weights of "dense"

[training]                   # on the device
local_epochs = 1
batch_size = 16
learning_rate = 0.05
momentum = 0.0
proximal_mu = 0.0            # FedProx

[aggregation]
kind = "secure"              # "one_shot": one message a device, needs a helper; "plain", "float" hide nothing
adversary = "semi-malicious" # enrolled devices, signed sessions; "curious": neither, and a weaker promise
prg = "chacha20"             # "aes-128-ctr" for devices with AES hardware
packing = "words"            # "bits": a few per cent less to send, more work for the device
cohort_min = 3               # devices refuse smaller cohorts
participants_max = 257       # sizes the ring; at least cohort_max
corrupt_fraction = 0.1       # of the cohort that may collude with the coordinator
dropout_fraction = 0.1       # of the cohort that may vanish inside the session
clip = 0.1                   # largest weighted coordinate of an update
adaptive_clip = true         # let the clip follow the updates
weight_max = 64              # examples above this add no weight

[server]
learning_rate = 1.0
momentum = 0.0
)";
}

}  // namespace sotto::cli
