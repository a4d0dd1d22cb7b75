#include "sotto/model_compiler/host_model.h"

#include <cstring>
#include <new>
#include <string>

#include "sotto/base/check.h"

namespace sotto::device {
namespace {

struct Free {
  void operator()(std::uint8_t* memory) const {
    ::operator delete (memory, std::align_val_t{SOTTO_ALIGNMENT});
  }
};
using AlignedBytes = std::unique_ptr<std::uint8_t, Free>;

AlignedBytes allocate(std::size_t bytes) {
  return AlignedBytes(static_cast<std::uint8_t*>(::operator new (bytes, std::align_val_t{SOTTO_ALIGNMENT})));
}

}  // namespace

struct HostModel::State {
  AlignedBytes image;
  AlignedBytes arena;
  sotto_model* model = nullptr;
  Observer observer;
  sotto_profiler profiler{};
};

HostModel::HostModel(std::unique_ptr<State> state) : state_(std::move(state)) {}
HostModel::HostModel(HostModel&& other) noexcept = default;
HostModel& HostModel::operator=(HostModel&& other) noexcept = default;
HostModel::~HostModel() = default;

Result<HostModel> HostModel::open(Bytes image) {
  auto state = std::make_unique<State>();
  state->image = allocate(image.size());
  if (!image.empty()) std::memcpy(state->image.get(), image.data(), image.size());
  const std::uint32_t arena_bytes = sotto_image_arena_bytes(state->image.get(), image.size());
  state->arena = allocate(arena_bytes);
  const sotto_error error = sotto_model_open(state->image.get(), image.size(), state->arena.get(),
                                             arena_bytes, &host_kernels(), &state->model);
  if (error != SOTTO_OK) {
    char text[256];
    return invalid_argument(sotto_open_error_text(error, state->image.get(), image.size(), arena_bytes,
                                                  &host_kernels(), text, sizeof text));
  }
  return HostModel(std::move(state));
}

std::size_t HostModel::input_bytes() const {
  std::size_t bytes = 0;
  for (std::uint32_t i = 0; i < sotto_model_input_count(model()); ++i)
    bytes += sotto_model_input(model(), i).bytes;
  return bytes;
}

std::size_t HostModel::output_bytes() const {
  std::size_t bytes = 0;
  for (std::uint32_t i = 0; i < sotto_model_output_count(model()); ++i)
    bytes += sotto_model_output(model(), i).bytes;
  return bytes;
}

void HostModel::run(Bytes input, MutableBytes output) {
  SOTTO_CHECK(input.size() == input_bytes() && output.size() == output_bytes());
  for (std::uint32_t i = 0; i < sotto_model_input_count(model()); ++i) {
    const sotto_tensor tensor = sotto_model_input(model(), i);
    std::memcpy(tensor.data, input.data(), tensor.bytes);
    input = input.subspan(tensor.bytes);
  }
  SOTTO_CHECK(sotto_model_invoke(model()) == SOTTO_OK);
  for (std::uint32_t i = 0; i < sotto_model_output_count(model()); ++i) {
    const sotto_tensor tensor = sotto_model_output(model(), i);
    std::memcpy(output.data(), tensor.data, tensor.bytes);
    output = output.subspan(tensor.bytes);
  }
}

void HostModel::reset() { sotto_model_reset(model()); }

void HostModel::observe(Observer observer, std::uint32_t (*now)(void* context)) {
  state_->observer = std::move(observer);
  state_->profiler = {now,
                      [](void* context, const sotto_operator_profile* profile) {
                        static_cast<State*>(context)->observer(*profile);
                      },
                      state_.get()};
  sotto_model_set_profiler(model(), state_->observer ? &state_->profiler : nullptr);
}

sotto_model* HostModel::model() const { return state_->model; }

}  // namespace sotto::device
