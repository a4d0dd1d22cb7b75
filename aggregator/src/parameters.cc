#include "sotto/aggregator/parameters.h"

#include "sotto/aggregator/cohort_session.h"
#include "sotto/aggregator/server_optimizer.h"
