#include "sotto/simulation/npy.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <optional>
#include <string_view>
#include <type_traits>

#include "data/format/file.h"
#include "sotto/host/file.h"

namespace sotto::simulation {
namespace {

constexpr std::array<std::uint8_t, 8> kMagic{0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0};
constexpr std::size_t kPreambleBytes = kMagic.size() + 2;  // then the header's length as u16
constexpr std::size_t kAlignment = 64;                     // of the values within the file

template <typename Value>
struct Traits;
template <>
struct Traits<std::uint8_t> {
  using Bits = std::uint8_t;
  static constexpr std::string_view kName = "|u1";
};
template <>
struct Traits<std::int16_t> {
  using Bits = std::uint16_t;
  static constexpr std::string_view kName = "<i2";
};
template <>
struct Traits<std::int32_t> {
  using Bits = std::uint32_t;
  static constexpr std::string_view kName = "<i4";
};
template <>
struct Traits<float> {
  using Bits = std::uint32_t;
  static constexpr std::string_view kName = "<f4";
};
template <>
struct Traits<double> {
  using Bits = std::uint64_t;
  static constexpr std::string_view kName = "<f8";
};

struct Header {
  std::optional<std::string> type;
  std::optional<bool> fortran_order;
  std::optional<std::vector<std::uint64_t>> shape;
};

// Reads the one Python expression a header may hold: a dictionary of a string, a truth value and a tuple.
class HeaderParser {
 public:
  explicit HeaderParser(std::string_view text) : rest_(text) {}

  // Nothing when the text is anything else.
  std::optional<Header> parse() {
    Header header;
    if (!take('{')) return std::nullopt;
    while (!take('}')) {
      const auto key = string();
      if (!key || !take(':') || !value(*key, header)) return std::nullopt;
      if (!take(',') && !next_is('}')) return std::nullopt;
    }
    skip_space();
    if (!rest_.empty() || !header.type || !header.fortran_order || !header.shape) return std::nullopt;
    return header;
  }

 private:
  bool value(const std::string& key, Header& header) {
    if (key == "descr" && !header.type) return (header.type = string()).has_value();
    if (key == "fortran_order" && !header.fortran_order) return (header.fortran_order = truth()).has_value();
    if (key == "shape" && !header.shape) return (header.shape = tuple()).has_value();
    return false;
  }

  std::optional<std::string> string() {
    skip_space();
    if (rest_.empty() || (rest_[0] != '\'' && rest_[0] != '"')) return std::nullopt;
    const std::size_t end = rest_.find(rest_[0], 1);
    if (end == std::string_view::npos) return std::nullopt;
    std::string text(rest_.substr(1, end - 1));
    rest_.remove_prefix(end + 1);
    return text;
  }

  std::optional<bool> truth() {
    skip_space();
    for (const auto& [word, meaning] : {std::pair<std::string_view, bool>{"True", true}, {"False", false}}) {
      if (!rest_.starts_with(word)) continue;
      rest_.remove_prefix(word.size());
      return meaning;
    }
    return std::nullopt;
  }

  std::optional<std::vector<std::uint64_t>> tuple() {
    std::vector<std::uint64_t> lengths;
    if (!take('(')) return std::nullopt;
    while (!take(')')) {
      skip_space();
      std::uint64_t length = 0;
      const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), length);
      if (error != std::errc() || lengths.size() == kNpyDimensionsMax) return std::nullopt;
      rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
      lengths.push_back(length);
      if (!take(',') && !next_is(')')) return std::nullopt;
    }
    return lengths;
  }

  void skip_space() {
    const std::size_t count = rest_.find_first_not_of(" \t\n");
    rest_.remove_prefix(std::min(count, rest_.size()));
  }
  bool next_is(char wanted) {
    skip_space();
    return rest_.starts_with(wanted);
  }
  bool take(char wanted) {
    if (!next_is(wanted)) return false;
    rest_.remove_prefix(1);
    return true;
  }

  std::string_view rest_;
};

// Nothing when the product does not fit.
std::optional<std::uint64_t> value_count(const std::vector<std::uint64_t>& shape) {
  std::uint64_t count = 1;
  for (const std::uint64_t length : shape) {
    if (__builtin_mul_overflow(count, length, &count)) return std::nullopt;
  }
  return count;
}

std::string to_text(const std::vector<std::uint64_t>& shape) {
  std::string text = "(";
  for (const std::uint64_t length : shape) {
    text += (length == kAnyLength ? std::string("any") : std::to_string(length)) + ", ";
  }
  if (shape.size() > 1) text.resize(text.size() - 2);
  if (shape.size() == 1) text.pop_back();
  return text + ")";
}

}  // namespace

