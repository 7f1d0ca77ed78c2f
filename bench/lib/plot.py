"""A plot of a few lines over a logarithmic axis, as SVG by hand."""

import math

WIDTH, HEIGHT = 760, 420
LEFT, RIGHT, TOP, BOTTOM = 64, 190, 48, 56
COLOURS = ["#0b6e4f", "#c1440e", "#2b59c3", "#58b368", "#8a8a8a", "#b0a030"]


def lines(title, x_title, y_title, xs, series):
    """`series` is name → {x: y}; xs are the ticks of the logarithmic axis. The y axis starts at 0."""
    top = nice_top(max(y for points in series.values() for y in points.values()))
    across, up = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
    low, high = math.log(min(xs)), math.log(max(xs))

    def place(x, y):
        return (LEFT + across * (math.log(x) - low) / (high - low), TOP + up * (1 - y / top))

    svg = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'font-family="sans-serif" font-size="12" role="img" aria-label="{title}">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
        f'<text x="{LEFT}" y="24" font-size="15" font-weight="bold">{title}</text>',
        f'<text x="{LEFT + across / 2}" y="{HEIGHT - 14}" text-anchor="middle">{x_title}</text>',
        f'<text x="16" y="{TOP - 10}">{y_title}</text>',
    ]
    for step in range(6):
        value = top * step / 5
        _, y = place(min(xs), value)
        svg.append(f'<path d="M{LEFT} {y:.1f}h{across}" stroke="#e4e4e4"/>')
        svg.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{value:g}</text>')
    for tick in xs:
        x, _ = place(tick, 0)
        svg.append(f'<path d="M{x:.1f} {TOP + up}v5" stroke="#888"/>')
        svg.append(f'<text x="{x:.1f}" y="{TOP + up + 20}" text-anchor="middle">{tick:,}</text>')
    for number, (name, points) in enumerate(series.items()):
        colour = COLOURS[number % len(COLOURS)]
        places = [place(x, points[x]) for x in sorted(points)]
        path = "L".join(f"{x:.1f} {y:.1f}" for x, y in places)
        svg.append(f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        svg += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in places]
        at = TOP + 18 * number
        svg.append(f'<path d="M{WIDTH - RIGHT + 16} {at}h18" stroke="{colour}" stroke-width="2"/>')
        svg.append(f'<text x="{WIDTH - RIGHT + 40}" y="{at + 4}">{name}</text>')
    return "\n".join([*svg, "</svg>", ""])


def nice_top(value):
    """The end of an axis: five steps of a round size."""
    step = 10 ** math.floor(math.log10(value / 5))
    return next(5 * step * factor for factor in (1, 2, 4, 5, 10) if 5 * step * factor >= value)
