// The topology as text: a table for terminals, dot for Graphviz.
#include "pipeline/topology.hpp"

#include <algorithm>

namespace pipeline {

namespace {

using Table = std::vector<std::vector<std::string>>;

// Columns padded to their widest cell, two spaces apart, no trailing blanks.
std::string aligned(Table const& rows) {
    std::vector<std::size_t> widths;
    for (auto const& row : rows)
        for (std::size_t i = 0; i < row.size(); ++i) {
            if (widths.size() <= i) widths.push_back(0);
            widths[i] = std::max(widths[i], row[i].size());
        }
    std::string text;
    for (auto const& row : rows) {
        std::string line;
        for (std::size_t i = 0; i < row.size(); ++i)
            line += row[i] + std::string(widths[i] - row[i].size() + 2, ' ');
        line.erase(line.find_last_not_of(' ') + 1);
        text += line + '\n';
    }
    return text;
}

std::string joined(std::vector<LinkBase*> const& links) {
    std::string text;
    for (LinkBase const* link : links) text += (text.empty() ? "" : ",") + link->name;
    return text.empty() ? "-" : text;
}

std::string size_text(std::size_t bytes) {
    if (bytes >= 10 << 20) return std::to_string(bytes >> 20) + " MiB";
    if (bytes >= 10 << 10) return std::to_string(bytes >> 10) + " KiB";
    return std::to_string(bytes) + " B";
}

std::string_view to_text(Idle idle) {
    return idle == Idle::park ? "park" : idle == Idle::backoff ? "backoff" : "spin";
}

} // namespace

std::string Topology::table() const {
    Table stages{{"STAGE", "PROCESS", "THREAD", "READS", "WRITES"}};
    for (Entry const& entry : stages_)
        stages.push_back({entry.row.name, std::string(to_text(entry.row.process)), entry.row.thread,
                          joined(entry.inputs), joined(entry.outputs)});
    Table links{{"LINK", "MESSAGE", "BYTES", "DEPTH", "PAYLOAD", "WHEN FULL", "FROM", "TO"}};
    std::size_t memory = 0;
    for (auto const& link : links_) {
        memory += link->memory_bytes();
        links.push_back({link->name, link->record, std::to_string(link->message_bytes),
                         std::to_string(link->options.depth),
                         link->options.arena_bytes ? size_text(link->options.arena_bytes) : "-",
                         link->options.when_full == WhenFull::wait ? "wait" : "drop",
                         end_of(*link, true)->row.name, end_of(*link, false)->row.name});
    }
    Table threads{{"THREAD", "PROCESS", "CPU", "IDLE", "STAGES"}};
    for (auto const& driver : drivers_) {
        std::string names;
        for (Entry const& entry : stages_)
            if (entry.row.thread == driver->options().name)
                names += (names.empty() ? "" : ",") + entry.row.name;
        int const cpu = driver->options().cpu;
        threads.push_back({driver->options().name,
                           std::string(driver->process() ? to_text(*driver->process()) : "-"),
                           cpu < 0 ? "any" : std::to_string(cpu),
                           std::string(to_text(driver->options().idle)), names});
    }
    return aligned(stages) + '\n' + aligned(links) + '\n' + aligned(threads) + "\nlinks hold " +
           size_text(memory) + '\n';
}

std::string Topology::dot() const {
    std::string text = "digraph spyhop {\n  rankdir=LR;\n  node [shape=box];\n";
    for (Entry const& entry : stages_)
        text += "  \"" + entry.row.name + "\" [label=\"" + entry.row.name + "\\n" +
                std::string(to_text(entry.row.process)) + " / " + entry.row.thread + "\"];\n";
    for (auto const& link : links_) {
        bool const drops = link->options.when_full == WhenFull::drop;
        text += "  \"" + end_of(*link, true)->row.name + "\" -> \"" +
                end_of(*link, false)->row.name + "\" [label=\"" + link->name + "\"" +
                (drops ? ", style=dashed" : "") + "];\n";
    }
    return text + "}\n";
}

} // namespace pipeline
