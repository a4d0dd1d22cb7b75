#include "sotto/model_compiler/host_head.h"

#include <string>
#include <utility>

namespace sotto::device {

Status to_status(sotto_head_error error) {
  return error == SOTTO_HEAD_OK ? Status() : invalid_argument(sotto_head_error_text(error));
}

Result<HostHead> HostHead::open(Bytes image, const sotto_head_options& options) {
  auto model = HostModel::open(image);
  if (!model) return model.error();
  HostHead opened(std::move(*model));
  SOTTO_RETURN_IF_ERROR(to_status(sotto_head_measure(image.data(), image.size(), &options, &opened.sizes_)));
  opened.memory_.resize(opened.sizes_.bytes / SOTTO_ALIGNMENT + 1);
  SOTTO_RETURN_IF_ERROR(to_status(sotto_head_open(opened.model(), &options, 0, opened.memory_.data(),
                                                  opened.memory_.size() * SOTTO_ALIGNMENT, &opened.head_)));
  return opened;
}

}  // namespace sotto::device
