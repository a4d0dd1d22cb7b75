#include <fmt/core.h>

#include <array>
#include <string_view>

#include "report/chart.h"
#include "report/markup.h"
#include "sotto/simulation/report.h"

namespace sotto::simulation {
namespace {

// The content policy makes the browser hold the page to its promise: nothing is loaded, nothing runs.
constexpr std::string_view kHead = R"(<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="color-scheme" content="light dark">
)";

constexpr std::string_view kStyle = R"(<style>
:root {
  --page: #f6f7f9; --card: #ffffff; --ink: #1c2430; --soft: #566072; --rule: #dde1e8;
  --curve: #1f5fbf; --initial: #8a5a00; --local: #a3206a;
  --keys: #b9c4d6; --shares: #5b8fd6; --vector: #e08a2e; --late: #8b4fb3; --last: #c9a3e0; --bytes: #2a7f77;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #12161d; --card: #1b212b; --ink: #e8ecf2; --soft: #a3adbd; --rule: #323b49;
    --curve: #74aaff; --initial: #e0b155; --local: #f08cc0;
    --keys: #66728a; --shares: #74aaff; --vector: #f0a455; --late: #c594ea; --last: #8a5cb0; --bytes: #5cc2b7;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 900px; margin: 0 auto; padding: 32px 20px 64px; }
h1 { font-size: 1.75rem; line-height: 1.2; margin: 0 0 4px; }
h2 { font-size: 1.1rem; margin: 0 0 4px; }
p { margin: 0 0 12px; color: var(--soft); }
section { background: var(--card); border: 1px solid var(--rule); border-radius: 10px; padding: 20px;
  margin-top: 20px; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(165px, 1fr)); gap: 12px;
  margin: 20px 0 0; }
.tiles div { background: var(--card); border: 1px solid var(--rule); border-radius: 10px;
  padding: 14px 16px; }
.tiles dt { color: var(--soft); font-size: .85rem; }
.tiles dd { margin: 0; font-size: 1.5rem; font-weight: 600; font-variant-numeric: tabular-nums; }
svg { display: block; width: 100%; height: auto; }
svg text { fill: var(--soft); font-size: 12px; font-variant-numeric: tabular-nums; }
svg text { paint-order: stroke; stroke: var(--card); stroke-width: 4px; stroke-linejoin: round; }
.grid { stroke: var(--rule); } .axis { stroke: var(--soft); }
.curve { fill: none; stroke: var(--curve); stroke-width: 2.5; stroke-linejoin: round; }
.point { fill: var(--curve); } .noted { fill: var(--card); stroke: var(--curve); stroke-width: 2; }
.reference { stroke-width: 1.5; }
.initial { stroke: var(--initial); stroke-dasharray: 2 5; }
.local { stroke: var(--local); stroke-dasharray: 9 5; }
rect.keys { fill: var(--keys); } rect.shares { fill: var(--shares); } rect.vector { fill: var(--vector); }
rect.late { fill: var(--late); } rect.last { fill: var(--last); }
rect.bytes { fill: var(--bytes); }
.legend { display: flex; flex-wrap: wrap; gap: 4px 20px; list-style: none; margin: 8px 0 0; padding: 0;
  font-size: .85rem; }
.legend svg { display: inline-block; width: 12px; height: 12px; margin-right: 6px; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: 6px 12px 6px 0; border-bottom: 1px solid var(--rule);
  vertical-align: top; }
th { font-weight: 500; color: var(--soft); } .summary th { width: 40%; }
.rounds th, .rounds td { text-align: right; }
.rounds td:last-child, .rounds th:last-child { text-align: left; padding-left: 12px; }
code { font: .85em ui-monospace, monospace; overflow-wrap: anywhere; }
summary { cursor: pointer; font-weight: 600; }
</style>
)";

struct DropStep {
  std::string_view name;
  std::string_view style;
  std::uint32_t RoundResult::*count;
};
constexpr std::array<DropStep, 5> kDropSteps{{
    {"before keys", "keys", &RoundResult::dropped_before_keys},
    {"after keys", "shares", &RoundResult::dropped_after_keys},
    {"after shares", "vector", &RoundResult::dropped_after_shares},
    {"after the vector", "late", &RoundResult::dropped_after_vector},
    {"after confirming", "last", &RoundResult::dropped_after_confirm},
}};

