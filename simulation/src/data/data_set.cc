#include "sotto/simulation/data_set.h"

#include "sotto/simulation/report.h"
