#include "store/task_spec_json.h"

#include <array>
#include <nlohmann/json.hpp>

namespace sotto::server {
namespace {

using nlohmann::json;

template <typename Enum>
struct Word {
  Enum value;
  const char* word;
};

constexpr std::array<Word<proto::Architecture>, 2> kArchitectures = {
    {{proto::Architecture::kSoftmax, "softmax"}, {proto::Architecture::kDense, "dense"}}};
constexpr std::array<Word<proto::Aggregation>, 4> kAggregations = {
    {{proto::Aggregation::kSecure, "secure"},
     {proto::Aggregation::kPlain, "plain"},
     {proto::Aggregation::kFloat, "float"},
     {proto::Aggregation::kOneShot, "one_shot"}}};
constexpr std::array<Word<proto::Adversary>, 2> kAdversaries = {
    {{proto::Adversary::kCurious, "curious"}, {proto::Adversary::kSemiMalicious, "semi-malicious"}}};
constexpr std::array<Word<crypto::Prg>, 2> kPrgs = {
    {{crypto::Prg::kChaCha20, "chacha20"}, {crypto::Prg::kAes128Ctr, "aes-128-ctr"}}};

constexpr std::array<Word<secagg::Packing>, 2> kPackings = {
    {{secagg::Packing::kWords, "words"}, {secagg::Packing::kBits, "bits"}}};

template <typename Words, typename Enum>
const char* word_of(const Words& words, Enum value) {
  for (const auto& word : words) {
    if (word.value == value) return word.word;
  }
  return "";  // refused when read again; validate_task_spec() lets no such value in
}

template <typename Enum, std::size_t Count>
void read_word(const json& object, const char* key, const std::array<Word<Enum>, Count>& words, Enum& value) {
  const auto& text = object.at(key).get_ref<const std::string&>();
  for (const auto& word : words) {
    if (text == word.word) {
      value = word.value;
      return;
    }
  }
  throw std::invalid_argument(std::string(key) + " is '" + text + "'");
}

template <typename Value>
void read(const json& object, const char* key, Value& value) {
  value = object.at(key).get<Value>();
}

void read_model(const json& object, proto::ModelSpec& model) {
  read_word(object, "architecture", kArchitectures, model.architecture);
  read(object, "features", model.features);
  read(object, "classes", model.classes);
  read(object, "hidden", model.hidden);
}

void read_training(const json& object, proto::TrainingSpec& training) {
  read(object, "local_epochs", training.local_epochs);
  read(object, "batch_size", training.batch_size);
  read(object, "learning_rate", training.learning_rate);
  read(object, "momentum", training.momentum);
  read(object, "proximal_mu", training.proximal_mu);
}

void read_aggregation(const json& object, proto::AggregationSpec& aggregation) {
  read_word(object, "kind", kAggregations, aggregation.kind);
  read_word(object, "adversary", kAdversaries, aggregation.adversary);
  read_word(object, "prg", kPrgs, aggregation.prg);
  // Absent in tasks of before there was a choice.
  if (object.contains("packing")) read_word(object, "packing", kPackings, aggregation.packing);
  read(object, "cohort_min", aggregation.cohort_min);
  read(object, "participants_max", aggregation.participants_max);
  read(object, "corrupt_fraction", aggregation.corrupt_fraction);
  read(object, "dropout_fraction", aggregation.dropout_fraction);
  read(object, "clip", aggregation.clip);
  read(object, "weight_max", aggregation.weight_max);
}

proto::TaskSpec read_spec(const json& object) {
  proto::TaskSpec spec;
  read(object, "name", spec.name);
  read(object, "population", spec.population);
  read_model(object.at("model"), spec.model);
  read_training(object.at("training"), spec.training);
  read_aggregation(object.at("aggregation"), spec.aggregation);
  read(object, "rounds", spec.rounds);
  read(object, "participants", spec.participants);
  read(object, "participants_min", spec.participants_min);
  read(object, "cohort_max", spec.cohort_max);
  read(object, "over_selection", spec.over_selection);
  read(object, "report_within_ms", spec.report_within_ms);
  read(object, "phase_deadline_ms", spec.phase_deadline_ms);
  read(object, "straggler_grace_ms", spec.straggler_grace_ms);
  read(object, "server_learning_rate", spec.server_learning_rate);
  read(object, "server_momentum", spec.server_momentum);
  read(object, "adaptive_clip", spec.adaptive_clip);
  read(object, "model_seed", spec.model_seed);
  return spec;
}

}  // namespace

std::string encode_task_spec(const proto::TaskSpec& spec) {
  const proto::AggregationSpec& aggregation = spec.aggregation;
  const json object = {
      {"name", spec.name},
      {"population", spec.population},
      {"model",
       {{"architecture", word_of(kArchitectures, spec.model.architecture)},
        {"features", spec.model.features},
        {"classes", spec.model.classes},
        {"hidden", spec.model.hidden}}},
      {"training",
       {{"local_epochs", spec.training.local_epochs},
        {"batch_size", spec.training.batch_size},
        {"learning_rate", spec.training.learning_rate},
        {"momentum", spec.training.momentum},
        {"proximal_mu", spec.training.proximal_mu}}},
      {"aggregation",
       {{"kind", word_of(kAggregations, aggregation.kind)},
        {"adversary", word_of(kAdversaries, aggregation.adversary)},
        {"prg", word_of(kPrgs, aggregation.prg)},
        {"packing", word_of(kPackings, aggregation.packing)},
        {"cohort_min", aggregation.cohort_min},
        {"participants_max", aggregation.participants_max},
        {"corrupt_fraction", aggregation.corrupt_fraction},
        {"dropout_fraction", aggregation.dropout_fraction},
        {"clip", aggregation.clip},
        {"weight_max", aggregation.weight_max}}},
      {"rounds", spec.rounds},
      {"participants", spec.participants},
      {"participants_min", spec.participants_min},
      {"cohort_max", spec.cohort_max},
      {"over_selection", spec.over_selection},
      {"report_within_ms", spec.report_within_ms},
      {"phase_deadline_ms", spec.phase_deadline_ms},
      {"straggler_grace_ms", spec.straggler_grace_ms},
      {"server_learning_rate", spec.server_learning_rate},
      {"server_momentum", spec.server_momentum},
      {"adaptive_clip", spec.adaptive_clip},
      {"model_seed", spec.model_seed},
  };
  return object.dump();
}

Result<proto::TaskSpec> decode_task_spec(std::string_view text) {
  // The JSON library reports by exceptions; they end here.
  try {
    return read_spec(json::parse(text));
  } catch (const std::exception& error) {
    return data_loss(std::string("a task's spec does not read: ") + error.what());
  }
}

}  // namespace sotto::server
