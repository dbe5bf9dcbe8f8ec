"""Just enough C++ for tidy.py: what is code, what is comment, where functions are."""

import re

RAW_STRING = re.compile(r'(?:u8|[uUL])?R"([^()\\\s]{0,16})\(')

QUOTED = {quote: re.compile(rf"{quote}(?:\\.|[^\\\n{quote}])*{quote}?", re.S) for quote in "'\""}

# With what a comment, a string or a raw string may begin.
OPENING = re.compile(r"[/\"'RuUL]")


def split(text):
    """(code, comments): both as long as the text, line by line; strings are blank in both."""
    code, comments = [], []
    at, size = 0, len(text)

    def put(until, code_part, comment_part):
        nonlocal at
        piece = text[at:until]
        blank = re.sub(r"[^\n]", " ", piece)
        code.append(piece if code_part else blank)
        comments.append(piece if comment_part else blank)
        at = until

    while at < size:
        two = text[at : at + 2]
        if two == "//":
            end = text.find("\n", at)
            put(size if end < 0 else end, False, True)
        elif two == "/*":
            end = text.find("*/", at + 2)
            put(size if end < 0 else end + 2, False, True)
        elif text[at] in 'RuUL"' and (raw := RAW_STRING.match(text, at)) and starts_token(text, at):
            end = text.find(")" + raw.group(1) + '"', raw.end())
            put(size if end < 0 else end + len(raw.group(1)) + 2, False, False)
        elif text[at] == '"' or (text[at] == "'" and starts_token(text, at)):
            put(QUOTED[text[at]].match(text, at).end(), False, False)
        else:
            found = OPENING.search(text, at + 1)
            put(found.start() if found else size, True, False)
    return "".join(code), "".join(comments)


def starts_token(text, at):
    """False for the quotes inside 1'000'000 and for the R of FOR"..."."""
    return at == 0 or not (text[at - 1].isalnum() or text[at - 1] == "_")


def blank_directives(code):
    """Preprocessor lines, with their continuations, as blanks: their braces need not pair."""
    return re.sub(
        r"^[ \t]*#(?:[^\n\\]|\\.|\\\n)*",
        lambda found: re.sub(r"[^\n]", " ", found.group()),
        code,
        flags=re.M,
    )


def strip_templates(head):
    """`template <...>` heads removed, so that their `class` is not taken for a type."""
    while (found := re.search(r"\btemplate\s*<", head)) is not None:
        depth, at = 1, found.end()
        while at < len(head) and depth > 0:
            depth += {"<": 1, ">": -1}.get(head[at], 0)
            at += 1
        head = head[: found.start()] + head[at:]
    return head


TYPE_HEAD = re.compile(r"^(?:typedef\s+|export\s+)?(?:class|struct|union|enum)\b")
MEMBER_INIT = re.compile(r"\)\s*(?:noexcept(?:\s*\([^()]*\))?\s*)?:(?!:)")


def kind_of_brace(head):
    """What the `{` after this text opens: 'scope', 'function' or 'init'."""
    head = re.sub(r"\[\[.*?\]\]", "", strip_templates(head), flags=re.S).strip()
    head = re.sub(r"^(?:(?:public|private|protected)\s*:\s*)+", "", head)
    if re.match(r"^(?:inline\s+)?namespace\b|^extern\s*$", head) or TYPE_HEAD.match(head):
        return "scope"
    if head.count("(") > head.count(")") or "(" not in head:
        return "init"
    if re.search(r"[=,]$", head):
        return "init"
    # `: name_{...}` in a list of member initializers: the body is still to come.
    if (init := MEMBER_INIT.search(head)) and re.search(r"[\w>]$", head):
        return "init" if not re.search(r"[)}]\s*$", head[init.end() :]) else "function"
    return "function"


def functions(code):
    """Yields (first line, last line) of every function body outside other functions, from 1."""
    code = blank_directives(code)
    stack, head_start, line, head_line = [], 0, 1, None
    for at, char in enumerate(code):
        if char == "\n":
            line += 1
            continue
        inside = "function" in (kind for kind, _ in stack)
        if head_line is None and not char.isspace() and char not in "{};":
            head_line = line
        if char == "{":
            kind = "inner" if inside else kind_of_brace(code[head_start:at])
            stack.append((kind, head_line or line))
            if kind == "scope":
                head_start, head_line = at + 1, None
        elif char == "}" and stack:
            kind, first = stack.pop()
            if kind == "function":
                yield first, line
            if kind in ("scope", "function"):
                head_start, head_line = at + 1, None
        elif char == ";" and not inside and not any(kind == "init" for kind, _ in stack):
            head_start, head_line = at + 1, None


def block(code, start):
    """The text from just behind a `{` to the `}` that closes it."""
    depth, at = 1, start
    while at < len(code) and depth > 0:
        depth += {"{": 1, "}": -1}.get(code[at], 0)
        at += 1
    return code[start:at]


def includes(text, code):
    """Yields (line, '"' or '<', path) of every include that is not commented out."""
    kept = code.split("\n")
    for number, line in enumerate(text.split("\n"), 1):
        found = re.match(r'\s*#\s*include\s*(["<])([^">]+)[">]', line)
        if found and "#" in kept[number - 1]:
            yield number, found.group(1), found.group(2)