std::vector<std::uint64_t> round_numbers(const ExperimentResult& result) {
  std::vector<std::uint64_t> rounds;
  for (const RoundResult& round : result.per_round) rounds.push_back(round.record.round.value);
  return rounds;
}

std::string tile(std::string_view name, const std::string& value) {
  return fmt::format("<div><dt>{}</dt><dd>{}</dd></div>\n", escape(name), escape(value));
}

std::string tiles(const ExperimentResult& result) {
  return "<dl class=\"tiles\">\n" + tile("Final accuracy", percent(result.final_accuracy)) +
         tile("Rounds completed", fmt::format("{} of {}", result.rounds_completed, result.rounds)) +
         tile("Uplink per parameter", fixed(result.uplink_bytes_per_parameter, 2) + " B") +
         tile("Time per round",
              fixed(result.seconds_per_round, result.seconds_per_round < 10 ? 2 : 1) + " s") +
         "</dl>\n";
}

std::string accuracy_section(const ExperimentResult& result) {
  LineChart chart;
  chart.text = {
      "accuracy", "Test accuracy after every round",
      fmt::format("From {} after the first round to {} after the last.",
                  percent(result.per_round.front().accuracy), percent(result.per_round.back().accuracy)),
      "Test accuracy"};
  chart.rounds = round_numbers(result);
  bool any_abandoned = false;
  for (const RoundResult& round : result.per_round) {
    const bool abandoned = round.record.outcome == proto::RoundOutcome::kAbandoned;
    chart.values.push_back(round.accuracy);
    chart.notes.emplace_back(abandoned ? "abandoned" : "");
    any_abandoned |= abandoned;
  }
  chart.references.push_back({"before training", "initial", result.initial_accuracy});
  if (result.local_accuracy >= 0) {
    chart.references.push_back({"one device alone", "local", result.local_accuracy});
  }
  std::string caption = "Accuracy of the global model on the test set";
  if (result.local_accuracy >= 0) caption += ", beside models that each saw one device's examples only";
  if (any_abandoned) caption += "; a hollow mark is a round that was abandoned and left the model as it was";
  return fmt::format("<section><h2>Learning curve</h2>\n<p>{}.</p>\n{}</section>\n", caption, draw(chart));
}

std::string bytes_section(const ExperimentResult& result) {
  BarChart chart;
  double total = 0;
  BarLayer layer{"received", "bytes", {}};
  for (const RoundResult& round : result.per_round) {
    layer.values.push_back(static_cast<double>(round.record.uplink_bytes));
    total += layer.values.back();
  }
  chart.text = {"bytes", "Bytes the coordinator received in every round",
                byte_count(total) + " in all rounds.", "Bytes received"};
  chart.rounds = round_numbers(result);
  chart.layers.push_back(std::move(layer));
  chart.format = byte_count;
  return fmt::format(
      "<section><h2>Bytes per round</h2>\n<p>What all devices of a round sent in their sessions; {} per "
      "device on average.</p>\n{}</section>\n",
      byte_count(result.uplink_bytes_per_device), draw(chart));
}

std::string drop_section(const ExperimentResult& result) {
  BarChart chart;
  std::uint64_t total = 0;
  std::string legend = "<ul class=\"legend\">\n";
  for (const DropStep& step : kDropSteps) {
    BarLayer layer{std::string(step.name), std::string(step.style), {}};
    std::uint64_t count = 0;
    for (const RoundResult& round : result.per_round) {
      layer.values.push_back(round.*step.count);
      count += round.*step.count;
    }
    legend += fmt::format(
        "<li><svg viewBox=\"0 0 12 12\" aria-hidden=\"true\"><rect class=\"{}\" width=\"12\" height=\"12\" "
        "rx=\"2\"/></svg>{} ({})</li>\n",
        layer.style, escape(layer.name), count);
    total += count;
    chart.layers.push_back(std::move(layer));
  }
  chart.text = {"drops", "Devices that dropped out in every round, by step",
                fmt::format("{} drop-outs in all rounds.", total), "Devices"};
  chart.rounds = round_numbers(result);
  chart.whole_numbers = true;
  chart.format = [](double value) { return fixed(value, 0); };
  return fmt::format(
      "<section><h2>Drop-outs per round</h2>\n<p>Devices that left a session, by how far they had come. A "
      "device that leaves after its vector still counts.</p>\n{}{}</ul></section>\n",
      draw(chart), legend);
}

std::string row(std::string_view name, const std::string& value) {
  return fmt::format("<tr><th scope=\"row\">{}</th><td>{}</td></tr>\n", escape(name), escape(value));
}