template <typename Value>
Result<NpyArray<Value>> decode_npy(Bytes file, const std::string& name) {
  using Bits = typename Traits<Value>::Bits;
  const auto damaged = [&](const std::string& what) { return data_loss(fmt::format("'{}' {}", name, what)); };
  ByteReader reader(file);
  const Bytes magic = reader.bytes(kMagic.size());
  if (!std::ranges::equal(magic, kMagic)) return damaged("is not a .npy file of format 1.0");
  const std::uint16_t header_bytes = reader.u16();
  const Bytes text = reader.bytes(header_bytes);
  if (!reader.ok()) return damaged("is cut off inside its header");
  const auto header = HeaderParser(bytes_text(text)).parse();
  if (!header) return damaged("has a header that is not a .npy description");
  if (*header->type != Traits<Value>::kName) {
    return damaged(
        fmt::format("holds values of type '{}'; expected '{}'", *header->type, Traits<Value>::kName));
  }
  if (*header->fortran_order) return damaged("is in Fortran order; save it in C order");
  const auto count = value_count(*header->shape);
  if (!count || *count > reader.remaining() / sizeof(Value)) {
    return damaged(fmt::format("is cut off: shape {} needs more than its {} value bytes",
                               to_text(*header->shape), reader.remaining()));
  }
  if (*count * sizeof(Value) != reader.remaining()) {
    return damaged(fmt::format("has {} value bytes; shape {} needs {}", reader.remaining(),
                               to_text(*header->shape), *count * sizeof(Value)));
  }
  NpyArray<Value> array{*header->shape, std::vector<Value>(*count)};
  const Bytes values = reader.bytes(*count * sizeof(Value));
  for (std::size_t i = 0; i < array.values.size(); ++i) {
    array.values[i] = std::bit_cast<Value>(load_le<Bits>(values.data() + i * sizeof(Value)));
  }
  return array;
}

template <typename Value>
std::vector<std::uint8_t> encode_npy(const NpyArray<Value>& array) {
  using Bits = typename Traits<Value>::Bits;
  SOTTO_CHECK(value_count(array.shape) == array.values.size() && array.shape.size() <= kNpyDimensionsMax);
  std::string header = "{'descr': '" + std::string(Traits<Value>::kName) +
                       "', 'fortran_order': False, 'shape': " + to_text(array.shape) + ", }";
  const std::size_t unpadded = kPreambleBytes + header.size() + 1;
  header.append((kAlignment - unpadded % kAlignment) % kAlignment, ' ');
  header += '\n';
  std::vector<std::uint8_t> file(kPreambleBytes + header.size() + array.values.size() * sizeof(Value));
  ByteWriter writer(file);
  writer.bytes(kMagic);
  writer.u16(static_cast<std::uint16_t>(header.size()));
  writer.bytes(text_bytes(header));
  std::uint8_t* to = file.data() + writer.written();
  for (std::size_t i = 0; i < array.values.size(); ++i) {
    store_le(to + i * sizeof(Value), std::bit_cast<Bits>(array.values[i]));
  }
  return file;
}

template <typename Value>
Result<NpyArray<Value>> read_npy(const std::filesystem::path& path) {
  const auto file = read_file(path);
  if (!file) return file.error();
  return decode_npy<Value>(*file, path.string());
}

template <typename Value>
Status write_npy(const std::filesystem::path& path, const NpyArray<Value>& array) {
  return host::write_file(path, encode_npy(array), host::kPublicFile);
}

Status expect_shape(const std::vector<std::uint64_t>& shape, const std::vector<std::uint64_t>& expected,
                    const std::string& name) {
  const auto matches = [](std::uint64_t length, std::uint64_t wanted) {
    return wanted == kAnyLength || length == wanted;
  };
  if (std::ranges::equal(shape, expected, matches)) return {};
  return data_loss(fmt::format("'{}' has shape {}; expected {}", name, to_text(shape), to_text(expected)));
}

#define SOTTO_INSTANTIATE_NPY(Value)                                              \
  template Result<NpyArray<Value>> decode_npy<Value>(Bytes, const std::string&);  \
  template std::vector<std::uint8_t> encode_npy<Value>(const NpyArray<Value>&);   \
  template Result<NpyArray<Value>> read_npy<Value>(const std::filesystem::path&); \
  template Status write_npy<Value>(const std::filesystem::path&, const NpyArray<Value>&)
SOTTO_INSTANTIATE_NPY(std::uint8_t);
SOTTO_INSTANTIATE_NPY(std::int16_t);
SOTTO_INSTANTIATE_NPY(std::int32_t);
SOTTO_INSTANTIATE_NPY(float);
SOTTO_INSTANTIATE_NPY(double);
#undef SOTTO_INSTANTIATE_NPY

}  // namespace sotto::simulation
