#include "output.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "sotto/base/hex.h"
#include "sotto/host/file.h"
#include "sotto/proto/task_json.h"

namespace sotto::cli {

ExitCode report_error(const Status& status) {
  std::fflush(stdout);
  std::fprintf(stderr, "sotto: error: %s\n", status.message().c_str());
  return status.code() == StatusCode::kInvalidArgument ? ExitCode::kUsage : ExitCode::kFailed;
}

nlohmann::json to_json(const proto::TaskStatus& task) {
  nlohmann::json json = nlohmann::json::parse(proto::encode_task_spec(task.spec));
  json.update({{"id", task.id.value},
               {"state", proto::to_string(task.state)},
               {"model_version", task.model_version.value},
               {"rounds_committed", task.rounds_committed},
               {"rounds_abandoned", task.rounds_abandoned},
               {"parameters", task.spec.model.parameter_count()},
               {"waiting_for", task.waiting_for},
               {"waiting_until_ms", task.waiting_until_ms},
               {"spent_devices", task.spent_devices},
               {"spent_until_ms", task.spent_until_ms}});
  return json;
}

nlohmann::json to_json(const proto::RoundRecord& round, const proto::MetricList& metrics) {
  const auto& sums = round.metrics;
  nlohmann::json json = {{"round", round.round.value},
                         {"outcome", proto::to_string(round.outcome)},
                         {"reason", round.reason},
                         {"base_version", round.base_version.value},
                         {"committed_version", round.committed_version.value},
                         {"started_ms", round.started_ms},
                         {"finished_ms", round.finished_ms},
                         {"cohorts", round.cohorts},
                         {"plans_given", round.plans_given},
                         {"joined", round.joined},
                         {"shared", round.shared},
                         {"collected", round.collected},
                         {"confirmed", round.confirmed},
                         {"unmasked", round.unmasked},
                         {"uplink_bytes", round.uplink_bytes},
                         {"examples", sums.examples},
                         {"clipped_devices", sums.clipped},
                         {"clip", round.clip}};
  for (const proto::MetricMean& mean : proto::metric_means(metrics, sums)) {
    json["training_" + mean.name] = mean.value;
  }
  return json;
}

nlohmann::json to_json(const proto::ModelRecord& model) {
  return {{"version", model.version.value},
          {"sha256", to_hex(model.digest)},
          {"bytes", model.bytes},
          {"committed_ms", model.committed_ms},
          {"note", model.note}};
}

void print_table(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      line += row[i];
      if (i + 1 < row.size()) line.append(widths[i] - row[i].size() + 2, ' ');
    }
    std::printf("%s\n", line.c_str());
  }
}

void print_json(const nlohmann::json& value) { std::printf("%s\n", value.dump(2).c_str()); }

std::string decimal(double value, int digits) {
  char text[64];
  std::snprintf(text, sizeof text, "%.*f", digits, value);
  return text;
}

namespace {

// Into a pipe or terminal there is no writing beside.
Status write_stream(const std::string& path, const std::string& content) {
  std::ofstream file(path, std::ios::binary);
  file.write(content.data(), static_cast<std::streamsize>(content.size()));
  file.close();
  return file ? Status() : io_error("cannot write " + path + ": " + std::strerror(errno));
}

}  // namespace

Status write_file(const std::string& path, const std::string& content) {
  std::error_code error;
  const std::filesystem::file_status found = std::filesystem::status(path, error);
  if (std::filesystem::exists(found) && !std::filesystem::is_regular_file(found)) {
    return write_stream(path, content);
  }
  return host::write_file(path, text_bytes(content), host::kPublicFile);
}

}  // namespace sotto::cli
