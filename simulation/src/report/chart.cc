#include "report/chart.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "report/markup.h"
#include "sotto/base/check.h"

namespace sotto::simulation {
namespace {

constexpr double kWidth = 760;
constexpr double kHeight = 300;
constexpr double kLeft = 76;
constexpr double kRight = 742;
constexpr double kTop = 14;
constexpr double kBottom = 250;
constexpr double kTicksWanted = 6;
constexpr std::size_t kPointsMax = 120;  // more would run together

// 1, 2 or 5 times a power of ten, so that `span` has about kTicksWanted steps.
double tick_step(double span) {
  const double rough = span / kTicksWanted;
  const double power = std::pow(10.0, std::floor(std::log10(rough)));
  const double lead = rough / power;
  return power * (lead <= 1 ? 1 : lead <= 2 ? 2 : lead <= 5 ? 5 : 10);
}

std::string attribute(const char* name, double value) {
  return fmt::format(" {}=\"{}\"", name, fixed(value, 1));
}

std::string line(double x1, double y1, double x2, double y2, const std::string& style) {
  return fmt::format("<line class=\"{}\"{}{}{}{}/>\n", style, attribute("x1", x1), attribute("y1", y1),
                     attribute("x2", x2), attribute("y2", y2));
}

struct Label {
  double x;
  double y;
  const char* anchor;
};
std::string label(const Label& at, const std::string& text) {
  return fmt::format("<text{}{} text-anchor=\"{}\">{}</text>\n", attribute("x", at.x), attribute("y", at.y),
                     at.anchor, escape(text));
}

// Maps values to heights and draws what all charts share.
class Frame {
 public:
  Frame(double lowest, double highest) : lowest_(lowest), highest_(highest) { SOTTO_CHECK(highest > lowest); }

  [[nodiscard]] double height_of(double value) const {
    const double part = (value - lowest_) / (highest_ - lowest_);
    return kBottom - std::clamp(part, 0.0, 1.0) * (kBottom - kTop);
  }

  [[nodiscard]] std::string open(const ChartText& text) const {
    const std::string title = escape(text.id) + "-title";
    const std::string description = escape(text.id) + "-description";
    return fmt::format(
        "<svg role=\"img\" viewBox=\"0 0 {} {}\" aria-labelledby=\"{} {}\">\n"
        "<title id=\"{}\">{}</title>\n"
        "<desc id=\"{}\">{}</desc>\n"
        "<text class=\"axis-name\" text-anchor=\"middle\" transform=\"translate(16 {}) "
        "rotate(-90)\">{}</text>\n"
        "<text class=\"axis-name\" text-anchor=\"middle\"{}{}>Round</text>\n",
        fixed(kWidth, 0), fixed(kHeight, 0), title, description, title, escape(text.title), description,
        escape(text.description), fixed((kTop + kBottom) / 2, 0), escape(text.value_axis),
        attribute("x", (kLeft + kRight) / 2), attribute("y", kHeight - 8));
  }

  [[nodiscard]] std::string value_ticks(double step, const std::function<std::string(double)>& format) const {
    std::string svg;
    const auto first = static_cast<std::int64_t>(std::ceil(lowest_ / step - 1e-9));
    const auto last = static_cast<std::int64_t>(std::floor(highest_ / step + 1e-9));
    for (std::int64_t tick = first; tick <= last; ++tick) {
      const double value = static_cast<double>(tick) * step;
      svg += line(kLeft, height_of(value), kRight, height_of(value), tick == first ? "axis" : "grid");
      svg += label({kLeft - 8, height_of(value) + 4, "end"}, format(value));
    }
    return svg;
  }

