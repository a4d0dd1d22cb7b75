#include "output.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>
#include <system_error>

#include "sotto/base/hex.h"
#include "sotto/host/output_file.h"
#include "sotto/proto/task_json.h"

namespace sotto::cli {

namespace {

struct Character {
  std::size_t bytes = 0;  // 0: there is none of UTF-8
  std::uint32_t code = 0;
};

// At the beginning of `text`, which is not empty.
Character first_character(std::string_view text) {
  const auto byte = [&text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  if (byte(0) < 0x80) return {1, byte(0)};
  const std::size_t length = byte(0) >= 0xf0 ? 4 : byte(0) >= 0xe0 ? 3 : 2;
  if (byte(0) < 0xc2 || byte(0) > 0xf4 || text.size() < length) return {};
  std::uint32_t code = byte(0) & (0x7fu >> length);
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return {};
    code = code << 6 | (byte(i) & 0x3fu);
  }
  const bool shortest = code >= (length == 4 ? 0x10000u : length == 3 ? 0x800u : 0x80u);
  const bool surrogate = code >= 0xd800 && code <= 0xdfff;
  return shortest && !surrogate && code <= 0x10ffff ? Character{length, code} : Character{};
}

struct CodeRange {
  std::uint32_t first;
  std::uint32_t last;
};
// What shows as nothing, or changes how its neighbours show: controls, ends of lines, directions of writing,
// joiners, marks without a width.
constexpr std::array<CodeRange, 12> kNotShown = {{{0x7f, 0x9f},
                                                  {0xad, 0xad},
                                                  {0x61c, 0x61c},
                                                  {0x115f, 0x1160},
                                                  {0x180b, 0x180f},
                                                  {0x200b, 0x200f},
                                                  {0x2028, 0x202e},
                                                  {0x2060, 0x206f},
                                                  {0xfe00, 0xfe0f},
                                                  {0xfeff, 0xfeff},
                                                  {0xfff0, 0xfffb},
                                                  {0xe0000, 0xe0fff}}};

bool is_shown(std::uint32_t code) {
  if (code < 0x20) return code == '\n' || code == '\t';
  return std::ranges::none_of(
      kNotShown, [code](const CodeRange& range) { return code >= range.first && code <= range.last; });
}

}  // namespace

std::string terminal_text(std::string_view text) {
  std::string shown;
  while (!text.empty()) {
    const Character character = first_character(text);
    const std::size_t bytes = std::max<std::size_t>(character.bytes, 1);
    if (character.bytes > 0 && is_shown(character.code)) {
      shown.append(text.substr(0, bytes));
    } else {
      for (const char byte : text.substr(0, bytes)) {
        shown += fmt::format("\\x{:02x}", static_cast<unsigned char>(byte));
      }
    }
    text.remove_prefix(bytes);
  }
  return shown;
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t bytes = first_character(text).bytes;
    if (bytes == 0) return false;
    text.remove_prefix(bytes);
  }
  return true;
}

ExitCode report_error(const Status& status) {
  std::fflush(stdout);
  std::fprintf(stderr, "sotto: error: %s\n", terminal_text(status.message()).c_str());
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
  nlohmann::json json = {{"round", json_number(round.round.value)},
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

nlohmann::json json_number(std::uint64_t number) {
  constexpr std::uint64_t kExactUntil = std::uint64_t{1} << 53;
  return number < kExactUntil ? nlohmann::json(number) : nlohmann::json(std::to_string(number));
}

void print_table(std::vector<std::vector<std::string>> rows) {
  for (auto& row : rows) {
    for (std::string& cell : row) cell = terminal_text(cell);
  }
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

void print_json(const nlohmann::json& value) {
  // Bytes that are no UTF-8, of a file's name for instance, would be an exception.
  std::printf("%s\n", value.dump(2, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
}

std::string decimal(double value, int digits) {
  char text[64];
  std::snprintf(text, sizeof text, "%.*f", digits, value);
  return text;
}

namespace {

constexpr const char* kStandardOutput = "-";

// The same for two spellings of one file.
std::string one_name(const std::string& place) {
  if (place == kStandardOutput) return place;
  std::error_code error;
  const std::filesystem::path whole =
      std::filesystem::weakly_canonical(std::filesystem::absolute(place), error);
  return error ? place : whole.string();
}

Status cannot_print(int error) {
  return io_error(std::string("cannot write to standard output: ") +
                  std::error_code(error, std::generic_category()).message());
}

}  // namespace

Result<Outputs> Outputs::open(const std::vector<std::string>& places,
                              const std::vector<std::string>& inputs) {
  Outputs outputs;
  std::set<std::string> read, seen;
  for (const std::string& input : inputs) {
    if (!input.empty()) read.insert(one_name(input));
  }
  for (const std::string& place : places) {
    if (place.empty()) continue;
    if (!seen.insert(one_name(place)).second) {
      return invalid_argument("'" + place + "' is named for two outputs: choose another for one of them");
    }
    if (place != kStandardOutput && read.contains(one_name(place))) {
      return invalid_argument("'" + place +
                              "' is what the command reads: choose another file for what it makes");
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
