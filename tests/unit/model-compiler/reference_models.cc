#include "reference_models.h"

#include <cstdlib>
#include <fstream>
#include <iterator>

namespace sotto::device {

std::vector<std::uint8_t> read_model_file(const std::string& name) {
  const char* directory = std::getenv("SOTTO_MODELS_DIR");
  const std::string path =
      (directory != nullptr ? std::string(directory) : std::string(SOTTO_SOURCE_DIR "/../shared/models")) +
      "/" + name;
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

}  // namespace sotto::device
