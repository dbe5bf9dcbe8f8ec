// Latency by percentile as an SVG picture: the share of samples to the right on a scale where each
// further nine takes the same room, the time upwards on a logarithmic one. A curve that is flat to
// the right edge has no tail.
//
// Pure; any thread. The picture needs no script, no font and nothing from elsewhere.
#pragma once

#include "config/bench_stats.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace config {

struct PlotCurve {
    std::string title;
    std::vector<double> sorted; // nanoseconds, ascending
};

struct PlotLine { // across, at a time that was promised
    std::string title;
    double nanoseconds = 0;
};

std::string latency_svg(std::string_view title, std::vector<PlotCurve> const& curves,
                        std::vector<PlotLine> const& lines);

// & < > " as HTML and SVG want them.
std::string markup_escaped(std::string_view text);

} // namespace config
