// `sotto model publish`, `updates`, `share` and `withdraw`: signed updates of boards' models.
#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "administration.h"
#include "commands.h"
#include "image_file.h"
#include "model_update.h"
#include "output.h"
#include "places.h"
#include "sotto/base/hex.h"
#include "sotto/host/utc_text.h"
#include "sotto/identity/identity_file.h"

namespace sotto::cli {
namespace {

struct PublishOptions {
  AdministrationOptions administration;
  UpdateOptions update;
  std::string reason;
  double share = 100;  // percent
};
using Options = std::shared_ptr<PublishOptions>;
using Updates = std::vector<proto::UpdateStatus>;

std::uint32_t thousandths(double percent) { return static_cast<std::uint32_t>(std::lround(percent * 10)); }
double percent(std::uint32_t thousandths) { return thousandths / 10.0; }

nlohmann::json to_json(const Updates& updates) {
  nlohmann::json all = nlohmann::json::array();
  for (const proto::UpdateStatus& update : updates) {
    all.push_back({{"task", update.task},
                   {"class", update.device_class},
                   {"sequence", json_number(update.sequence)},
                   {"bytes", update.bytes},
                   {"sha256", to_hex(update.digest)},
                   {"expires_at", json_number(update.expires_at)},
                   {"share_percent", percent(update.share)},
                   {"self_tests", update.self_tests},
                   {"owner", to_hex(update.owner)}});
  }
  return all;
}

ExitCode print_updates(const Result<Updates>& updates, bool json) {
  if (!updates) return report_error(updates.error());
  if (json) {
    print_json(to_json(*updates));
    return ExitCode::kDone;
  }
  std::vector<std::vector<std::string>> rows = {
      {"TASK", "CLASS", "SEQUENCE", "BYTES", "SHARE", "SELF-TESTS", "EXPIRES", "SIGNED BY"}};
  for (const proto::UpdateStatus& update : *updates) {
    rows.push_back(
        {update.task, update.device_class, std::to_string(update.sequence), std::to_string(update.bytes),
         decimal(percent(update.share), 1) + " %", std::to_string(update.self_tests),
         update.expires_at == 0 ? "never"
                                : host::utc_time(static_cast<std::int64_t>(update.expires_at) * 1000),
         to_hex(Bytes(update.owner).first(8))});
  }
  print_table(rows);
  return ExitCode::kDone;
}

// What was signed elsewhere, from its files.
Result<SignedUpdate> read_signed_update(const UpdateOptions& options) {
  const auto owner = identity::load_public_key(options.public_key);
  if (!owner) return owner.error();
  auto manifest = read_file(options.manifest);
  if (!manifest) return manifest.error();
  auto content = read_file(options.content);
  if (!content) return content.error();
  return SignedUpdate{std::move(*manifest), std::move(*content), *owner};
}

// Above what is published of this task and class.
Result<std::uint64_t> next_sequence(client::AdminClient& client, const UpdateOptions& options) {
  const auto updates = client.list_updates();
  if (!updates) return updates.error();
  std::uint64_t newest = 0;
  for (const proto::UpdateStatus& update : *updates) {
    if (update.task == options.task && update.device_class == options.device_class) {
      newest = std::max(newest, update.sequence);
    }
  }
  return newest + 1;
}

Result<SignedUpdate> update_to_publish(client::AdminClient& client, UpdateOptions options) {
  if (options.key.empty()) return read_signed_update(options);
  if (options.sequence == 0) {
    const auto sequence = next_sequence(client, options);
    if (!sequence) return sequence.error();
    options.sequence = *sequence;
  }
  return sign_update(options);
}

// As CLI11 would say it.
void require_whole_choice(const UpdateOptions& options) {
  if (options.key.empty()) {
    if (options.manifest.empty()) throw CLI::RequiredError("--manifest or --key");
    if (options.public_key.empty()) throw CLI::RequiredError("--public-key");
    return;
  }
  if (options.task.empty()) throw CLI::RequiredError("--task");
  if (options.device_class.empty()) throw CLI::RequiredError("--class");
}

ExitCode publish(const PublishOptions& options) {
  auto client = connect(options.administration);
  if (!client) return report_error(client.error());
  const auto update = update_to_publish(**client, options.update);
  if (!update) return report_error(update.error());
  if (update->manifest.size() > model_update::kManifestBytesMax) {
    return report_error(
        invalid_argument(options.update.manifest + ": " + describe(model_update::Refusal::kMalformed)));
  }
  return print_updates((*client)->publish_update({.manifest = update->manifest,
                                                  .owner = update->owner,
                                                  .share = thousandths(options.share),
                                                  .reason = options.reason},
                                                 update->content),
                       options.administration.json);
}

ExitCode set_share(const PublishOptions& options, std::uint32_t share) {
  auto client = connect(options.administration);
  if (!client) return report_error(client.error());
  return print_updates((*client)->share_update({.task = options.update.task,
                                                .device_class = options.update.device_class,
                                                .share = share,
                                                .reason = options.reason}),
                       options.administration.json);
}

ExitCode list(const PublishOptions& options) {
  auto client = connect(options.administration);
  if (!client) return report_error(client.error());
  return print_updates((*client)->list_updates(), options.administration.json);
}

void add_publish(CLI::App& model, ExitCode& exit_code) {
  auto options = std::make_shared<PublishOptions>();
  UpdateOptions& update = options->update;
  CLI::App* command = model.add_subcommand(
      "publish",
      "Offer an update to the boards of a class: signed elsewhere, with its --manifest, or signed here with "
      "--key");
  command->add_option("file", update.content, "The model image as it was signed; with --key a .tflite, too")
      ->check(readable_file())
      ->required();
  CLI::Option* manifest =
      command->add_option("--manifest", update.manifest, "Its manifest, from `sotto model sign`")
          ->check(readable_file());
  command->add_option("--public-key", update.public_key, "The public half of the key that signed it")
      ->check(readable_file());
  CLI::Option* key = command->add_option("--key", update.key, "The private key that signs it now")
                         ->check(readable_file())
                         ->excludes(manifest);
  command->add_option("--task", update.task, "With --key: the task whose model it is")->needs(key);
  command->add_option("--class", update.device_class, "With --key: the class of devices that it is for")
      ->needs(key);
  command->add_option("--sequence", update.sequence, "With --key [the next one]")->needs(key);
  command->add_option("--days", update.days, "With --key: until it expires [never]")
      ->check(CLI::Range(0u, 36'500u))
      ->needs(key);
  command->add_option("--target", update.target, "With --key, of a .tflite: whose kernels it is compiled for")
      ->transform(CLI::CheckedTransformer(image_targets()))
      ->type_name("portable|cortex-m-dsp|helium|host")
      ->needs(key);
  CLI::Option* tests = command->add_option(
      "--self-test", update.self_test, "With --key: reference inputs, which boards run before they keep it");
  tests->check(readable_file())->needs(key);
  command
      ->add_option("--reference", update.reference,
                   "The .tflite or image that says what is right for them [the image itself]")
      ->check(readable_file())
      ->needs(tests);
  command->add_option("--share", options->share, "To how many of the boards at first, in percent")
      ->check(CLI::Range(0.1, 100.0))
      ->capture_default_str();
  command->add_option("--reason", options->reason, "Why, for the record");
  add_administration_options(*command, options->administration);
  command->callback([options, &exit_code] {
    require_whole_choice(options->update);
    exit_code = publish(*options);
  });
}

CLI::App* add_act(CLI::App& model, const Options& options, const char* name, const char* help) {
  CLI::App* sub = model.add_subcommand(name, help);
  sub->add_option("task", options->update.task, "The task whose model it is")->required();
  sub->add_option("--class", options->update.device_class, "The class of devices that it is for")->required();
  sub->add_option("--reason", options->reason, "Why, for the record");
  add_administration_options(*sub, options->administration);
  return sub;
}

}  // namespace

void add_model_publish_commands(CLI::App& model, ExitCode& exit_code) {
  add_publish(model, exit_code);
  auto options = std::make_shared<PublishOptions>();
  CLI::App* lister = model.add_subcommand(
      "updates", "What is published for boards, and to how many of them it goes; the newest first");
  add_administration_options(*lister, options->administration);
  lister->callback([options, &exit_code] { exit_code = list(*options); });
  CLI::App* share =
      add_act(model, options, "share", "Offer the newest update to more or fewer of the boards");
  share->add_option("percent", options->share, "Of the boards")->check(CLI::Range(0.1, 100.0))->required();
  share->callback([options, &exit_code] { exit_code = set_share(*options, thousandths(options->share)); });
  CLI::App* withdraw = add_act(model, options, "withdraw",
                               "Offer the newest update to nobody from now on; boards that have it keep it");
  withdraw->callback([options, &exit_code] { exit_code = set_share(*options, 0); });
}

}  // namespace sotto::cli
