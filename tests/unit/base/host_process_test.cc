#include "sotto/host/process.h"

#include <gtest/gtest.h>

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "support/child_process.h"

namespace sotto::host {
namespace {

rlim_t core_limit() {
  rlimit limit{};
  return ::getrlimit(RLIMIT_CORE, &limit) == 0 ? limit.rlim_cur + limit.rlim_max : RLIM_INFINITY;
}

TEST(HostProcess, WritesNoCoreFilesOnceItsMemoryIsPrivate) {
  EXPECT_TRUE(in_a_child([] { return keep_memory_private().ok() && core_limit() == 0; }));
  EXPECT_TRUE(in_a_child([] { return keep_memory_private().ok() && keep_memory_private().ok(); }));
}

TEST(HostProcess, IsReadByNobodyOnceItsMemoryIsPrivate) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "the sanitizer reads its process from outside";
#endif
  EXPECT_TRUE(in_a_child([] { return ::prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 1; })) << "as it begins";
  EXPECT_TRUE(
      in_a_child([] { return keep_memory_private().ok() && ::prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0; }));
}

TEST(HostProcess, MakesFilesForItsOwnerAlone) {
  EXPECT_TRUE(in_a_child([] {
    make_files_private();
    return ::umask(0) == 077;
  }));
}

}  // namespace
}  // namespace sotto::host
