// What the sanitizers must know of the system's gRPC, which is not built for them. Linked into every program
// with gRPC in it, see proto/CMakeLists.txt.
//
// Threads: gRPC hands data from thread to thread with locks of its own that the sanitizer does not see, so
// everything that crosses it looks like a race. Reports are dropped when one of the two accesses happened
// inside gRPC, or in one of its headers' functions; that includes what our callbacks do before they take a
// lock of ours. Everything between our own threads is reported. Leaks: gRPC's resolver never frees a domain
// name of ten bytes or so, once in a process.

extern "C" {

// NOLINTBEGIN(bugprone-reserved-identifier): the sanitizers' names
const char* __tsan_default_options();
const char* __tsan_default_suppressions();
const char* __lsan_default_suppressions();

const char* __tsan_default_options() { return "ignore_noninstrumented_modules=1"; }
const char* __tsan_default_suppressions() { return "race:grpc::\n"; }
const char* __lsan_default_suppressions() { return "leak:libcares.so\n"; }
// NOLINTEND(bugprone-reserved-identifier)

}  // extern "C"
