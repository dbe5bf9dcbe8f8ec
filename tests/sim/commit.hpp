// Of which commit this simulator is, as git describes it; commit.cpp is made by each build. Pure.
#pragma once

namespace sim {

char const* built_from();

} // namespace sim