std::string digest_row(std::string_view name, const std::string& digest) {
  return fmt::format("<tr><th scope=\"row\">{}</th><td><code>{}</code></td></tr>\n", escape(name),
                     escape(digest));
}

std::string summary_section(const ExperimentResult& result) {
  std::string html = "<section><h2>Summary</h2>\n<div class=\"scroll\"><table class=\"summary\"><tbody>\n";
  html += row("Data set", result.dataset) + row("Devices", std::to_string(result.devices)) +
          row("Devices per round", std::to_string(result.clients_per_round)) +
          row("Rounds asked for", std::to_string(result.rounds)) +
          row("Rounds completed", std::to_string(result.rounds_completed)) +
          row("Rounds abandoned", std::to_string(result.rounds_abandoned)) +
          row("Aggregation", result.aggregation) + row("Transport", result.transport) +
          row("Local epochs", std::to_string(result.local_epochs)) +
          row("Batch size", std::to_string(result.batch_size)) +
          row("Learning rate", fixed(result.learning_rate, 4)) +
          row("Drop-out asked for", percent(result.dropout)) + row("Seed", std::to_string(result.seed)) +
          row("Model parameters", std::to_string(result.parameters)) +
          row("Accuracy before training", percent(result.initial_accuracy));
  if (result.local_accuracy >= 0) html += row("Accuracy of one device alone", percent(result.local_accuracy));
  html += row("Final accuracy", percent(result.final_accuracy)) +
          row("Uplink per device", byte_count(result.uplink_bytes_per_device)) +
          row("Uplink per parameter", fixed(result.uplink_bytes_per_parameter, 3) + " B") +
          row("Time per round", fixed(result.seconds_per_round, 3) + " s");
  html += digest_row("Model SHA-256", result.model_sha256);
  if (!result.transcript_sha256.empty()) html += digest_row("Transcript SHA-256", result.transcript_sha256);
  return html + "</tbody></table></div></section>\n";
}

std::string rounds_section(const ExperimentResult& result) {
  std::string html =
      "<section><details><summary>Every round in figures</summary>\n<div class=\"scroll\"><table "
      "class=\"rounds\"><thead><tr>";
  for (const char* name : {"Round", "Accuracy", "Test loss", "Joined", "In the sum", "Dropped out",
                           "Received", "Seconds", "Outcome"}) {
    html += std::string("<th scope=\"col\">") + name + "</th>";
  }
  html += "</tr></thead><tbody>\n";
  for (const RoundResult& round : result.per_round) {
    std::uint64_t dropped = 0;
    for (const DropStep& step : kDropSteps) dropped += round.*step.count;
    const bool committed = round.record.outcome == proto::RoundOutcome::kCommitted;
    const std::string outcome = committed ? "committed" : "abandoned: " + round.record.reason;
    html += "<tr>";
    for (const std::string& cell :
         {std::to_string(round.record.round.value), percent(round.accuracy), fixed(round.test_loss, 3),
          std::to_string(round.record.joined), std::to_string(round.record.collected),
          std::to_string(dropped), byte_count(static_cast<double>(round.record.uplink_bytes)),
          fixed(round.seconds, 2), outcome}) {
      html += "<td>" + escape(cell) + "</td>";
    }
    html += "</tr>\n";
  }
  return html + "</tbody></table></div></details></section>\n";
}

}  // namespace

std::string to_html(const ExperimentResult& result) {
  std::string html(kHead);
  html += fmt::format("<title>Sotto: {}, {} aggregation</title>\n", escape(result.dataset),
                      escape(result.aggregation));
  html += kStyle;
  html += fmt::format(
      "</head>\n<body>\n<main>\n<h1>{}: {} devices learn together</h1>\n<p>{} aggregation over {}, seed "
      "{}</p>\n",
      escape(result.dataset), result.devices, escape(result.aggregation), escape(result.transport),
      result.seed);
  html += tiles(result);
  if (result.per_round.empty()) {
    html +=
        "<section><h2>No rounds</h2>\n<p>The experiment ended before its first round did.</p></section>\n";
  } else {
    html += accuracy_section(result) + bytes_section(result) + drop_section(result);
  }
  html += summary_section(result);
  if (!result.per_round.empty()) html += rounds_section(result);
  return html + "</main>\n</body>\n</html>\n";
}

}  // namespace sotto::simulation
