// What `sotto --version` says.
#pragma once

namespace sotto::cli {

// "0.2.0 (080c729a1b2c)": the version, and the commit it was built from, "+changes" behind it when the tree had any.
const char* version_text();

}  // namespace sotto::cli