 private:
  double lowest_;
  double highest_;
};

// Labels some of the rounds, evenly; x_of maps an index to the middle of its mark.
std::string round_ticks(const std::vector<std::uint64_t>& rounds,
                        const std::function<double(std::size_t)>& x_of) {
  std::string svg;
  const std::size_t step =
      std::max<std::size_t>(1, static_cast<std::size_t>(tick_step(static_cast<double>(rounds.size()) / 2)));
  for (std::size_t i = 0; i < rounds.size(); ++i) {
    if (rounds[i] % step != 0 && rounds.size() > 1) continue;
    svg += line(x_of(i), kBottom, x_of(i), kBottom + 5, "axis");
    svg += label({x_of(i), kBottom + 19, "middle"}, std::to_string(rounds[i]));
  }
  return svg;
}

// Where a line chart of fractions begins: a multiple of `step` below everything shown.
struct FractionAxis {
  double lowest = 0;
  double step = 0.1;
};
FractionAxis choose_axis(const LineChart& chart) {
  double lowest = 1;
  for (const double value : chart.values) lowest = std::min(lowest, value);
  for (const ReferenceLine& reference : chart.references) lowest = std::min(lowest, reference.value);
  const double step = lowest < 0.5 ? 0.2 : 0.1;
  return {std::clamp(std::floor(lowest / step) * step, 0.0, 0.9), step};
}

// Each label above its line, but below it where it would meet the label of a higher line.
std::string draw_references(const LineChart& chart, const Frame& frame) {
  constexpr double kLabelHeight = 18;
  std::string svg;
  for (const ReferenceLine& reference : chart.references) {
    const double y = frame.height_of(reference.value);
    const bool crowded = std::ranges::any_of(chart.references, [&](const ReferenceLine& other) {
      return other.value > reference.value && y - frame.height_of(other.value) < kLabelHeight;
    });
    svg += line(kLeft, y, kRight, y, "reference " + reference.style);
    svg += label({kRight, crowded ? y + kLabelHeight - 4 : y - 6, "end"},
                 reference.label + " " + percent(reference.value));
  }
  return svg;
}

}  // namespace

std::string draw(const LineChart& chart) {
  SOTTO_CHECK(!chart.values.empty() && chart.values.size() == chart.rounds.size());
  const std::size_t count = chart.values.size();
  const auto x_of = [&](std::size_t index) {
    if (count == 1) return (kLeft + kRight) / 2;
    return kLeft + 10 + (kRight - kLeft - 20) * static_cast<double>(index) / static_cast<double>(count - 1);
  };
  const FractionAxis axis = choose_axis(chart);
  const Frame frame(axis.lowest, 1);
  std::string svg = frame.open(chart.text);
  svg += frame.value_ticks(axis.step, [](double value) { return fixed(100 * value, 0) + " %"; });
  svg += round_ticks(chart.rounds, x_of);
  svg += draw_references(chart, frame);
  svg += "<polyline class=\"curve\" points=\"";
  for (std::size_t i = 0; i < count; ++i) {
    svg += fmt::format("{}{},{}", i == 0 ? "" : " ", fixed(x_of(i), 1),
                       fixed(frame.height_of(chart.values[i]), 1));
  }
  svg += "\"/>\n";
  for (std::size_t i = 0; i < count; ++i) {
    const std::string note = i < chart.notes.size() ? chart.notes[i] : "";
    if (count > kPointsMax && note.empty()) continue;
    svg += fmt::format("<circle class=\"{}\" r=\"{}\"{}{}><title>Round {}: {}{}</title></circle>\n",
                       std::string(note.empty() ? "point" : "point noted"), (count <= 40 ? "3.5" : "2"),
                       attribute("cx", x_of(i)), attribute("cy", frame.height_of(chart.values[i])),
                       chart.rounds[i], percent(chart.values[i]), (note.empty() ? "" : ", " + escape(note)));
  }
  return svg + "</svg>\n";
}

std::string draw(const BarChart& chart) {
  const std::size_t count = chart.rounds.size();
  SOTTO_CHECK(count > 0);
  double highest = 0;
  for (std::size_t i = 0; i < count; ++i) {
    double total = 0;
    for (const BarLayer& layer : chart.layers) total += layer.values.at(i);
    highest = std::max(highest, total);
  }
  if (highest <= 0) highest = 1;
  double step = tick_step(highest);
  if (chart.whole_numbers) step = std::max(step, 1.0);
  const Frame frame(0, std::ceil(highest / step) * step);
  const double pitch = (kRight - kLeft) / static_cast<double>(count);
  const double width = std::min(pitch > 4 ? pitch * 0.78 : pitch, 48.0);
  const auto x_of = [&](std::size_t index) { return kLeft + pitch * (static_cast<double>(index) + 0.5); };
  std::string svg = frame.open(chart.text);
  svg += frame.value_ticks(step, chart.format);
  svg += round_ticks(chart.rounds, x_of);
  for (std::size_t i = 0; i < count; ++i) {
    double below = 0;
    for (const BarLayer& layer : chart.layers) {
      const double value = layer.values[i];
      if (value <= 0) continue;
      const double top = frame.height_of(below + value);
      svg += fmt::format("<rect class=\"{}\"{}{}{}{}><title>Round {}, {}: {}</title></rect>\n", layer.style,
                         attribute("x", x_of(i) - width / 2), attribute("y", top), attribute("width", width),
                         attribute("height", frame.height_of(below) - top), chart.rounds[i],
                         escape(layer.name), escape(chart.format(value)));
      below += value;
    }
  }
  return svg + "</svg>\n";
}

}  // namespace sotto::simulation
