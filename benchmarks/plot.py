"""The plot of time over the number of branches."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

GREY, OURS = "#8b949e", "#2f81f7"
UNDRAWN = {"Braid, SQLite, chunk_size=1", "Braid, no checkpointer"}
"""What only the table has, so that the lines can be told apart."""


def draw(series: Mapping[str, Mapping[int, float]], file: Path) -> None:
    """Draw one line per peer, both axes logarithmic, its name at its end; write an SVG."""
    import matplotlib

    matplotlib.use("svg")
    # Text stays text, and a new run changes nothing but the lines.
    matplotlib.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "braid"})
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(9, 5.2))
    names = sorted(series.keys() - UNDRAWN, key=lambda name: _end(series[name])[1])
    for name in names:
        points = series[name]
        ours = name.startswith("Braid")
        axes.plot(
            list(points),
            list(points.values()),
            color=OURS if ours else GREY,
            linewidth=2.2 if name == "Braid, SQLite" else 1.2,
            linestyle="--" if name == "asyncio.gather" else "-",
            marker="o",
            markersize=3,
        )
    axes.set_xscale("log")
    axes.set_yscale("log")
    widths = sorted({width for points in series.values() for width in points})
    axes.set_xticks(widths, [f"{width:,}" for width in widths])
    axes.set_xlim(widths[0], widths[-1] * 12)
    axes.minorticks_off()
    axes.set_yticks([0.05, 0.1, 0.5, 1, 5, 10], ["50 ms", "100 ms", "0.5 s", "1 s", "5 s", "10 s"])
    axes.set_xlabel("branches of 50 ms, side by side", color=GREY)
    axes.tick_params(colors=GREY)
    axes.grid(axis="y", color=GREY, alpha=0.2)
    for side, spine in axes.spines.items():
        spine.set_visible(side == "bottom")
        spine.set_color(GREY)
    _name_the_ends(axes, series, names)
    figure.tight_layout()
    figure.savefig(file, transparent=True, metadata={"Date": None, "Creator": None})
    pyplot.close(figure)


def _end(points: Mapping[int, float]) -> tuple[int, float]:
    width = max(points)
    return width, points[width]


def _name_the_ends(
    axes: object, series: Mapping[str, Mapping[int, float]], names: list[str]
) -> None:
    """Write each name to the right of its line's end, those of one column apart."""
    lowest: dict[int, float] = {}
    for name in names:
        width, seconds = _end(series[name])
        height = max(seconds, lowest.get(width, 0) * 1.28)
        lowest[width] = height
        axes.annotate(  # type: ignore[attr-defined]
            name,
            (width, seconds),
            xytext=(width * 1.12, height),
            fontsize=8.5,
            color=OURS if name.startswith("Braid") else GREY,
            fontweight="bold" if name == "Braid, SQLite" else "normal",
            verticalalignment="center",
        )
