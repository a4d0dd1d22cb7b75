// Benchmarks that mean something on any machine: our code and the limit it is held to run in turns, so that
// both see the same clock, caches and neighbours; the ratio of their medians is the figure. A table of all
// cases ends the run.
#pragma once

#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

namespace sotto::bench {

template <typename Work>
double seconds_of(Work&& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  benchmark::ClobberMemory();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

inline double median(std::vector<double> values) {
  if (values.empty()) return 0;
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

// Times `limit` and `ours`, each of which handles `bytes` bytes per call. The benchmark must use manual time.
template <typename Limit, typename Ours>
void run_side_by_side(benchmark::State& state, std::size_t bytes, Limit&& limit, Ours&& ours) {
  std::vector<double> limit_seconds;
  std::vector<double> our_seconds;
  for ([[maybe_unused]] auto iteration : state) {
    limit_seconds.push_back(seconds_of(limit));
    our_seconds.push_back(seconds_of(ours));
    state.SetIterationTime(our_seconds.back());
  }
  const double limit_median = median(std::move(limit_seconds));
  const double our_median = median(std::move(our_seconds));
  if (limit_median <= 0 || our_median <= 0) return;
  const auto gigabytes = static_cast<double>(bytes) * 1e-9;
  state.counters["ours_GBps"] = gigabytes / our_median;
  state.counters["limit_GBps"] = gigabytes / limit_median;
  state.counters["ratio"] = limit_median / our_median;
}

// The usual console output, and the table afterwards.
class TableReporter final : public benchmark::ConsoleReporter {
 public:
  TableReporter() : ConsoleReporter(OO_Tabular) {}

  void ReportRuns(const std::vector<Run>& runs) override {
    ConsoleReporter::ReportRuns(runs);
    for (const Run& run : runs) {
      const auto ratio = run.counters.find("ratio");
      if (ratio == run.counters.end()) continue;
      rows_.push_back(
          {run.benchmark_name(), run.counters.at("ours_GBps"), run.counters.at("limit_GBps"), ratio->second});
    }
  }

  void print_table(const char* limit_name) const {
    std::printf("\nlimit = %s, measured in turns with ours; ratio 1 is the limit\n", limit_name);
    std::printf("%-64s %12s %12s %7s\n", "case", "ours", "limit", "ratio");
    for (const Row& row : rows_) {
      std::printf("%-64s %7.2f GB/s %7.2f GB/s %7.3f\n", row.name.c_str(), row.ours, row.limit, row.ratio);
    }
  }

 private:
  struct Row {
    std::string name;
    double ours;
    double limit;
    double ratio;
  };
  std::vector<Row> rows_;
};

inline int run_all(int argc, char** argv, const char* limit_name) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  TableReporter reporter;
  benchmark::RunSpecifiedBenchmarks(&reporter);
  reporter.print_table(limit_name);
  benchmark::Shutdown();
  return 0;
}

}  // namespace sotto::bench
