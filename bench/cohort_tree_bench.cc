// A whole round of a large fleet in bounded memory: cohorts one after the other, their sums merged, in one
// process or in several that hand over partial sums as bytes.
//
//   cohort_tree_bench [--devices 10000] [--parameters 100000] [--cohort 250] [--dropout 0.1] [--threads 2]
//                     [--processes 1] [--curious] [--json FILE]
//   cohort_tree_bench --quick        small, in one process and in three: the sums must be equal
//
// Every cohort's sum is checked against that of the plain vectors. The peak is the resident memory of the
// largest process; beside it stands what all vectors together would take, which nobody holds.
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "cohort_tree.h"
#include "side_by_side.h"
#include "sotto/base/check.h"
#include "sotto/base/hex.h"

namespace sotto::bench {
namespace {

using aggregator::CohortSum;

struct Run {
  TreeOptions tree{.devices = 10'000, .parameters = 100'000, .cohort_devices = 250, .dropout_fraction = 0.1};
  std::size_t threads = 2;
  std::uint32_t processes = 1;
};

// The cohorts that are process `process`'s.
CohortSum play_share(const CohortTree& tree, const Run& run, std::uint32_t process, TreeSeconds& seconds) {
  const auto executor = make_thread_pool(run.threads);
  CohortSum sum;
  for (std::uint32_t cohort = process; cohort < tree.cohort_count(); cohort += run.processes)
    sum.merge(tree.play(cohort, *executor, seconds));
  return sum;
}

// A child that writes its partial sum to the returned descriptor.
int start_process(const CohortTree& tree, const Run& run, std::uint32_t process) {
  int ends[2];
  SOTTO_CHECK(pipe(ends) == 0);
  const pid_t child = fork();
  SOTTO_CHECK(child >= 0);
  if (child > 0) {
    close(ends[1]);
    return ends[0];
  }
  TreeSeconds seconds;
  const std::vector<std::uint8_t> bytes =
      aggregator::encode_cohort_sum(play_share(tree, run, process, seconds), tree.plan_digest());
  for (std::size_t written = 0; written < bytes.size();) {
    const ssize_t count = write(ends[1], bytes.data() + written, bytes.size() - written);
    if (count <= 0) _exit(1);
    written += static_cast<std::size_t>(count);
  }
  _exit(0);
}

CohortSum read_partial_sum(int descriptor, const CohortTree& tree) {
  std::vector<std::uint8_t> bytes;
  std::array<std::uint8_t, 65'536> part;
  for (ssize_t count = 0; (count = read(descriptor, part.data(), part.size())) > 0;)
    bytes.insert(bytes.end(), part.begin(), part.begin() + count);
  close(descriptor);
  auto sum = aggregator::decode_cohort_sum(bytes, tree.plan_digest());
  SOTTO_CHECK(sum.has_value());
  return *std::move(sum);
}

CohortSum play_round(const CohortTree& tree, const Run& run, TreeSeconds& seconds) {
  if (run.processes == 1) return play_share(tree, run, 0, seconds);
  std::vector<int> descriptors;
  for (std::uint32_t process = 0; process < run.processes; ++process)
    descriptors.push_back(start_process(tree, run, process));
  CohortSum sum;
  for (const int descriptor : descriptors) sum.merge(read_partial_sum(descriptor, tree));
  for (std::size_t i = 0; i < descriptors.size(); ++i) {
    int status = 0;
    SOTTO_CHECK(wait(&status) > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0);
  }
  return sum;
}

double peak_megabytes() {
  rusage self{};
  rusage children{};
  getrusage(RUSAGE_SELF, &self);
  getrusage(RUSAGE_CHILDREN, &children);
  return static_cast<double>(std::max(self.ru_maxrss, children.ru_maxrss)) / 1e3;
}

void report(const Run& run, const std::string& json_file) {
  const CohortTree tree(run.tree);
  TreeSeconds seconds;
  CohortSum sum;
  const double total = seconds_of([&] { sum = play_round(tree, run, seconds); });
  const double peak = peak_megabytes();
  const double vectors = 2e-6 * run.tree.devices * run.tree.parameters;
  const std::string digest = to_hex(crypto::sha256({aggregator::encode_cohort_sum(sum, crypto::Digest{})}));
  std::printf("%u devices x %u parameters, %u cohorts, %.0f %% drop-out: %u in the sum\n", run.tree.devices,
              run.tree.parameters, tree.cohort_count(), 100 * run.tree.dropout_fraction, sum.devices);
  std::printf("  %.1f s (devices %.1f s, aggregator %.1f s), %u process(es) of %zu thread(s)\n", total,
              seconds.devices, seconds.aggregator, run.processes, run.threads);
  std::printf("  peak %.1f MB; all vectors together would be %.1f MB; sum %.16s\n", peak, vectors,
              digest.c_str());
  if (json_file.empty()) return;
  std::ofstream(json_file) << nlohmann::json{{"devices", run.tree.devices},
                                             {"parameters", run.tree.parameters},
                                             {"cohorts", tree.cohort_count()},
                                             {"summed", sum.devices},
                                             {"seconds", total},
                                             {"device_seconds", seconds.devices},
                                             {"aggregator_seconds", seconds.aggregator},
                                             {"peak_megabytes", peak},
                                             {"vectors_megabytes", vectors},
                                             {"sum_sha256", digest}}
                                  .dump(2)
                           << '\n';
}

// The same fleet in one process and in three, one thread and two: the same sum, bit for bit.
int quick() {
  Run run;
  run.tree = {.devices = 60, .parameters = 500, .cohort_devices = 13, .dropout_fraction = 0.1};
  const CohortTree tree(run.tree);
  const auto bytes_with = [&](std::size_t threads, std::uint32_t processes) {
    run.threads = threads;
    run.processes = processes;
    TreeSeconds seconds;
    return aggregator::encode_cohort_sum(play_round(tree, run, seconds), tree.plan_digest());
  };
  const std::vector<std::uint8_t> alone = bytes_with(1, 1);
  const bool equal = alone == bytes_with(2, 1) && alone == bytes_with(1, 3);
  std::puts(equal ? "one process and three give the same sum" : "the sums differ");
  return equal ? 0 : 1;
}

int usage() {
  std::fputs(
      "cohort_tree_bench [--devices N] [--parameters N] [--cohort N] [--dropout F] [--threads N] "
      "[--processes N] [--curious] [--json FILE] | --quick\n",
      stderr);
  return 2;
}

}  // namespace

int run_tree(int argc, char** argv) {
  Run run;
  std::map<std::string, std::string> values;
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    if (name == "--quick") return quick();
    if (name == "--curious") {
      run.tree.adversary = secagg::Adversary::kCurious;
      continue;
    }
    if (i + 1 == argc) return usage();
    values[name] = argv[++i];
  }
  const auto number = [&](const char* name, double otherwise) {
    const auto found = values.extract(name);
    return found.empty() ? otherwise : std::atof(found.mapped().c_str());
  };
  run.tree.devices = static_cast<std::uint32_t>(number("--devices", run.tree.devices));
  run.tree.parameters = static_cast<std::uint32_t>(number("--parameters", run.tree.parameters));
  run.tree.cohort_devices = static_cast<std::uint32_t>(number("--cohort", run.tree.cohort_devices));
  run.tree.dropout_fraction = number("--dropout", run.tree.dropout_fraction);
  run.threads = static_cast<std::size_t>(number("--threads", 2));
  run.processes = static_cast<std::uint32_t>(number("--processes", 1));
  const auto json = values.extract("--json");
  const bool sensible = run.tree.cohort_devices >= 3 && run.tree.devices >= 3 && run.tree.parameters >= 4 &&
                        run.tree.parameters % 2 == 0 && run.threads >= 1 && run.processes >= 1;
  if (!values.empty() || !sensible) return usage();
  report(run, json.empty() ? "" : json.mapped());
  return 0;
}

}  // namespace sotto::bench

int main(int argc, char** argv) { return sotto::bench::run_tree(argc, argv); }
