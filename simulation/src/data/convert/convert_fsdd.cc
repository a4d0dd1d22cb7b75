#include <fmt/core.h>

#include <sndfile.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <system_error>
#include <vector>

#include "data/convert/convert.h"
#include "data/format/file.h"
#include "data/fsdd_format.h"
#include "data/signal/cepstra.h"
#include "sotto/simulation/npy.h"

namespace sotto::simulation {
namespace {

constexpr std::string_view kNamePattern = "digit_speaker_take.wav";

struct RecordingName {
  std::size_t speaker = 0;
  std::uint8_t digit = 0;
  std::uint8_t take = 0;
  friend auto operator<=>(const RecordingName&, const RecordingName&) = default;
};

// A whole number of 0 .. highest and nothing else.
std::optional<std::uint8_t> parse_number(std::string_view text, unsigned highest) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value > highest) return std::nullopt;
  return static_cast<std::uint8_t>(value);
}

Result<RecordingName> parse_name(const std::filesystem::path& path) {
  const auto wrong = [&](const std::string& what) {
    return invalid_argument(fmt::format("'{}' is not named {}: {}", path.string(), kNamePattern, what));
  };
  const std::string stem = path.stem().string();
  const std::size_t first = stem.find('_');
  const std::size_t last = stem.rfind('_');
  if (first == std::string::npos || first == last) return wrong("it does not have three parts");
  const auto digit = parse_number(std::string_view(stem).substr(0, first), kFsddClasses - 1);
  if (!digit) return wrong("the digit is not 0 to 9");
  const auto take =
      parse_number(std::string_view(stem).substr(last + 1), std::numeric_limits<std::uint8_t>::max());
  if (!take) return wrong("the take is not 0 to 255");
  const auto speaker =
      std::ranges::find(kFsddSpeakers, std::string_view(stem).substr(first + 1, last - first - 1));
  if (speaker == kFsddSpeakers.end()) return wrong("the speaker is none of the six known ones");
  return RecordingName{static_cast<std::size_t>(speaker - kFsddSpeakers.begin()), *digit, *take};
}

struct CloseSound {
  void operator()(SNDFILE* file) const { sf_close(file); }
};

// At most the first second.
Result<std::vector<std::int16_t>> read_recording(const std::filesystem::path& path) {
  SF_INFO info{};
  const std::unique_ptr<SNDFILE, CloseSound> file(sf_open(path.c_str(), SFM_READ, &info));
  if (file == nullptr) {
    return data_loss(fmt::format("'{}' cannot be read: {}", path.string(), sf_strerror(nullptr)));
  }
  if (info.samplerate != kCepstraSampleHz || info.channels != 1) {
    return data_loss(fmt::format("'{}' has {} Hz and {} channels; recordings are 8000 Hz mono", path.string(),
                                 info.samplerate, info.channels));
  }
  if ((info.format & SF_FORMAT_SUBMASK) != SF_FORMAT_PCM_16) {
    return data_loss("'" + path.string() + "' does not hold 16-bit samples");
  }
  std::vector<std::int16_t> samples(kCepstraSamples);
  const sf_count_t count = sf_readf_short(file.get(), samples.data(), kCepstraSamples);
  if (count <= 0) return data_loss("'" + path.string() + "' holds no samples");
  samples.resize(static_cast<std::size_t>(count));
  return samples;
}

// Every recording below `directory`, in the order of the output.
Result<std::map<RecordingName, std::filesystem::path>> find_recordings(
    const std::filesystem::path& directory) {
  std::map<RecordingName, std::filesystem::path> recordings;
  std::error_code error;
  for (std::filesystem::directory_iterator entry(directory, error), end; !error && entry != end;
       entry.increment(error)) {
    if (entry->path().extension() != ".wav") continue;
    const auto name = parse_name(entry->path());
    if (!name) return name.error();
    if (!recordings.emplace(*name, entry->path()).second) {
      return invalid_argument("'" + entry->path().string() +
                              "' is there twice, under names that mean the same");
    }
  }
  if (error) {
    return io_error(fmt::format("folder '{}' cannot be listed: {}", directory.string(), error.message()));
  }
  if (recordings.empty()) {
    return not_found(fmt::format("'{}' holds no recordings named {}", directory.string(), kNamePattern));
  }
  return recordings;
}

struct SpeakerRows {
  std::vector<std::int16_t> cepstra;
  std::vector<std::uint8_t> digits;
  std::vector<std::uint8_t> takes;
};

std::int16_t to_count(double cepstrum) {
  const double count = std::nearbyint(cepstrum * kFsddScale);
  return static_cast<std::int16_t>(std::clamp<double>(count, std::numeric_limits<std::int16_t>::min(),
                                                      std::numeric_limits<std::int16_t>::max()));
}

}  // namespace

Status convert_fsdd(const std::filesystem::path& source, const std::filesystem::path& destination) {
  const std::filesystem::path inner = source / "recordings";
  const auto recordings = find_recordings(check_directory(inner).ok() ? inner : source);
  if (!recordings) return recordings.error();
  CepstraExtractor extractor;
  std::array<SpeakerRows, kFsddSpeakers.size()> speakers;
  for (const auto& [name, path] : *recordings) {
    const auto samples = read_recording(path);
    if (!samples) return samples.error();
    SpeakerRows& rows = speakers[name.speaker];
    for (const double cepstrum : extractor.extract(*samples)) rows.cepstra.push_back(to_count(cepstrum));
    rows.digits.push_back(name.digit);
    rows.takes.push_back(name.take);
  }
  SOTTO_RETURN_IF_ERROR(make_directory(destination));
  for (std::size_t i = 0; i < speakers.size(); ++i) {
    SpeakerRows& rows = speakers[i];
    if (rows.digits.empty()) continue;  // an excerpt
    const std::uint64_t count = rows.digits.size();
    const FsddPaths paths = fsdd_paths(destination, kFsddSpeakers[i]);
    SOTTO_RETURN_IF_ERROR(write_npy<std::int16_t>(
        paths.cepstra, {{count, kCepstraFrames, kCepstraPerFrame}, std::move(rows.cepstra)}));
    SOTTO_RETURN_IF_ERROR(write_npy<std::uint8_t>(paths.digits, {{count}, std::move(rows.digits)}));
    SOTTO_RETURN_IF_ERROR(write_npy<std::uint8_t>(paths.takes, {{count}, std::move(rows.takes)}));
  }
  return {};
}

}  // namespace sotto::simulation
