#include "sotto/proto/plan.h"
