// Charts over rounds as inline SVG. Colours come from the page's style sheet through class names; every mark
// carries its figures as a title, which browsers show as a tooltip and screen readers read.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace sotto::simulation {

struct ChartText {
  std::string id;           // unique on the page
  std::string title;        // for screen readers: what is shown
  std::string description;  // and what it says
  std::string value_axis;
};

struct ReferenceLine {
  std::string label;
  std::string style;  // class name
  double value = 0;
};

// Fractions of 1 over rounds, drawn as per cent. values and rounds are of one length, at least 1.
struct LineChart {
  ChartText text;
  std::vector<std::uint64_t> rounds;
  std::vector<double> values;
  std::vector<std::string> notes;  // empty, or one per round; a round with a note gets a mark of its own
  std::vector<ReferenceLine> references;
};
[[nodiscard]] std::string draw(const LineChart& chart);

struct BarLayer {
  std::string name;
  std::string style;
  std::vector<double> values;  // one per round, none negative
};

// One bar per round, layers stacked from the bottom. Every layer has rounds.size() values, at least 1.
struct BarChart {
  ChartText text;
  std::vector<std::uint64_t> rounds;
  std::vector<BarLayer> layers;
  bool whole_numbers = false;  // no ticks between them
  std::function<std::string(double)> format;
};
[[nodiscard]] std::string draw(const BarChart& chart);

}  // namespace sotto::simulation
