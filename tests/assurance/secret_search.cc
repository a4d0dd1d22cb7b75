#include "secret_search.h"

#include <algorithm>
#include <functional>
#include <string_view>

#include "sotto/base/hex.h"

namespace sotto::assurance {
namespace {

constexpr std::size_t kWindowBytes = 8;
constexpr std::string_view kHexadecimal = "0123456789abcdefABCDEF";
constexpr std::string_view kBase64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view kDecimal = "0123456789";

// The first piece of `text` made of `alphabet` alone, at least `length_min` long, for which `is_secret`
// holds.
std::string first_run(const std::string& text, std::string_view alphabet, std::size_t length_min,
                      const std::function<bool(const std::string&)>& is_secret) {
  for (std::size_t begin = text.find_first_of(alphabet); begin != std::string::npos;) {
    const std::size_t end = std::min(text.find_first_not_of(alphabet, begin), text.size());
    const std::string run = text.substr(begin, end - begin);
    if (run.size() >= length_min && is_secret(run)) return run;
    begin = text.find_first_of(alphabet, end);
  }
  return {};
}

std::string decode_base64(std::string_view text) {
  std::string bytes;
  std::uint32_t bits = 0;
  int count = 0;
  for (const char letter : text) {
    bits = bits << 6 | static_cast<std::uint32_t>(kBase64.find(letter));
    count += 6;
    if (count < 8) continue;
    count -= 8;
    bytes.push_back(static_cast<char>(bits >> count));
  }
  return bytes;
}

std::string little_endian(std::uint64_t value) {
  std::string bytes(sizeof value, '\0');
  store_le(reinterpret_cast<std::uint8_t*>(bytes.data()), value);
  return bytes;
}

}  // namespace

void SecretSearch::add(Bytes material) { materials_.emplace_back(material.begin(), material.end()); }

bool SecretSearch::known(const std::string& bytes) const {
  for (std::size_t i = 0; i + kWindowBytes <= bytes.size(); ++i) {
    const std::string window = bytes.substr(i, kWindowBytes);
    const bool found = std::any_of(materials_.begin(), materials_.end(), [&](const std::string& material) {
      return material.find(window) != std::string::npos;
    });
    if (found) return true;
  }
  return false;
}

std::string SecretSearch::find_in(const std::string& text) const {
  if (known(text)) return "bytes as they are";
  for (const std::string& found : {hexadecimal(text), base64(text), decimal(text)}) {
    if (!found.empty()) return found;
  }
  return {};
}

std::string SecretSearch::hexadecimal(const std::string& text) const {
  return first_run(text, kHexadecimal, 2 * kWindowBytes, [&](const std::string& run) {
    for (const std::size_t skip : {0u, 1u}) {
      const auto bytes = from_hex(std::string_view(run).substr(skip, (run.size() - skip) / 2 * 2));
      const std::string text_bytes(bytes->begin(), bytes->end());
      // A number printed in hexadecimal has its bytes the other way round.
      if (known(text_bytes) || known({text_bytes.rbegin(), text_bytes.rend()})) return true;
    }
    return false;
  });
}

std::string SecretSearch::base64(const std::string& text) const {
  return first_run(text, kBase64, kWindowBytes * 4 / 3 + 1, [&](const std::string& run) {
    for (std::size_t skip = 0; skip < 4; ++skip) {
      if (known(decode_base64(std::string_view(run).substr(skip)))) return true;
    }
    return false;
  });
}

// A 64-bit number, such as a limb of a share, or a list of bytes.
std::string SecretSearch::decimal(const std::string& text) const {
  std::string list;
  const std::string number = first_run(text, kDecimal, 1, [&](const std::string& run) {
    if (run.size() <= 3 && std::stoi(run) < 256) {
      list.push_back(static_cast<char>(std::stoi(run)));
      return false;
    }
    return run.size() >= 15 && run.size() <= 19 && known(little_endian(std::stoull(run)));
  });
  if (!number.empty()) return number;
  return known(list) ? "a list of byte values" : "";
}

}  // namespace sotto::assurance
