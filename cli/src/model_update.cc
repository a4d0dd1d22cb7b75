// `sotto model key`, `sign`, `delegate` and `verify`: updates of boards' models, as files, without a network.
#include <fmt/core.h>

#include <cstdio>
#include <cstring>
#include <limits>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "commands.h"
#include "image_file.h"
#include "model_update.h"
#include "output.h"
#include "places.h"
#include "sotto/base/clock.h"
#include "sotto/base/hex.h"
#include "sotto/device_runtime/head.h"
#include "sotto/device_runtime/model_image.h"
#include "sotto/host/file.h"
#include "sotto/identity/identity_file.h"
#include "sotto/model_compiler/host_head.h"
#include "sotto/model_update/manifest.h"
#include "sotto/model_update/reference_run.h"

namespace sotto::cli {
namespace {

using model_update::HeadShape;
using model_update::Kind;
using model_update::Manifest;
using model_update::Recipient;
using model_update::Refusal;
using Buffer = std::vector<std::uint8_t>;

constexpr std::uint64_t kDaySeconds = 86'400;
constexpr const char* kRangesOfManifests =
    "sequence, version of the runtime and norm are at least 1 (the norm: 0.001), and a task and a class of "
    "devices have 1 to 64 bytes of A-Z a-z 0-9 . _ -";

std::uint64_t now_seconds() { return unix_seconds(SystemClock().now()); }

Status refused(const std::string& file, Refusal refusal) {
  return invalid_argument(file + ": " + describe(refusal));
}

Result<Manifest> begin_manifest(const UpdateOptions& options, Kind kind) {
  Manifest manifest;
  manifest.kind = kind;
  manifest.sequence = options.sequence;
  const auto text = [](const std::string& name) { return std::span<const char>(name.data(), name.size()); };
  if (!manifest.task.assign(text(options.task)) ||
      !manifest.device_class.assign(text(options.device_class))) {
    return invalid_argument("a task and a class of devices have 1 to 64 bytes of A-Z a-z 0-9 . _ -");
  }
  if (options.days != 0) manifest.expires_at = now_seconds() + options.days * kDaySeconds;
  return manifest;
}

// `content` is written beside it when the manifest is of more than a file that is there.
Status sign_to(const Manifest& manifest, const crypto::Es256PrivateKey& key, const UpdateOptions& options,
               Bytes content = {}) {
  if (!is_sound(manifest)) return invalid_argument(kRangesOfManifests);
  const auto outputs = Outputs::open(
      {options.output, options.update},
      {options.key, options.content, options.base, options.head_key, options.self_test, options.reference});
  if (!outputs) return outputs.error();
  Buffer bytes(model_update::kManifestBytesMax);
  bytes.resize(sign_manifest(manifest, key, bytes));
  SOTTO_RETURN_IF_ERROR(outputs->write(options.update, content));
  return outputs->write(options.output, bytes);
}

Result<Buffer> read_image(const std::string& path) {
  auto image = read_file(path);
  if (!image) return image.error();
  if (image->size() > std::numeric_limits<std::uint32_t>::max() ||
      sotto_image_arena_bytes(image->data(), image->size()) == 0) {
    return invalid_argument(path + " is no model image; `sotto image compile` makes one of a .tflite");
  }
  return image;
}

// The head that the image has.
Result<HeadShape> shape_of(const std::string& path, const Buffer& image) {
  const sotto_head_options plain{};
  sotto_head_sizes sizes;
  const sotto_head_error error = sotto_head_measure(image.data(), image.size(), &plain, &sizes);
  if (error != SOTTO_HEAD_OK) return invalid_argument(path + ": " + sotto_head_error_text(error));
  return HeadShape{.base = crypto::sha256({image}), .features = sizes.features, .outputs = sizes.outputs};
}

// The image's own head, as sotto_head_read() gives it.
Result<std::vector<float>> values_of(const std::string& path, const Buffer& image) {
  const auto opened = device::HostHead::open(image, {});
  if (!opened) return opened.error().with_context(path);
  std::vector<float> values(opened->sizes().parameters);
  SOTTO_RETURN_IF_ERROR(
      device::to_status(sotto_head_read(opened->head(), values.data(), values.size())).with_context(path));
  return values;
}

Status check_content(const UpdateOptions& options, const Manifest& manifest, const Buffer& content) {
  const Refusal refusal = check_bytes(manifest, content);
  return refusal == Refusal::kNone ? Status() : refused(options.content, refusal);
}

Status check_values(const UpdateOptions& options, const Buffer& image, const Buffer& content,
                    std::uint32_t norm_max_milli) {
  const auto base = values_of(options.base, image);
  if (!base) return base.error();
  if (content.size() != 4 * base->size()) return refused(options.content, Refusal::kWrongShape);
  model_update::HeadValues values(norm_max_milli);
  ByteReader in(content);
  for (const float own : *base) values.add(in.f32(), own);
  const Refusal refusal = values.finish();
  return refusal == Refusal::kNone ? Status() : refused(options.content, refusal);
}

// What the model gives for the inputs, which are whole.
Result<crypto::Digest> outputs_of(const device::HostModel& model, Bytes inputs) {
  model_update::ReferenceRun run(model.model());
  while (!inputs.empty()) {
    for (std::uint32_t i = 0; i < run.input_count(); ++i) {
      const MutableBytes input = run.input(i);
      std::memcpy(input.data(), inputs.data(), input.size());
      inputs = inputs.subspan(input.size());
    }
    if (!run.invoke()) return invalid_argument("the model does not run on its reference inputs");
  }
  return run.finish();
}

// The inputs go behind the image; what is right for them the reference says.
Status add_self_test(const UpdateOptions& options, Manifest& manifest, Buffer& content) {
  const auto inputs = read_file(options.self_test);
  if (!inputs) return inputs.error();
  const std::string& reference = options.reference.empty() ? options.content : options.reference;
  const auto model = open_model_file(reference, model_compiler::Target::kHost);
  if (!model) {
    return invalid_argument(model.error().message() +
                            "; name the .tflite file that the image was made of with --reference");
  }
  const std::size_t input_bytes = model->input_bytes();
  const std::size_t count = inputs->size() / input_bytes;
  if (count == 0 || inputs->size() % input_bytes != 0 || count > model_update::kSelfTestsMax) {
    return invalid_argument(
        fmt::format("{} has {} bytes: reference inputs are 1 to {} times {} bytes, the inputs of the model",
                    options.self_test, inputs->size(), model_update::kSelfTestsMax, input_bytes));
  }
  const auto outputs = outputs_of(*model, *inputs);
  if (!outputs) return outputs.error();
  manifest.self_tests = static_cast<std::uint32_t>(count);
  manifest.self_test_outputs = *outputs;
  content.insert(content.end(), inputs->begin(), inputs->end());
  return {};
}

// As a board does in the start that tries the update.
Status run_self_test(const UpdateOptions& options, const Manifest& manifest, const Buffer& content) {
  if (manifest.self_tests == 0) return {};
  const auto model = device::HostModel::open(content);
  if (!model) return model.error().with_context(options.content);
  device::ImageHeader header;
  std::memcpy(&header, content.data(), sizeof header);
  const std::uint64_t tests = std::uint64_t{manifest.self_tests} * model->input_bytes();
  if (header.image_bytes + tests != content.size()) return refused(options.content, Refusal::kSelfTestFailed);
  const auto outputs = outputs_of(*model, Bytes(content).subspan(header.image_bytes));
  if (!outputs) return outputs.error();
  return *outputs == manifest.self_test_outputs ? Status()
                                                : refused(options.content, Refusal::kSelfTestFailed);
}

ExitCode make_key(const UpdateOptions& options) {
  if (options.key == "-" || options.public_key == "-") {
    return report_error(
        invalid_argument("keys go to files, which others cannot read: name one instead of -"));
  }
  const auto outputs = Outputs::open({options.key, options.public_key});
  if (!outputs) return report_error(outputs.error());
  for (const std::string& file : {options.key, options.public_key}) {
    if (host::is_there(file)) {
      return report_error(invalid_argument(file + " exists and may be somebody's key: choose another file"));
    }
  }
  crypto::SystemRandom random;
  const auto key = crypto::Es256PrivateKey::generate(random);
  Status saved = identity::save_private_key(options.key, key);
  if (saved.ok()) saved = identity::save_public_key(options.public_key, key.public_key());
  if (!saved.ok()) return report_error(saved);
  std::printf("made a key in %s; boards take models from whoever has it, so keep it off the network\n",
              options.key.c_str());
  return ExitCode::kDone;
}

// The manifest of the image, which gets its reference inputs.
Result<Manifest> describe_image(const UpdateOptions& options, Buffer& image) {
  auto manifest = begin_manifest(options, Kind::kImage);
  if (!manifest) return manifest.error();
  manifest->ram_bytes = sotto_image_arena_bytes(image.data(), image.size());
  if (!options.self_test.empty()) SOTTO_RETURN_IF_ERROR(add_self_test(options, *manifest, image));
  manifest->size = static_cast<std::uint32_t>(image.size());
  manifest->digest = crypto::sha256({image});
  manifest->runtime = options.runtime;
  return manifest;
}

Status sign_image(const UpdateOptions& options, const crypto::Es256PrivateKey& key) {
  auto image = read_image(options.content);
  if (!image) return image.error();
  const auto manifest = describe_image(options, *image);
  if (!manifest) return manifest.error();
  return sign_to(*manifest, key, options, options.update.empty() ? Bytes() : Bytes(*image));
}

Status sign_head(const UpdateOptions& options, const crypto::Es256PrivateKey& key) {
  const auto image = read_image(options.base);
  if (!image) return image.error();
  const auto shape = shape_of(options.base, *image);
  if (!shape) return shape.error();
  const auto content = read_file(options.content);
  if (!content) return content.error();
  auto manifest = begin_manifest(options, Kind::kHead);
  if (!manifest) return manifest.error();
  manifest->shape = *shape;
  if (content->size() != head_bytes(*shape)) return refused(options.content, Refusal::kWrongShape);
  manifest->size = static_cast<std::uint32_t>(content->size());
  manifest->digest = crypto::sha256({*content});
  manifest->runtime = options.runtime;
  return sign_to(*manifest, key, options);
}

ExitCode sign(const UpdateOptions& options) {
  const auto key = identity::load_private_key(options.key);
  if (!key) return report_error(key.error());
  const Status done = options.base.empty() ? sign_image(options, *key) : sign_head(options, *key);
  if (!done.ok()) return report_error(done);
  std::printf("signed %s for %s, task %s, sequence %llu, in %s\n", options.content.c_str(),
              options.device_class.c_str(), options.task.c_str(),
              static_cast<unsigned long long>(options.sequence), options.output.c_str());
  return ExitCode::kDone;
}

Status delegate_to(const UpdateOptions& options) {
  const auto key = identity::load_private_key(options.key);
  if (!key) return key.error();
  const auto head_key = identity::load_public_key(options.head_key);
  if (!head_key) return head_key.error();
  const auto image = read_image(options.content);
  if (!image) return image.error();
  const auto shape = shape_of(options.content, *image);
  if (!shape) return shape.error();
  auto manifest = begin_manifest(options, Kind::kHeadKey);
  if (!manifest) return manifest.error();
  manifest->shape = *shape;
  manifest->head_key = *head_key;
  manifest->norm_max_milli = static_cast<std::uint32_t>(options.norm_max * 1000.0f + 0.5f);
  return sign_to(*manifest, *key, options);
}

ExitCode delegate(const UpdateOptions& options) {
  const Status done = delegate_to(options);
  if (!done.ok()) return report_error(done);
  std::printf("the key in %s may sign heads of %s until this is replaced, in %s\n", options.head_key.c_str(),
              options.content.c_str(), options.output.c_str());
  return ExitCode::kDone;
}

Recipient recipient_of(const UpdateOptions& options, const crypto::Es256PublicKey& owner) {
  return {.owner = owner,
          .device_class = options.device_class,
          .task = options.task,
          .sequence = options.sequence,
          .now = now_seconds(),
          .runtime = options.runtime,
          .slot_bytes = options.slot_bytes,
          .ram_bytes = options.ram_bytes};
}

// What a board would say, of an image or of a head.
Result<Manifest> verify_files(const UpdateOptions& options) {
  const auto owner = identity::load_public_key(options.public_key);
  if (!owner) return owner.error();
  const auto message = read_file(options.manifest);
  if (!message) return message.error();
  const auto content = read_file(options.content);
  if (!content) return content.error();
  Recipient board = recipient_of(options, *owner);
  Manifest manifest;
  if (options.head_manifest.empty()) {
    const Refusal refusal = check_image(*message, board, manifest);
    if (refusal != Refusal::kNone) return refused(options.manifest, refusal);
    SOTTO_RETURN_IF_ERROR(check_content(options, manifest, *content));
    SOTTO_RETURN_IF_ERROR(run_self_test(options, manifest, *content));
    return manifest;
  }
  const auto permission = read_file(options.head_manifest);
  if (!permission) return permission.error();
  const auto image = read_image(options.base);
  if (!image) return image.error();
  const auto shape = shape_of(options.base, *image);
  if (!shape) return shape.error();
  board.shape = *shape;
  Manifest head_key;
  const Refusal refusal = check_head(*message, *permission, board, manifest, head_key);
  if (refusal != Refusal::kNone) return refused(options.manifest, refusal);
  SOTTO_RETURN_IF_ERROR(check_content(options, manifest, *content));
  SOTTO_RETURN_IF_ERROR(check_values(options, *image, *content, head_key.norm_max_milli));
  return manifest;
}

nlohmann::json to_json(const Manifest& manifest) {
  return {{"kind", word_of(manifest.kind)},
          {"sequence", json_number(manifest.sequence)},
          {"class", manifest.device_class.view()},
          {"task", manifest.task.view()},
          {"expires_at", json_number(manifest.expires_at)},
          {"bytes", manifest.size},
          {"sha256", to_hex(manifest.digest)},
          {"runtime", manifest.runtime},
          {"self_tests", manifest.self_tests},
          {"ram_bytes", manifest.ram_bytes}};
}

ExitCode verify(const UpdateOptions& options) {
  const auto manifest = verify_files(options);
  if (!manifest) return report_error(manifest.error());
  if (options.json) {
    print_json(to_json(*manifest));
    return ExitCode::kDone;
  }
  std::printf("a board of class %s takes %s: %s of task %s, sequence %llu, %u bytes\n",
              options.device_class.c_str(), options.content.c_str(), word_of(manifest->kind),
              options.task.c_str(), static_cast<unsigned long long>(manifest->sequence), manifest->size);
  return ExitCode::kDone;
}

CLI::App* add_update_subcommand(CLI::App& model, const std::shared_ptr<UpdateOptions>& options,
                                const char* name, const char* help, const char* content) {
  CLI::App* sub = model.add_subcommand(name, help);
  sub->add_option("file", options->content, content)->check(readable_file())->required();
  sub->add_option("--task", options->task, "The task whose model it is")->required();
  sub->add_option("--class", options->device_class, "The class of devices that it is for")->required();
  return sub;
}

void add_signing_options(CLI::App& sub, const std::shared_ptr<UpdateOptions>& options) {
  sub.add_option("--key", options->key, "The private key that signs")->check(readable_file())->required();
  sub.add_option("--sequence", options->sequence, "Above that of every update before it")->required();
  sub.add_option("--days", options->days, "Until it expires [never]")->check(CLI::Range(0u, 36'500u));
  sub.add_option("--output", options->output, "The manifest to write; - for standard output")->required();
}

}  // namespace

Result<SignedUpdate> sign_update(const UpdateOptions& options) {
  const auto key = identity::load_private_key(options.key);
  if (!key) return key.error();
  SignedUpdate update;
  update.owner = key->public_key();
  auto content = read_file(options.content);
  if (!content) return content.error();
  if (is_tflite(*content)) {
    auto compiled = compile_file(options.content, options.target);
    if (!compiled) return compiled.error();
    content = std::move(compiled->image);
  } else {
    content = read_image(options.content);
    if (!content) return content.error();
  }
  update.content = std::move(*content);
  const auto manifest = describe_image(options, update.content);
  if (!manifest) return manifest.error();
  if (!is_sound(*manifest)) return invalid_argument(kRangesOfManifests);
  update.manifest.resize(model_update::kManifestBytesMax);
  update.manifest.resize(sign_manifest(*manifest, *key, update.manifest));
  return update;
}

void add_model_update_commands(CLI::App& model, ExitCode& exit_code) {
  auto options = std::make_shared<UpdateOptions>();
  CLI::App* key = model.add_subcommand("key", "Make a key that signs updates of boards' models");
  key->add_option("--output", options->key, "The private key to write: keep it secret")->required();
  key->add_option("--public-key", options->public_key, "Its public half to write, for boards")->required();
  key->callback([options, &exit_code] { exit_code = make_key(*options); });

  CLI::App* signer = add_update_subcommand(model, options, "sign", "Sign an update of a board's model",
                                           "A model image; with --base a head's values, float32");
  add_signing_options(*signer, options);
  signer->add_option("--base", options->base, "Of a head: the model image that it is for")
      ->check(readable_file());
  signer->add_option("--runtime", options->runtime, "The least version of the runtime that runs it [1]");
  CLI::Option* self_test =
      signer->add_option("--self-test", options->self_test,
                         "Of an image: reference inputs, one behind the other, that boards "
                         "run before they keep it");
  self_test->check(readable_file());
  CLI::Option* update = signer->add_option(
      "--update", options->update, "The image with its reference inputs to write: what boards are sent");
  self_test->needs(update);
  update->needs(self_test);
  signer
      ->add_option("--reference", options->reference,
                   "The .tflite or image that says what is right for them [the image itself]")
      ->check(readable_file())
      ->needs(self_test);
  signer->callback([options, &exit_code] { exit_code = sign(*options); });

  CLI::App* delegator = add_update_subcommand(
      model, options, "delegate", "Let another key sign trained heads of an image", "The model image");
  add_signing_options(*delegator, options);
  delegator->add_option("--head-key", options->head_key, "The public half of the key that may sign heads")
      ->check(readable_file())
      ->required();
  delegator->add_option("--norm-max", options->norm_max, "How far a head may be from the image's own, L2")
      ->check(CLI::Range(0.001f, 4'000'000.0f))
      ->required();
  delegator->callback([options, &exit_code] { exit_code = delegate(*options); });

  CLI::App* verifier = add_update_subcommand(model, options, "verify", "Say what a board says of an update",
                                             "The model image or the head's values");
  verifier->add_option("--manifest", options->manifest, "Its manifest")->check(readable_file())->required();
  verifier->add_option("--public-key", options->public_key, "The owner's public key")
      ->check(readable_file())
      ->required();
  verifier->add_option("--sequence", options->sequence, "The highest that the board took [0]");
  verifier->add_option("--runtime", options->runtime, "The version of its runtime [1]");
  verifier->add_option("--slot-bytes", options->slot_bytes, "The size of its slots [any]");
  verifier->add_option("--ram-bytes", options->ram_bytes, "The arena that it has [any]");
  CLI::Option* permission =
      verifier->add_option("--head-key", options->head_manifest, "Of a head: the manifest of its key")
          ->check(readable_file());
  CLI::Option* base =
      verifier->add_option("--base", options->base, "Of a head: the image that runs")->check(readable_file());
  permission->needs(base);
  base->needs(permission);
  verifier->add_flag("--json", options->json, "JSON instead of text");
  verifier->callback([options, &exit_code] { exit_code = verify(*options); });
}

}  // namespace sotto::cli
