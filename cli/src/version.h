// What `sotto --version` says.
#pragma once

#include <string>

namespace sotto::cli {

// "0.2.0 (080c729a1b2c)": the version, and the commit it was built from,
// "+changes" behind it when the tree had any.
std::string version_text();

// The part in parentheses. In a source that cmake/write_commit.cmake writes in every build.
const char* commit_text();

}  // namespace sotto::cli
