#include "version.h"

#include <string>

namespace sotto::cli {

std::string version_text() { return std::string(SOTTO_VERSION) + " (" + commit_text() + ")"; }

}  // namespace sotto::cli
