#include "core/model_state.h"

namespace sotto::device {

const sotto_kernel* find_kernel(const sotto_kernel_table& table, const ImageOperator& record) {
  for (std::uint32_t i = 0; i < table.count; ++i) {
    const sotto_kernel* kernel = table.kernels[i];
    if (kernel->kind == record.kind && kernel->layout == record.layout) return kernel;
  }
  return nullptr;
}

namespace {

void report(const sotto_model& model, std::uint32_t index, std::uint32_t ticks) {
  const ImageOperator& record = model.operators()[index];
  const auto& output =
      reinterpret_cast<const ImageOperand*>(model.image + record.operands)[record.input_count];
  const sotto_operator_profile profile{index,
                                       record.source_index,
                                       record.source_operator,
                                       record.multiply_accumulates,
                                       ticks,
                                       model.activations + output.offset,
                                       output.bytes};
  model.profiler->after_operator(model.profiler->context, &profile);
}

const ImageHead* head_of(const sotto_model& model) {
  const std::uint32_t offset = model.header().head;
  return offset == 0 ? nullptr : reinterpret_cast<const ImageHead*>(model.image + offset);
}

void run_operator(const sotto_model& model, std::uint32_t index) {
  const ImageOperator& record = model.operators()[index];
  const sotto_kernel* kernel = find_kernel(*model.kernels, record);  // found when the image was opened
  KernelCall call{model.image,
                  model.activations,
                  model.image + record.parameters,
                  reinterpret_cast<const ImageOperand*>(model.image + record.operands),
                  record.input_count,
                  model.activations + record.scratch};
  if (model.is_trained() && head_of(model)->operator_index == index) {
    call.trained_biases = model.head_biases;
    if (model.head_layer != nullptr) call.parameters = call.image = model.head_layer;
  }
  const sotto_profiler* profiler = model.profiler;
  if (profiler == nullptr) {
    kernel->run(call);
    return;
  }
  const std::uint32_t before = profiler->now != nullptr ? profiler->now(profiler->context) : 0;
  kernel->run(call);
  const std::uint32_t after = profiler->now != nullptr ? profiler->now(profiler->context) : 0;
  report(model, index, after - before);
}

void run_operators(const sotto_model& model, std::uint32_t count) {
  for (std::uint32_t i = 0; i < count; ++i) run_operator(model, i);
}

sotto_tensor describe(const sotto_model& model, const ImageTensor& tensor) {
  return {model.activations + tensor.offset,
          tensor.bytes,
          static_cast<sotto_type>(tensor.type),
          tensor.scale,
          tensor.zero_point,
          tensor.rank,
          tensor.dimensions};
}

}  // namespace
}  // namespace sotto::device

using namespace sotto::device;

extern "C" {

sotto_error sotto_model_invoke(sotto_model* model) {
  run_operators(*model, model->header().operator_count);
  return SOTTO_OK;
}

sotto_error sotto_model_invoke_backbone(sotto_model* model) {
  const ImageHead* head = head_of(*model);
  if (head == nullptr) return SOTTO_ERROR_BAD_IMAGE;
  run_operators(*model, head->operator_index);
  return SOTTO_OK;
}

void sotto_model_reset(sotto_model* model) {
  const ImageHeader& header = model->header();
  if (header.version == kImageVersionWithStates) run_operator(*model, header.operator_count);
}

uint32_t sotto_model_input_count(const sotto_model* model) { return model->header().input_count; }

uint32_t sotto_model_output_count(const sotto_model* model) { return model->header().output_count; }

sotto_tensor sotto_model_input(const sotto_model* model, uint32_t index) {
  if (index >= model->header().input_count) return {};
  return describe(*model, model->tensors()[index]);
}

sotto_tensor sotto_model_output(const sotto_model* model, uint32_t index) {
  if (index >= model->header().output_count) return {};
  return describe(*model, model->tensors()[model->header().input_count + index]);
}

sotto_tensor sotto_model_features(const sotto_model* model) {
  const ImageHead* head = head_of(*model);
  return head == nullptr ? sotto_tensor{} : describe(*model, head->features);
}

void sotto_model_set_profiler(sotto_model* model, const sotto_profiler* profiler) {
  model->profiler = profiler;
}

}  // extern "C"
