# SPDX-License-Identifier: MIT
"""The table and the picture of what was measured, for README: speed.md and cost.svg."""
import math
import os

# name in the results, and what the panel is called
PANELS = [("getsubids, last user", "getsubids: the last user"),
          ("newuidmap, allowed", "newuidmap: allowed"),
          ("newuidmap, denied", "newuidmap: denied"),
          ("give one range", "a range for a user"),
          ("lease for a container", "a range for a container"),
          ("second login (PAM)", "the second login (PAM)"),
          ("load a table", "a table, read by the library"),
          ("audit", "an audit of both tables")]
LINES = [("theirs", "shadow 4.13"), ("ours", "subid"),
         ("floor", "floor: no more than the necessary bytes")]
COLUMNS = 4
WIDTH, HEIGHT = 180, 170         # of a panel's axes
LEFT, TOP, GAP_X, GAP_Y = 64, 96, 52, 78
N_DECADES, COST_DECADES = (2, 6), (-1, 3.5)

STYLE = """
svg{--bg:#fff;--ink:#1a2433;--dim:#5c6a7e;--line:#dde3eb;--theirs:#c2490a;--ours:#1b66a8;
--floor:#7d8897;background:var(--bg);font:12px system-ui,-apple-system,'Segoe UI',Roboto,
'DejaVu Sans',sans-serif}
@media (prefers-color-scheme:dark){svg{--bg:#10151c;--ink:#e4eaf2;--dim:#93a1b3;
--line:#2b3644;--theirs:#ffa066;--ours:#7dbcf5;--floor:#66758a}}
.bg{fill:var(--bg)}text{fill:var(--dim);font-variant-numeric:tabular-nums}
.title{fill:var(--ink);font-size:17px;font-weight:600}.panel{fill:var(--ink);font-weight:600}
.grid{stroke:var(--line);fill:none}.axis{stroke:var(--dim);fill:none}
.end{text-anchor:end}.middle{text-anchor:middle}.small{font-size:11px}
polyline{fill:none;stroke-width:2}
.theirs polyline,.theirs line{stroke:var(--theirs)}.theirs circle{fill:var(--theirs)}
.ours polyline,.ours line{stroke:var(--ours)}.ours circle{fill:var(--ours)}
.floor polyline,.floor line{stroke:var(--floor);stroke-dasharray:5 4}.floor circle{fill:none}
.theirs .value{fill:var(--theirs)}.ours .value{fill:var(--ours)}
"""


def escape(text):
    return text.replace("&", "&amp;").replace("<", "&lt;")


def place(left, top, n, cost):
    """Where a cost of n lines is in a panel whose axes begin at left and top."""
    x = (math.log10(n) - N_DECADES[0]) / (N_DECADES[1] - N_DECADES[0])
    y = (math.log10(cost) - COST_DECADES[0]) / (COST_DECADES[1] - COST_DECADES[0])
    return left + x * WIDTH, top + (1 - y) * HEIGHT


def amount(millions):
    """A number for people: two digits, or more where there are more."""
    if millions < 0.995:
        return "%.2f" % millions
    return "%.1f" % millions if millions < 99.5 else format(round(millions), ",")


def axes(left, top):
    out = []
    for decade in range(N_DECADES[0], N_DECADES[1] + 1):
        x = place(left, top, 10 ** decade, 1)[0]
        label = {2: "100", 3: "1k", 4: "10k", 5: "100k", 6: "1M"}[decade]
        out.append('<path class="grid" d="M%.1f %dv%d"/>' % (x, top, HEIGHT))
        out.append('<text class="small middle" x="%.1f" y="%d">%s</text>'
                   % (x, top + HEIGHT + 15, label))
    for decade in range(math.ceil(COST_DECADES[0]), math.floor(COST_DECADES[1]) + 1):
        y = place(left, top, 100, 10 ** decade)[1]
        out.append('<path class="grid" d="M%d %.1fh%d"/>' % (left, y, WIDTH))
        out.append('<text class="small end" x="%d" y="%.1f">%s</text>'
                   % (left - 6, y + 4, "0.1" if decade < 0 else format(10 ** decade, ",")))
    out.append('<path class="axis" d="M%d %dv%dh%d"/>' % (left, top, HEIGHT, WIDTH))
    return out


