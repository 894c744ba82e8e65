// One archive: its elites' columns, and which of them the map shows at a moment of the run.

class Archive {
  constructor(plain, numbers, stops) {
    Object.assign(this, plain);
    this.columns = plain.columns.map((column) => ({ ...column, values: numbers(column.values) }));
    this.ids = numbers(plain.ids);
    this.cell = numbers(plain.cell);
    this.born = plain.born ? numbers(plain.born) : null;
    this.film = plain.film && { frame: numbers(plain.film.frame), cell: numbers(plain.film.cell),
      objective: numbers(plain.film.objective), ids: numbers(plain.film.ids) };
    this.genes = plain.genome && { ...plain.genome, values: numbers(plain.genome.values) };
    this.sizes = plain.lengths ? numbers(plain.lengths) : null;
    this.outlines = plain.outlines && this.polygons(plain.outlines, numbers);
    this.objective = this.columns.findIndex((column) => column.role === "objective");
    this.last = Math.max(0, stops.length - 1);
    this.rowOfId = new Map(Array.from(this.ids, (id, row) => [id, row]));
    this.rowsOfCell = null;
  }

  polygons(packed, numbers) {
    const corners = numbers(packed.corners), counts = numbers(packed.counts), found = [];
    const [lowX, lowY] = packed.low, [highX, highY] = packed.high;
    let at = 0;
    for (const count of counts) {
      const polygon = [];
      for (let i = 0; i < count; i++, at += 2) {
        polygon.push([lowX + (corners[at] / 65535) * (highX - lowX), lowY + (corners[at + 1] / 65535) * (highY - lowY)]);
      }
      found.push(polygon);
    }
    return found;
  }

  /** Whether two columns are the axes of the archive's own grid. */
  isGrid(x, y) {
    return this.shape === "grid" && this.own.includes(x) && (this.own.includes(y) || this.own.length === 1);
  }

  /** Whether they are the two measures whose tessellation has outlines. */
  isTessellation(x, y) {
    return Boolean(this.outlines) && this.own[0] === x && this.own[1] === y;
  }

  /** What there was by a stop: [{row, id, cell, value}], row -1 for what was replaced since. */
  shown(stop, colour) {
    const values = this.columns[colour].values, found = [];
    if (stop < this.last && this.film) {
      const best = new Map();
      const { frame, cell, objective, ids } = this.film;
      for (let i = 0; i < frame.length && frame[i] <= stop; i++) best.set(cell[i], i);
      for (const [where, i] of best) {
        const row = this.rowOfId.get(ids[i]) ?? -1;
        found.push({ row, id: ids[i], cell: where, objective: objective[i],
          value: colour === this.objective ? objective[i] : row >= 0 ? values[row] : NaN });
      }
      return found;
    }
    const objective = this.columns[this.objective].values;
    for (let row = 0; row < this.ids.length; row++) {
      if (stop < this.last && this.born && this.born[row] > stop) continue;
      found.push({ row, id: this.ids[row], cell: this.cell[row], objective: objective[row], value: values[row] });
    }
    return found;
  }

  /** The places along the grid's axes of a cell number. */
  unravel(cell) {
    const places = new Array(this.dims.length);
    for (let axis = this.dims.length - 1; axis >= 0; axis--) {
      places[axis] = cell % this.dims[axis];
      cell = Math.floor(cell / this.dims[axis]);
    }
    return places;
  }

  /** Rows that share a cell with this one, this one included. */
  companions(row) {
    if (!this.rowsOfCell) {
      this.rowsOfCell = new Map();
      this.cell.forEach((cell, i) => {
        if (!this.rowsOfCell.has(cell)) this.rowsOfCell.set(cell, []);
        this.rowsOfCell.get(cell).push(i);
      });
    }
    return this.cell[row] < 0 ? Array.from(this.ids.keys()) : this.rowsOfCell.get(this.cell[row]);
  }

  best() {
    const values = this.columns[this.objective].values;
    let best = -1;
    values.forEach((value, row) => {
      if (!Number.isNaN(value) && (best < 0 || value > values[best])) best = row;
    });
    return best;
  }

  /** A cell's name for people: its places along the axes of a grid, or its number. */
  cellName(cell) {
    if (cell < 0) return "";
    return this.shape === "grid" ? `cell ${this.unravel(cell).join(", ")}` : `cell ${cell}`;
  }
}
