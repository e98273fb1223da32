# SPDX-License-Identifier: Apache-2.0
"""A plot of time and memory over the size of a repository."""

WIDTH, HEIGHT, MARGIN = 640, 320, 56
CURVES = (("wall_ms", "ms", "#1f6feb"), ("peak_kib", "KiB", "#b35900"))


def polyline(points, key, unit, colour):
    """Each curve has a scale of its own, from 0; its largest value stands beside it."""
    widest, highest = max(size for size, _ in points), max(row[key] for _, row in points)
    places = [(MARGIN + (WIDTH - 2 * MARGIN) * size / widest,
               HEIGHT - MARGIN - (HEIGHT - 2 * MARGIN) * row[key] / highest) for size, row in points]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    dots = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"><title>{size} packages: {row[key]:.0f} {unit}'
                   "</title></circle>" for (x, y), (size, row) in zip(places, points))
    x, y = places[-1]
    return (f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>{dots}'
            f'<text x="{x:.0f}" y="{y - 8:.0f}" fill="{colour}" text-anchor="end">{points[-1][1][key]:.0f} {unit}</text>')


def draw(points, path):
    """points: [(packages, a program's medians)], by size."""
    left, right, bottom = MARGIN, WIDTH - MARGIN, HEIGHT - MARGIN
    marks = "".join(f'<text x="{left + (right - left) * size / points[-1][0]:.0f}" y="{bottom + 18}" text-anchor="middle">'
                    f"{size}</text>" for size, _ in points)
    path.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">'
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>'
        f'<path d="M{left} {MARGIN}V{bottom}H{right}" stroke="#888" fill="none"/>{marks}'
        f'<text x="{WIDTH / 2}" y="{HEIGHT - 12}" text-anchor="middle">packages in one repository, scanned from nothing</text>'
        f'{"".join(polyline(points, *curve) for curve in CURVES)}</svg>\n')
