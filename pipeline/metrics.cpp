#include "pipeline/metrics.hpp"

#include <map>

namespace pipeline {

namespace {
std::string sample_line(MetricsPage const& page, std::size_t row) {
    std::string line(page.rows()[row].name);
    if (!page.labels().empty()) line += '{' + page.labels() + '}';
    return line + ' ' + std::to_string(page.read(row)) + '\n';
}
} // namespace

std::string MetricsBook::exposition() const {
    // The format wants all samples of one name together, whatever page they come from.
    struct Family {
        MetricRow row;
        std::string samples;
    };
    std::map<std::string_view, Family> families;
    for (auto const& page : pages_)
        for (std::size_t i = 0; i < page->rows().size(); ++i) {
            auto& family = families[page->rows()[i].name];
            family.row = page->rows()[i];
            family.samples += sample_line(*page, i);
        }
    std::string text;
    for (auto const& [name, family] : families) {
        std::string_view const type = family.row.kind == MetricKind::counter ? "counter" : "gauge";
        text.append("# HELP ").append(name).append(" ").append(family.row.help).append("\n");
        text.append("# TYPE ").append(name).append(" ").append(type).append("\n");
        text += family.samples;
    }
    return text;
}

} // namespace pipeline
