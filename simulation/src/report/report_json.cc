#include <nlohmann/json.hpp>

#include "sotto/simulation/report.h"

namespace sotto::simulation {
namespace {

using Json = nlohmann::ordered_json;

Json measured(double accuracy) { return accuracy < 0 ? Json() : Json(accuracy); }

Json round_json(const RoundResult& result) {
  const proto::RoundRecord& record = result.record;
  Json json;
  json["round"] = record.round.value;
  json["committed"] = record.outcome == proto::RoundOutcome::kCommitted;
  json["reason"] = record.reason;
  json["model_version"] = record.committed_version.value;
  json["accuracy"] = result.accuracy;
  json["test_loss"] = result.test_loss;
  json["seconds"] = result.seconds;
  json["cohorts"] = record.cohorts;
  json["plans_given"] = record.plans_given;
  json["joined"] = record.joined;
  json["shared"] = record.shared;
  json["collected"] = record.collected;
  json["confirmed"] = record.confirmed;
  json["unmasked"] = record.unmasked;
  json["dropped_before_keys"] = result.dropped_before_keys;
  json["dropped_after_keys"] = result.dropped_after_keys;
  json["dropped_after_shares"] = result.dropped_after_shares;
  json["dropped_after_vector"] = result.dropped_after_vector;
  json["dropped_after_confirm"] = result.dropped_after_confirm;
  json["uplink_bytes"] = record.uplink_bytes;
  json["clip"] = record.clip;
  json["weight"] = record.metrics.weight;
  json["examples"] = record.metrics.examples;
  json["correct"] = record.metrics.sums[0];
  json["loss_1024"] = record.metrics.sums[1];
  json["clipped"] = record.metrics.clipped;
  return json;
}

Json device_json(const DeviceResult& result) {
  Json json;
  json["device"] = result.device;
  json["initial_accuracy"] = result.initial_accuracy;
  json["local_accuracy"] = measured(result.local_accuracy);
  json["final_accuracy"] = result.final_accuracy;
  return json;
}

}  // namespace

std::string to_json(const ExperimentResult& result) {
  Json json;
  json["dataset"] = result.dataset;
  json["devices"] = result.devices;
  json["rounds"] = result.rounds;
  json["seed"] = result.seed;
  json["aggregation"] = result.aggregation;
  json["transport"] = result.transport;
  json["clients_per_round"] = result.clients_per_round;
  json["local_epochs"] = result.local_epochs;
  json["batch_size"] = result.batch_size;
  json["learning_rate"] = result.learning_rate;
  json["dropout"] = result.dropout;
  json["parameters"] = result.parameters;
  json["initial_accuracy"] = result.initial_accuracy;
  json["local_accuracy"] = measured(result.local_accuracy);
  json["central_accuracy"] = measured(result.central_accuracy);
  json["final_accuracy"] = result.final_accuracy;
  json["accuracy"] = Json::array();
  for (const RoundResult& round : result.per_round) json["accuracy"].push_back(round.accuracy);
  json["model_sha256"] = result.model_sha256;
  json["transcript_sha256"] = result.transcript_sha256.empty() ? Json() : Json(result.transcript_sha256);
  json["uplink_bytes_per_device"] = result.uplink_bytes_per_device;
  json["uplink_bytes_per_parameter"] = result.uplink_bytes_per_parameter;
  json["interrupted"] = result.interrupted;
  json["rounds_completed"] = result.rounds_completed;
  json["rounds_abandoned"] = result.rounds_abandoned;
  json["seconds_per_round"] = result.seconds_per_round;
  json["per_round"] = Json::array();
  for (const RoundResult& round : result.per_round) json["per_round"].push_back(round_json(round));
  json["per_device"] = Json::array();
  for (const DeviceResult& device : result.per_device) json["per_device"].push_back(device_json(device));
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace sotto::simulation
