#include "version.h"

#include "commit.h"  // written by cmake/write_commit.cmake in every build

namespace sotto::cli {

const char* version_text() { return SOTTO_VERSION " (" SOTTO_COMMIT ")"; }

}  // namespace sotto::cli
