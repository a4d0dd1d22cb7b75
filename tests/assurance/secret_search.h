// Looks for known secrets in text, in the forms in which a program prints bytes and numbers.
#pragma once

#include <string>
#include <vector>

#include "sotto/base/bytes.h"

namespace sotto::assurance {

class SecretSearch {
 public:
  // Any eight consecutive bytes of `material` count as secret.
  void add(Bytes material);
  // What was found: the piece of `text`, or an empty string.
  [[nodiscard]] std::string find_in(const std::string& text) const;

 private:
  [[nodiscard]] bool known(const std::string& bytes) const;
  [[nodiscard]] std::string hexadecimal(const std::string& text) const;
  [[nodiscard]] std::string base64(const std::string& text) const;
  [[nodiscard]] std::string decimal(const std::string& text) const;

  std::vector<std::string> materials_;
};

}  // namespace sotto::assurance
