// What most of config/ includes, parsed once, because it knows every stage by name: up to a quarter
// of a source's time. See standard.hpp. A changed header of these rebuilds all of config/.
#include "standard.hpp"

#include "config/config.hpp"
#include "stages/control.hpp"
#include "stages/deliver.hpp"
#include "stages/journal.hpp"

#include <chrono>
#include <filesystem>
#include <fstream>
#include <simdjson.h>
#include <sstream>
#include <thread>
