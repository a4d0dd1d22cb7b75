#include "toml_depth.h"

namespace sotto::cli {

bool nests_too_deep(std::string_view toml) {
  std::size_t dots = 0;
  char quote = 0;
  for (const char letter : toml) {
    if (letter == '\n') {
      dots = 0;
      quote = 0;
    } else if (quote != 0) {
      if (letter == quote) quote = 0;
    } else if (letter == '"' || letter == '\'') {
      quote = letter;
    } else if (letter == '.' && ++dots > kDotsOfLineMax) {
      return true;
    }
  }
  return false;
}

}  // namespace sotto::cli
