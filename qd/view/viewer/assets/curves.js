// The run's numbers over its evaluations, with the moment that the map shows.

const CURVES = ["coverage", "qd_score", "hypervolume", "best_objective", "truth_coverage"];

class Curves {
  constructor(at, onPick) {
    this.at = at;
    this.onPick = onPick;
  }

  async draw(metrics, evaluations) {
    this.evaluations = evaluations;
    const across = metrics.evaluations, shown = CURVES.filter((name) => metrics[name]).slice(0, 3);
    this.at.hidden = !across || !shown.length;
    if (this.at.hidden) return;
    const wide = this.at.clientWidth > 700, layout = {
      margin: { l: 58, r: 10, t: 22, b: 38 }, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", showlegend: false,
      font: { color: css("--ink"), size: 11.5, family: "system-ui, sans-serif" }, hovermode: "x", annotations: [], shapes: [],
    };
    const n = shown.length, gap = 0.09;
    const traces = shown.map((name, i) => {
      const suffix = i ? String(i + 1) : "", share = 1 / n;
      const span = [i * share + (i ? gap / 2 : 0), (i + 1) * share - (i < n - 1 ? gap / 2 : 0)];
      const axis = { gridcolor: css("--line"), zeroline: false, linecolor: css("--line") };
      layout[`xaxis${suffix}`] = { ...axis, domain: wide ? span : [0, 1], anchor: `y${suffix}`, title: { text: wide || i === n - 1 ? "evaluations" : "" }, showticklabels: wide || i === n - 1 };
      layout[`yaxis${suffix}`] = { ...axis, domain: wide ? [0, 1] : [1 - span[1], 1 - span[0] - 0.04], anchor: `x${suffix}`, nticks: wide ? 6 : 3 };
      layout.annotations.push({ text: literal(name.replaceAll("_", " ")), xref: `x${suffix} domain`, yref: `y${suffix} domain`, x: 0, y: 1, yanchor: "bottom", xanchor: "left", showarrow: false, font: { size: 12 } });
      layout.shapes.push({ type: "line", xref: `x${suffix}`, yref: `y${suffix} domain`, x0: 0, x1: 0, y0: 0, y1: 1, line: { color: css("--mark"), width: 1.5 } });
      return { type: "scatter", mode: across.length < 40 ? "lines+markers" : "lines", x: Array.from(across), y: Array.from(metrics[name]), xaxis: `x${suffix}`, yaxis: `y${suffix}`,
        line: { color: css("--accent"), width: 1.8 }, name: "", hovertemplate: "%{y:.4g}" };
    });
    this.at.style.height = wide ? "230px" : `${110 * n + 50}px`;
    this.marks = n;
    await Plotly.react(this.at, traces, layout, { displayModeBar: false, responsive: true });
    if (!this.listening) {
      this.listening = true;
      this.at.on("plotly_click", (event) => this.onPick(event.points[0].x));
    }
  }

  /** Move the line to a number of evaluations. */
  mark(evaluations) {
    if (this.at.hidden || !this.marks) return;
    const moved = {};
    for (let i = 0; i < this.marks; i++) Object.assign(moved, { [`shapes[${i}].x0`]: evaluations, [`shapes[${i}].x1`]: evaluations });
    Plotly.relayout(this.at, moved);
  }
}
