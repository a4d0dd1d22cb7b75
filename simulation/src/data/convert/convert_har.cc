#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <fstream>
#include <limits>
#include <string_view>
#include <vector>

#include "data/convert/convert.h"
#include "data/format/file.h"
#include "data/har_format.h"
#include "data/signal/window_features.h"
#include "sotto/host/input_file.h"
#include "sotto/simulation/npy.h"

namespace sotto::simulation {
namespace {

constexpr std::array<std::string_view, kHarChannels> kSignals{"body_acc_x",  "body_acc_y",  "body_acc_z",
                                                              "body_gyro_x", "body_gyro_y", "body_gyro_z",
                                                              "total_acc_x", "total_acc_y", "total_acc_z"};
constexpr std::size_t kWindowCounts = kWindowSamples * kHarChannels;

struct SubjectWindows {
  std::vector<std::int16_t> counts;
  std::vector<std::uint8_t> labels;
};
using Subjects = std::array<SubjectWindows, kHarSubjects + 1>;  // by number; entry 0 stays empty

// One published text file, line by line; knows where it is for messages.
class LineReader {
 public:
  // A pipe in its place is not opened: that would wait for whoever writes to it.
  explicit LineReader(std::filesystem::path path) : path_(std::move(path)) {
    if (host::check_regular(path_).ok()) file_.open(path_);
  }

  [[nodiscard]] Status opened() const {
    SOTTO_RETURN_IF_ERROR(host::check_regular(path_));
    if (file_.is_open()) return {};
    return not_found("'" + path_.string() + "' is missing or cannot be opened");
  }
  bool next() {
    if (!std::getline(file_, line_)) return false;
    ++number_;
    rest_ = line_;
    return true;
  }
  // The next number of this line into `value`; false at the line's end and at anything else.
  template <typename Number>
  bool number(Number& value) {
    skip_space();
    const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), value);
    if (error != std::errc()) return false;
    rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
    return rest_.empty() || is_space(rest_.front());
  }
  bool line_is_used_up() {
    skip_space();
    return rest_.empty();
  }
  [[nodiscard]] Status wrong(const std::string& what) const {
    return data_loss(fmt::format("'{}' line {}: {}", path_.string(), number_, what));
  }
  [[nodiscard]] Status wrong_length(std::size_t expected) const {
    return data_loss(fmt::format("'{}' has {} lines or fewer; the subjects' file has {}", path_.string(),
                                 number_, expected));
  }

 private:
  static bool is_space(char character) { return character == ' ' || character == '\t' || character == '\r'; }
  void skip_space() {
    while (!rest_.empty() && is_space(rest_.front())) rest_.remove_prefix(1);
  }

  std::filesystem::path path_;
  std::ifstream file_;
  std::string line_;
  std::string_view rest_;
  std::size_t number_ = 0;
};

// One whole number per line, from `lowest` to `highest`.
Result<std::vector<std::uint8_t>> read_numbers(const std::filesystem::path& path, unsigned lowest,
                                               unsigned highest) {
  LineReader reader(path);
  SOTTO_RETURN_IF_ERROR(reader.opened());
  std::vector<std::uint8_t> numbers;
  while (reader.next()) {
    unsigned number = 0;
    if (!reader.number(number) || !reader.line_is_used_up() || number < lowest || number > highest) {
      return reader.wrong(fmt::format("expected one whole number from {} to {}", lowest, highest));
    }
    numbers.push_back(static_cast<std::uint8_t>(number));
  }
  return numbers;
}

// Fills channel `channel` of every window.
Status read_signal(const std::filesystem::path& path, std::size_t channel,
                   std::vector<std::int16_t>& counts) {
  const std::size_t windows = counts.size() / kWindowCounts;
  LineReader reader(path);
  SOTTO_RETURN_IF_ERROR(reader.opened());
  for (std::size_t window = 0; window < windows; ++window) {
    if (!reader.next()) return reader.wrong_length(windows);
    for (std::size_t i = 0; i < kWindowSamples; ++i) {
      double value = 0;
      if (!reader.number(value)) {
        return reader.wrong(fmt::format("expected {} numbers, read {}", kWindowSamples, i));
      }
      const double count = std::nearbyint(value * har_scale(channel));
      if (!(std::abs(count) <= std::numeric_limits<std::int16_t>::max())) {
        return reader.wrong(fmt::format("number {} is too large for this sensor", i + 1));
      }
      counts[window * kWindowCounts + i * kHarChannels + channel] = static_cast<std::int16_t>(count);
    }
    if (!reader.line_is_used_up()) return reader.wrong(fmt::format("more than {} numbers", kWindowSamples));
  }
  if (reader.next())
    return reader.wrong(fmt::format("more lines than the subjects' file, which has {}", windows));
  return {};
}

// `part` is "train" or "test".
Status read_part(const std::filesystem::path& directory, const std::string& part, Subjects& subjects) {
  const auto owners = read_numbers(directory / ("subject_" + part + ".txt"), 1, kHarSubjects);
  if (!owners) return owners.error();
  const std::filesystem::path label_path = directory / ("y_" + part + ".txt");
  const auto labels = read_numbers(label_path, 1, kHarClasses);
  if (!labels) return labels.error();
  if (labels->size() != owners->size()) {
    return data_loss(fmt::format("'{}' has {} lines; the subjects' file has {}", label_path.string(),
                                 labels->size(), owners->size()));
  }
  std::vector<std::int16_t> counts(owners->size() * kWindowCounts);
  for (std::size_t channel = 0; channel < kHarChannels; ++channel) {
    const std::string name = std::string(kSignals[channel]) + "_" + part + ".txt";
    SOTTO_RETURN_IF_ERROR(read_signal(directory / "Inertial Signals" / name, channel, counts));
  }
  for (std::size_t window = 0; window < owners->size(); ++window) {
    SubjectWindows& subject = subjects[(*owners)[window]];
    const auto from = counts.begin() + static_cast<std::ptrdiff_t>(window * kWindowCounts);
    subject.counts.insert(subject.counts.end(), from, from + kWindowCounts);
    subject.labels.push_back(static_cast<std::uint8_t>((*labels)[window] - 1));
  }
  return {};
}

}  // namespace

Status convert_har(const std::filesystem::path& source, const std::filesystem::path& destination) {
  const std::filesystem::path inner = source / "UCI HAR Dataset";
  const std::filesystem::path root = check_directory(inner).ok() ? inner : source;
  Subjects subjects;
  for (const std::string part : {"train", "test"}) {
    if (const Status status = check_directory(root / part); !status.ok()) {
      return status.with_context("this is not the unpacked 'UCI HAR Dataset'");
    }
    SOTTO_RETURN_IF_ERROR(read_part(root / part, part, subjects));
  }
  SOTTO_RETURN_IF_ERROR(make_directory(destination));
  for (unsigned number = 1; number <= kHarSubjects; ++number) {
    SubjectWindows& subject = subjects[number];
    if (subject.labels.empty()) continue;  // an excerpt
    const std::uint64_t windows = subject.labels.size();
    const HarPaths paths = har_paths(destination, number);
    SOTTO_RETURN_IF_ERROR(write_npy<std::int16_t>(
        paths.windows, {{windows, kWindowSamples, kHarChannels}, std::move(subject.counts)}));
    SOTTO_RETURN_IF_ERROR(write_npy<std::uint8_t>(paths.labels, {{windows}, std::move(subject.labels)}));
  }
  return {};
}

}  // namespace sotto::simulation
