// What ThreadSanitizer must know of the system's gRPC, which is not built for it: gRPC hands data from thread
// to thread with locks of its own that the sanitizer does not see, so everything that crosses it looks like a
// race. Reports are dropped when one of the two accesses happened inside gRPC, or in one of its headers'
// functions; that includes what our callbacks do before they take a lock of ours. Everything between our own
// threads is reported.
//
// Linked into every program with gRPC in it, see proto/CMakeLists.txt.

extern "C" {

const char* __tsan_default_options();       // NOLINT(bugprone-reserved-identifier): the sanitizer's name
const char* __tsan_default_suppressions();  // NOLINT(bugprone-reserved-identifier): the sanitizer's name

const char* __tsan_default_options() { return "ignore_noninstrumented_modules=1"; }
const char* __tsan_default_suppressions() { return "race:grpc::\n"; }

}  // extern "C"