def curve(whose, points, left, top):
    """A line, a dot for each measurement, and the last number in words."""
    places = [place(left, top, n, cost) for n, cost in points]
    out = ['<g class="%s">' % whose,
           '<polyline points="%s"/>' % " ".join("%.1f,%.1f" % at for at in places)]
    if whose != "floor":
        out += ['<circle cx="%.1f" cy="%.1f" r="3"><title>N = %s: %s million</title></circle>'
                % (x, y, format(n, ","), amount(cost))
                for (x, y), (n, cost) in zip(places, points)]
        x, y = places[-1]
        # inside of the panel
        at_edge = x > left + WIDTH - 30
        out.append('<text class="small value%s" x="%.1f" y="%.1f">%s</text>'
                   % (" end" if at_edge else "", x - (6 if at_edge else -7),
                      y - 6 if at_edge else y + 4, amount(points[-1][1])))
    return out + ["</g>"]


def picture(results):
    panels = [(name, title) for name, title in PANELS if name in results.points]
    rows = -(-len(panels) // COLUMNS)
    width = LEFT + COLUMNS * WIDTH + (COLUMNS - 1) * GAP_X + 30
    height = TOP + rows * HEIGHT + (rows - 1) * GAP_Y + 56
    out = ['<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" role="img"'
           ' aria-labelledby="title">' % (width, height),
           '<title id="title">Instructions against the number of lines</title>',
           "<style>%s</style>" % STYLE.strip(),
           '<rect class="bg" width="%d" height="%d"/>' % (width, height),
           '<text class="title" x="%d" y="30">What it costs when the tables grow</text>'
           % (LEFT - 44)]
    x = LEFT - 44
    for whose, text in LINES:
        out.append('<g class="%s"><line x1="%d" y1="50" x2="%d" y2="50" stroke-width="2"/></g>'
                   '<text x="%d" y="54">%s</text>' % (whose, x, x + 26, x + 33, text))
        x += 33 + 8 * len(text) + 24
    for i, (name, title) in enumerate(panels):
        left = LEFT + i % COLUMNS * (WIDTH + GAP_X)
        top = TOP + i // COLUMNS * (HEIGHT + GAP_Y)
        out.append('<text class="panel" x="%d" y="%d">%s</text>'
                   % (left, top - 10, escape(title)))
        out += axes(left, top)
        for whose, _ in LINES:
            if whose in results.points[name]:
                out += curve(whose, results.points[name][whose], left, top)
    out.append('<text class="middle" x="%d" y="%d">lines in each table, and accounts (N)</text>'
               % (width // 2, height - 14))
    out.append('<text class="middle" transform="translate(14 %d) rotate(-90)">millions of'
               ' instructions</text>' % (TOP + (height - TOP - 56) // 2))
    return "\n".join(out + ["</svg>"]) + "\n"


def cells(results, name, whose, sizes):
    points = dict(results.points[name].get(whose, []))
    found = [amount(points[n]) if n in points else "-" for n in sizes]
    return "-" if set(found) == {"-"} else " / ".join(found)


def table(results, limits):
    """Rows of Markdown, at 10,000 and 65,000 lines or, of what takes a million, at these."""
    out = ["| operation | N | shadow 4.13 | floor | subid | at most | grows as N to the |"
           " memory, MB |", "|---|---|---|---|---|---|---|---|"]
    for name in results.points:
        if name.startswith("- "):
            continue
        have = dict(results.points[name]["ours"])
        sizes = [n for n in (10000, 65000) if n in have]
        sizes = [10000, 1000000] if 1000000 in have else sizes
        limit = [limits.get(name, {}).get(n) for n in sizes]
        our, their = (results.growth(name, whose) for whose in ("ours", "theirs"))
        growth = "-" if our is None else "%.2f" % our
        memory = "-"
        if name in results.peaks:
            memory = "%.0f" % results.peaks[name][1]
            if results.peaks[name][2] is not None:
                memory += " (shadow %.0f)" % results.peaks[name][2]
        out.append("| %s | %s | %s | %s | %s | %s | %s | %s |" % (
            name, " / ".join(format(n, ",") for n in sizes),
            cells(results, name, "theirs", sizes), cells(results, name, "floor", sizes),
            cells(results, name, "ours", sizes),
            " / ".join("-" if n is None else "%g" % n for n in limit)
            if any(limit) else "-",
            growth + ("" if their is None else " (shadow %.2f)" % their), memory))
    return "\n".join(out) + "\n"


def write(results, limits, directory):
    for name, text in (("cost.svg", picture(results)), ("speed.md", table(results, limits))):
        path = os.path.join(directory, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        print("wrote " + os.path.relpath(path))
