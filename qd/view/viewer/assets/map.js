// The map: a heat map of a grid, the filled polygons of a tessellation, or points; on it the selection and its ancestors.

const LEVELS = 48; // colours of a tessellation: its cells of one colour are one path
const MANY = 4000; // points up to which vector graphics stay fluid
const MOST_VECTORS = 12000; // points that are drawn without WebGL

const webgl = (() => {
  try {
    return Boolean(document.createElement("canvas").getContext("webgl"));
  } catch {
    return false;
  }
})();

/** A map in an element. onPick(shown entry) is called for what is clicked. */
class ArchiveMap {
  constructor(at, tip, onPick) {
    this.at = at;
    this.tip = tip;
    this.onPick = onPick;
    this.entries = []; // what is shown, by the order of the points that can be hovered
    this.listening = false;
  }

  async draw(archive, axes, stop, scene) {
    this.archive = archive;
    this.axes = axes;
    const { x, y, colour } = axes;
    const across = archive.columns[x], up = archive.columns[y], shade = archive.columns[colour];
    const shown = archive.shown(stop, colour);
    const [low, high] = [shade.low, shade.high];
    const scale = shade.name === "generation" ? "Cividis" : "Viridis";
    const bar = { title: { text: literal(shade.name), side: "right" }, thickness: 12, outlinewidth: 0, tickfont: { size: 11 }, exponentformat: "power" };
    this.said = "";
    let traces;
    if (archive.isGrid(x, y)) traces = this.grid(shown, x, y, { low, high, scale, bar });
    else if (archive.isTessellation(x, y)) traces = this.tessellation(shown, { low, high, scale, bar });
    else traces = this.points(shown, x, y, { low, high, scale, bar });
    this.base = traces.length;
    traces.push(
      { type: "scatter", mode: "lines+markers", x: [], y: [], hoverinfo: "skip", showlegend: false,
        line: { color: css("--mark"), width: 1.5 }, marker: { size: 4, color: css("--mark") } },
      { type: "scatter", mode: "markers", x: [], y: [], hoverinfo: "skip", showlegend: false,
        marker: { size: 15, symbol: "circle-open", color: css("--mark"), line: { width: 3 } } },
    );
    const one = x === y || archive.own.length === 1 && archive.isGrid(x, y);
    const sceneFits = scene && across.role !== "principal" && up.role !== "principal" && scene.axes[0] === across.name && scene.axes[1] === up.name;
    const layout = this.layout(across, up, one, sceneFits ? scene : null);
    await Plotly.react(this.at, traces, layout,
      { displaylogo: false, responsive: true, scrollZoom: true, modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d"] });
    if (!this.listening) this.listen();
    this.mark(this.selection, this.ancestors);
    return shown.length;
  }

  layout(across, up, one, scene) {
    const pad = (column) => [column.low - 0.01 * (column.high - column.low), column.high + 0.01 * (column.high - column.low)];
    const rangeX = pad(across), rangeY = one ? [-0.5, 0.5] : pad(up);
    const ratio = (rangeY[1] - rangeY[0]) / (rangeX[1] - rangeX[0]);
    const alike = !one && across.role === up.role && ["measure", "place"].includes(across.role) && ratio > 0.25 && ratio < 4;
    const axis = { gridcolor: css("--line"), zeroline: false, linecolor: css("--line"), ticks: "outside", tickcolor: css("--line") };
    return {
      margin: { l: 58, r: 8, t: 8, b: 46 }, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: css("--empty"), hovermode: "closest",
      font: { color: css("--ink"), size: 12, family: "system-ui, sans-serif" }, dragmode: "pan", showlegend: false, hoverdistance: 30,
      uirevision: `${this.archive.name}|${across.name}|${up.name}`, // zoom stays while colours and moments change
      xaxis: { ...axis, title: { text: literal(across.name) }, range: rangeX, constrain: "domain" },
      yaxis: { ...axis, title: { text: one ? "" : literal(up.name) }, range: scene?.invert_y ? [rangeY[1], rangeY[0]] : rangeY,
        constrain: "domain", showticklabels: !one, ...(alike ? { scaleanchor: "x" } : {}) },
      ...(scene ? this.background(scene) : {}),
    };
  }

  background(scene) {
    const ink = css("--ink"), mark = css("--mark"), shapes = [], annotations = [];
    for (const line of scene.lines) {
      const path = line.map(([px, py], i) => `${i ? "L" : "M"}${px},${py}`).join("");
      shapes.push({ type: "path", path, line: { color: ink, width: 1.3 } });
    }
    const label = (px, py, text) => text && annotations.push({ x: px, y: py, text: literal(text), showarrow: false, yshift: 11, font: { size: 11 } });
    for (const [px, py, radius, text] of scene.circles) {
      shapes.push({ type: "circle", x0: px - radius, x1: px + radius, y0: py - radius, y1: py + radius, line: { color: mark, width: 1, dash: "dash" } });
      label(px, scene.invert_y ? py - radius : py + radius, text);
    }
    for (const [px, py, text] of scene.points) {
      annotations.push({ x: px, y: py, text: "●", showarrow: false, font: { color: mark, size: 12 } });
      label(px, py, text);
    }
    return { shapes, annotations };
  }

  grid(shown, x, y, { low, high, scale, bar }) {
    const archive = this.archive, one = archive.own.length === 1 || x === y;
    const axisX = archive.own.indexOf(x), axisY = archive.own.indexOf(y);
    const nx = archive.dims[axisX], ny = one ? 1 : archive.dims[axisY];
    const z = Array.from({ length: ny }, () => new Array(nx).fill(null));
    const top = new Map();
    for (const entry of shown) {
      const places = archive.unravel(entry.cell);
      const i = places[axisX], j = one ? 0 : places[axisY], key = j * nx + i;
      const before = top.get(key);
      if (before && !(entry.objective > before.objective)) continue;
      top.set(key, entry);
      z[j][i] = Number.isNaN(entry.value) ? null : entry.value;
    }
    if (archive.dims.length > (one ? 1 : 2)) this.said = "Each place shows the best elite over the measures that are not on the axes.";
    const centres = (column, n) => Array.from({ length: n }, (_, i) => column.low + ((i + 0.5) / n) * (column.high - column.low));
    const step = (column, n) => (column.high - column.low) / n;
    const columnX = archive.columns[x], columnY = archive.columns[y];
    this.pick = (point) => top.get((one ? 0 : point.pointIndex[0]) * nx + point.pointIndex[1]);
    return [{ type: "heatmap", z, x0: centres(columnX, nx)[0], dx: step(columnX, nx), y0: one ? 0 : centres(columnY, ny)[0],
      dy: one ? 1 : step(columnY, ny), zmin: low, zmax: high, colorscale: scale, colorbar: bar, hoverinfo: "none", hoverongaps: false }];
  }

  tessellation(shown, { low, high, scale, bar }) {
    const archive = this.archive, groups = Array.from({ length: LEVELS }, () => []);
    const best = new Map();
    for (const entry of shown) {
      const before = best.get(entry.cell);
      if (!before || entry.objective > before.objective) best.set(entry.cell, entry);
    }
    for (const [cell, entry] of best) {
      if (Number.isNaN(entry.value)) continue;
      const level = Math.round(((entry.value - low) / (high - low)) * (LEVELS - 1));
      groups[Math.min(Math.max(level, 0), LEVELS - 1)].push(cell);
    }
    const path = (cells) => {
      const px = [], py = [];
      for (const cell of cells) {
        const polygon = archive.outlines[cell];
        for (const [a, b] of [...polygon, polygon[0]]) { px.push(a); py.push(b); }
        px.push(null); py.push(null);
      }
      return { x: px, y: py };
    };
    const common = { type: "scatter", mode: "lines", hoverinfo: "skip", showlegend: false };
    const traces = [{ ...common, ...path(archive.outlines.keys()), line: { color: css("--line"), width: 0.4 } }];
    groups.forEach((cells, level) => {
      if (!cells.length) return;
      const colour = shade(level / (LEVELS - 1), scale);
      traces.push({ ...common, ...path(cells), fill: "toself", fillcolor: colour, line: { color: colour, width: 0.5 } });
    });
    const entries = [...best.values()];
    const middle = (cell) => {
      const polygon = archive.outlines[cell];
      return [0, 1].map((axis) => polygon.reduce((sum, corner) => sum + corner[axis], 0) / polygon.length);
    };
    const places = entries.map((entry) => middle(entry.cell));
    this.pick = (point) => entries[point.pointIndex];
    traces.push({ type: "scatter", mode: "markers", x: places.map((p) => p[0]), y: places.map((p) => p[1]), hoverinfo: "none", showlegend: false,
      marker: { size: 6, opacity: 0, color: entries.map((e) => e.value), cmin: low, cmax: high, colorscale: scale, showscale: true, colorbar: bar } });
    return traces;
  }

  points(shown, x, y, { low, high, scale, bar }) {
    const archive = this.archive, one = x === y;
    const columnX = archive.columns[x].values, columnY = archive.columns[y].values;
    let entries = shown.filter((entry) => entry.row >= 0 && !Number.isNaN(columnX[entry.row]) && !Number.isNaN(columnY[entry.row]));
    const lost = shown.length - entries.length;
    if (lost) this.said = `${number(lost)} without a place on these axes.`;
    if (!webgl && entries.length > MOST_VECTORS) {
      entries = [...entries].sort((a, b) => b.objective - a.objective).slice(0, MOST_VECTORS);
      this.said = `Without WebGL: the best ${number(MOST_VECTORS)} of ${number(shown.length)}.`;
    }
    entries.sort((a, b) => a.value - b.value);
    const n = entries.length, size = n > 20000 ? 3 : n > 3000 ? 4 : n > 300 ? 6 : 9;
    this.pick = (point) => entries[point.pointIndex];
    return [{ type: n > MANY && webgl ? "scattergl" : "scatter", mode: "markers", hoverinfo: "none",
      x: entries.map((e) => columnX[e.row]), y: entries.map((e) => (one ? 0 : columnY[e.row])),
      marker: { size, color: entries.map((e) => e.value), cmin: low, cmax: high, colorscale: scale, colorbar: bar, showscale: true, opacity: 0.9 } }];
  }

  listen() {
    this.listening = true;
    this.at.on("plotly_hover", (event) => this.hover(event));
    this.at.on("plotly_unhover", () => { this.tip.hidden = true; });
    this.at.on("plotly_click", (event) => {
      const entry = this.entryOf(event);
      if (entry) this.onPick(entry);
    });
  }

  entryOf(event) {
    const point = event.points?.find((p) => p.curveNumber < this.base);
    return point && this.pick(point);
  }

  hover(event) {
    const entry = this.entryOf(event);
    if (!entry) return;
    const { x, y, colour } = this.axes, archive = this.archive, lines = [archive.cellName(entry.cell), `evaluation ${number(entry.id)}`];
    const columns = new Set([x, y, colour, archive.objective]);
    for (const column of columns) {
      const value = column === archive.objective ? entry.objective : entry.row >= 0 ? archive.columns[column].values[entry.row] : NaN;
      lines.push(`${archive.columns[column].name}: ${number(value)}`);
    }
    this.tip.textContent = lines.filter(Boolean).join("\n");
    this.tip.hidden = false;
    const { clientX, clientY } = event.event, box = this.tip.getBoundingClientRect();
    this.tip.style.left = `${Math.min(clientX + 14, innerWidth - box.width - 6)}px`;
    this.tip.style.top = `${Math.max(4, Math.min(clientY + 14, innerHeight - box.height - 6))}px`;
  }

  /** Where an entry is on the map, [x, y]; null where the axes do not tell. */
  place(entry) {
    if (!entry) return null;
    const archive = this.archive, { x, y } = this.axes;
    if (entry.row >= 0) {
      const flat = x === y || (archive.own.length === 1 && archive.isGrid(x, y));
      return [archive.columns[x].values[entry.row], flat ? 0 : archive.columns[y].values[entry.row]];
    }
    if (entry.cell >= 0 && archive.isGrid(x, y)) {
      const places = archive.unravel(entry.cell);
      return [x, y].map((column) => {
        const axis = archive.own.indexOf(column), { low, high } = archive.columns[column];
        return low + ((places[axis] + 0.5) / archive.dims[axis]) * (high - low);
      });
    }
    return null;
  }

  /** Show the selection, and the places of its ancestors. */
  mark(entry, ancestors) {
    this.selection = entry;
    this.ancestors = ancestors;
    if (!this.listening) return;
    const here = this.place(entry), line = here && ancestors?.length ? [here, ...ancestors] : [];
    Plotly.restyle(this.at, {
      x: [line.map((p) => p[0]), here ? [here[0]] : []], y: [line.map((p) => p[1]), here ? [here[1]] : []],
    }, [this.base, this.base + 1]);
  }

  /** The shown entry that lies next in a direction (dx, dy: -1, 0, 1, up is 1), or the best to begin with. */
  next(shown, dx, dy) {
    const here = this.place(this.selection);
    if (!here) return shown.find((entry) => entry.row === this.archive.best()) ?? shown[0];
    const span = (column) => column.high - column.low;
    const width = span(this.archive.columns[this.axes.x]), height = span(this.archive.columns[this.axes.y]);
    const turned = this.at.layout?.yaxis?.range?.[0] > this.at.layout?.yaxis?.range?.[1] ? -1 : 1;
    let best = null, least = Infinity;
    for (const entry of shown) {
      const place = this.place(entry);
      if (!place || (entry.id === this.selection.id && entry.cell === this.selection.cell)) continue;
      const a = (place[0] - here[0]) / width, b = (turned * (place[1] - here[1])) / height;
      const along = a * dx + b * dy, aside = Math.abs(a * dy) + Math.abs(b * dx);
      if (along <= 1e-9 || aside > 1.5 * along + 1e-9) continue;
      const far = along + 2 * aside;
      if (far < least) { least = far; best = entry; }
    }
    return best;
  }
}

const SHADES = {
  Viridis: ["440154", "482878", "3e4989", "31688e", "26828e", "1f9e89", "35b779", "6ece58", "b5de2b", "fde725"],
  Cividis: ["00224e", "123570", "3b496c", "575d6d", "707173", "8a8678", "a59c74", "c3b369", "e1cc55", "fee838"],
};

/** The colour at a share of a scale. */
function shade(share, scale) {
  const stops = SHADES[scale], at = share * (stops.length - 1), i = Math.min(Math.floor(at), stops.length - 2), f = at - i;
  const part = (text, k) => parseInt(text.slice(2 * k, 2 * k + 2), 16);
  return `rgb(${[0, 1, 2].map((k) => Math.round(part(stops[i], k) * (1 - f) + part(stops[i + 1], k) * f)).join(",")})`;
}
