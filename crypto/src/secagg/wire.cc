#include "sotto/secagg/participant.h"
#include "sotto/secagg/update.h"
