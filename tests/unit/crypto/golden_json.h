// How the committed vectors (tests/golden/README.md) are read.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <string_view>

#include "sotto/base/ids.h"
#include "sotto/base/random.h"
#include "test_bytes.h"

namespace sotto::secagg {

using crypto::Prg;
using Json = nlohmann::json;
using Message = std::vector<std::uint8_t>;

// A file stands in the folder of the protocol's version from which on it holds.
inline std::string path_of(std::string_view name) {
  std::string path;
  for (const char* version : {"v2", "v1"}) {
    path = std::string(SOTTO_SOURCE_DIR) + "/tests/golden/" + version + "/" + std::string(name) + ".json";
    if (std::ifstream(path).good()) break;
  }
  return path;
}

// One list of one file, by value: a range-for then keeps it alive.
inline Json read_cases(std::string_view name, const char* list = "cases") {
  const std::string path = path_of(name);
  std::ifstream file(path);
  const Json vectors = Json::parse(file, nullptr, false);
  if (vectors.is_discarded()) throw std::runtime_error(path + " is absent or not JSON");
  if (vectors.at(list).empty()) throw std::runtime_error(path + " has no " + list);
  return vectors.at(list);
}

inline Message bytes_in(const Json& text) { return crypto::unhex(text.get<std::string>()); }

inline Message bytes_of(const Json& object, const char* field) { return bytes_in(object.at(field)); }

template <std::size_t Count>
std::array<std::uint8_t, Count> array_of(const Json& object, const char* field) {
  return crypto::unhex_array<Count>(object.at(field).get<std::string>());
}

template <std::size_t Count>
crypto::SecretBytes<Count> secret_in(const Json& text) {
  return crypto::secret(crypto::unhex_array<Count>(text.get<std::string>()));
}

template <std::size_t Count>
crypto::SecretBytes<Count> secret_of(const Json& object, const char* field) {
  return crypto::secret(array_of<Count>(object, field));
}

inline ParticipantIndex index_of(const Json& object, const char* field) {
  return {object.at(field).get<std::uint16_t>()};
}

inline Prg prg_of(const Json& object) { return static_cast<Prg>(object.at("prg").get<int>()); }

template <typename Range>
std::string hex_of(const Range& bytes) {
  return to_hex(Bytes(bytes));
}

// Gives out prepared bytes, each once.
class ScriptedRandom final : public Random {
 public:
  explicit ScriptedRandom(Message bytes) : bytes_(std::move(bytes)) {}
  void fill(MutableBytes out) override {
    ASSERT_LE(out.size(), bytes_.size() - offset_) << "more randomness was drawn than the vector has";
    std::copy_n(bytes_.begin() + static_cast<std::ptrdiff_t>(offset_), out.size(), out.begin());
    offset_ += out.size();
  }
  [[nodiscard]] bool exhausted() const { return offset_ == bytes_.size(); }

 private:
  Message bytes_;
  std::size_t offset_ = 0;
};

}  // namespace sotto::secagg
