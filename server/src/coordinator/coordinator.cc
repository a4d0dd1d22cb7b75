#include "sotto/server/coordinator.h"
