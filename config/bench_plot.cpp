#include "config/bench_plot.hpp"

#include "config/bench_text.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <fmt/format.h>
#include <iterator>

namespace config {

namespace {

// In user units of the picture.
constexpr double left = 72, top = 52, width = 640, height = 330;
constexpr double legend_line = 20, below_axis = 58;
constexpr double nines_max = 4; // the right edge is 99.99 %

// Told apart by people who see few colours, too (Okabe and Ito, 2008).
constexpr std::array<std::string_view, 6> colours{"#0072b2", "#d55e00", "#009e73",
                                                  "#cc79a7", "#e69f00", "#56b4e9"};

struct Tick {
    double share; // of samples
    std::string_view text;
};
constexpr Tick ticks[] = {{0, "0 %"},     {0.5, "50 %"},     {0.9, "90 %"},
                          {0.99, "99 %"}, {0.999, "99.9 %"}, {0.9999, "99.99 %"}};

double x_of(double share) {
    double const nines = share >= 1 ? nines_max : std::min(-std::log10(1 - share), nines_max);
    return left + width * nines / nines_max;
}

// Whole decades around everything that is shown.
struct Scale {
    double low = 3, high = 4; // powers of ten, nanoseconds
    double y_of(double nanoseconds) const {
        double const power = std::log10(std::max(nanoseconds, 1.0));
        return top + height * (1 - std::clamp((power - low) / (high - low), 0.0, 1.0));
    }
};

Scale scale_of(std::vector<PlotCurve> const& curves, std::vector<PlotLine> const& lines) {
    double least = 1e18, most = 1;
    for (PlotCurve const& curve : curves) {
        if (curve.sorted.empty()) continue;
        least = std::min(least, std::max(curve.sorted.front(), 1.0));
        most = std::max(most, curve.sorted.back());
    }
    for (PlotLine const& line : lines) most = std::max(most, line.nanoseconds);
    if (least > most) least = most;
    Scale scale{std::floor(std::log10(least)), std::ceil(std::log10(most * 1.05))};
    if (scale.high <= scale.low) scale.high = scale.low + 1;
    return scale;
}

void draw_axes(Scale const& scale, std::string& out) {
    auto const end = std::back_inserter(out);
    for (double power = scale.low; power <= scale.high; ++power) {
        double const y = scale.y_of(std::pow(10, power));
        std::string text = time_text(std::pow(10, power)); // "1.00 ms"
        if (auto const point = text.find('.'); point != text.npos)
            text.erase(point, text.find(' ') - point);
        fmt::format_to(end,
                       R"(<line x1="{0}" y1="{2:.1f}" x2="{1}" y2="{2:.1f}" stroke="#ddd"/>)"
                       R"(<text x="{3}" y="{4:.1f}" text-anchor="end">{5}</text>)"
                       "\n",
                       left, left + width, y, left - 8, y + 4, text);
    }
    for (Tick const& tick : ticks)
        fmt::format_to(end,
                       R"(<line x1="{0:.1f}" y1="{1}" x2="{0:.1f}" y2="{2}" stroke="#ddd"/>)"
                       R"(<text x="{0:.1f}" y="{3}" text-anchor="middle">{4}</text>)"
                       "\n",
                       x_of(tick.share), top, top + height, top + height + 18, tick.text);
    fmt::format_to(end,
                   R"(<text x="{}" y="{}" text-anchor="middle">share of alerts that were )"
                   R"(not later</text>)"
                   "\n",
                   left + width / 2, top + height + 38);
}

// A staircase, one step a sample, thinned out to what can be seen.
void draw_curve(PlotCurve const& curve, std::string_view colour, Scale const& scale,
                std::string& out) {
    auto const end = std::back_inserter(out);
    std::size_t const count = curve.sorted.size();
    fmt::format_to(end, R"(<polyline fill="none" stroke="{}" stroke-width="2" points=")", colour);
    double last_x = -1;
    for (std::size_t i = 0; i < count; ++i) {
        double const from = x_of(static_cast<double>(i) / static_cast<double>(count));
        // The last step ends where so many samples can say nothing more.
        double const step = i + 1 < count ? 1 : 0.5;
        double const to = x_of((static_cast<double>(i) + step) / static_cast<double>(count));
        if (i + 1 < count && to - last_x < 0.7) continue;
        double const y = scale.y_of(curve.sorted[i]);
        fmt::format_to(end, "{:.1f},{:.1f} {:.1f},{:.1f} ", std::max(from, last_x), y, to, y);
        last_x = to;
    }
    out += "\"/>\n";
}

} // namespace

std::string markup_escaped(std::string_view text) {
    std::string out;
    for (char const c : text) switch (c) {
        case '&': out += "&amp;"; break;
        case '<': out += "&lt;"; break;
        case '>': out += "&gt;"; break;
        case '"': out += "&quot;"; break;
        default: out += c;
        }
    return out;
}

std::string latency_svg(std::string_view title, std::vector<PlotCurve> const& curves,
                        std::vector<PlotLine> const& lines) {
    Scale const scale = scale_of(curves, lines);
    double const total_height =
        top + height + below_axis + legend_line * static_cast<double>(curves.size());
    std::string out =
        fmt::format(R"(<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {0} {1}" width="{0}" )"
                    R"(height="{1}" font-family="sans-serif" font-size="13">)"
                    "\n"
                    R"(<rect width="{0}" height="{1}" fill="#fff"/>)"
                    R"(<text x="{2}" y="30" font-size="16">{3}</text>)"
                    "\n",
                    left + width + 40, total_height, left, markup_escaped(title));
    draw_axes(scale, out);
    auto const end = std::back_inserter(out);
    for (PlotLine const& line : lines) {
        double const y = scale.y_of(line.nanoseconds);
        fmt::format_to(end,
                       R"(<line x1="{0}" y1="{2:.1f}" x2="{1}" y2="{2:.1f}" stroke="#c00" )"
                       R"(stroke-dasharray="6 4"/>)"
                       R"(<text x="{3}" y="{4:.1f}" text-anchor="end" fill="#c00">{5}</text>)"
                       "\n",
                       left, left + width, y, left + width - 6, y - 5, markup_escaped(line.title));
    }
    double y = top + height + below_axis;
    for (std::size_t i = 0; i < curves.size(); ++i) {
        std::string_view const colour = colours[i % colours.size()];
        if (!curves[i].sorted.empty()) draw_curve(curves[i], colour, scale, out);
        fmt::format_to(end,
                       R"(<line x1="{0}" y1="{1}" x2="{2}" y2="{1}" stroke="{3}" )"
                       R"(stroke-width="3"/><text x="{4}" y="{5}">{6}{7}</text>)"
                       "\n",
                       left, y, left + 24, colour, left + 32, y + 4,
                       markup_escaped(curves[i].title),
                       curves[i].sorted.empty() ? ": nothing came" : "");
        y += legend_line;
    }
    return out + "</svg>\n";
}

} // namespace config
