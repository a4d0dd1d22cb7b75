#include "output.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <set>
#include <system_error>

#include "sotto/base/hex.h"
#include "sotto/host/output_file.h"
#include "sotto/proto/task_json.h"

namespace sotto::cli {

ExitCode report_error(const Status& status) {
  std::fflush(stdout);
  std::fprintf(stderr, "sotto: error: %s\n", status.message().c_str());
  return exit_code_of(status);
}

ExitCode exit_code_of(const Status& status) {
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

constexpr const char* kStandardOutput = "-";

Status cannot_print(int error) {
  return io_error(std::string("cannot write to standard output: ") +
                  std::error_code(error, std::generic_category()).message());
}

}  // namespace

Result<Outputs> Outputs::open(const std::vector<std::string>& places) {
  Outputs outputs;
  std::set<std::string> seen;
  for (const std::string& place : places) {
    if (place.empty()) continue;
    if (!seen.insert(place).second) {
      return invalid_argument("'" + place + "' is named for two outputs: choose another for one of them");
    }
    if (place != kStandardOutput) SOTTO_RETURN_IF_ERROR(host::check_output(place));
  }
  if (!seen.contains(kStandardOutput)) return outputs;
  std::fflush(stdout);
  outputs.standard_output_ = ::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
  if (outputs.standard_output_ < 0 || ::dup2(STDERR_FILENO, STDOUT_FILENO) < 0) return cannot_print(errno);
  return outputs;
}

Outputs::~Outputs() {
  if (standard_output_ >= 0) ::close(standard_output_);
}

Status Outputs::write(const std::string& place, Bytes content, mode_t mode) const {
  if (place.empty()) return {};
  if (place != kStandardOutput) return host::write_output(place, content, mode);
  while (!content.empty()) {
    const ssize_t written = ::write(standard_output_, content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return cannot_print(errno);
    content = content.subspan(static_cast<std::size_t>(written));
  }
  return {};
}

Status finish_standard_output() {
  errno = 0;
  const bool flushed = std::fflush(stdout) == 0;
  const int error = errno;
  if (flushed && std::ferror(stdout) == 0) return {};
  return cannot_print(error == 0 ? EIO : error);
}

}  // namespace sotto::cli
