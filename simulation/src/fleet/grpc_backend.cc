#include "fleet/backend.h"
