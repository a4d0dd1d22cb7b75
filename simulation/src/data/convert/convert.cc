#include "data/convert/convert.h"

#include <fmt/core.h>

#include "data/format/file.h"
#include "sotto/simulation/data_set.h"

namespace sotto::simulation {

Status convert_data_set(const std::string& name, const std::filesystem::path& source,
                        const std::filesystem::path& destination) {
  if (name != "har" && name != "fsdd") {
    const std::string advice = name == "fashion-mnist" ? "; fashion-mnist is read as it is published" : "";
    return invalid_argument(fmt::format("'{}' cannot be converted: choose har or fsdd{}", name, advice));
  }
  SOTTO_RETURN_IF_ERROR(check_directory(source));
  return name == "har" ? convert_har(source, destination) : convert_fsdd(source, destination);
}

}  // namespace sotto::simulation
