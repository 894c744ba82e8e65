// The page: what is chosen, and who is told of it.

class Page {
  constructor(served) {
    this.served = served;
    this.map = new ArchiveMap(document.getElementById("map"), document.getElementById("tip"), (entry) => this.select(entry));
    this.player = new Player(document.getElementById("panel-replay"));
    this.panel = new ElitePanel(this.player, (row) => this.selectRow(row));
    this.curves = new Curves(document.getElementById("curves"), (evaluations) => this.toEvaluations(evaluations));
    this.axes = { x: 0, y: 0, colour: 0 };
    this.wire();
  }

  async load(text) {
    const { document: plain, numbers } = await unpacked(text);
    this.document = plain;
    this.numbers = numbers;
    this.tree = plain.tree && this.readTree(plain.tree);
    this.metrics = Object.fromEntries(Object.entries(plain.metrics).map(([name, at]) => [name, numbers(at)]));
    this.archives = plain.maps.map((one) => new Archive(one, numbers, plain.stops));
    const before = this.archive?.name, following = this.stop === undefined || this.stop === this.lastStop;
    this.lastStop = Math.max(0, plain.stops.length - 1);
    this.stop = following ? this.lastStop : Math.min(this.stop, this.lastStop);
    this.header();
    this.more();
    this.fillArchives(before);
    const slider = document.getElementById("stop");
    slider.max = this.lastStop;
    document.getElementById("time").hidden = this.lastStop === 0;
    await this.curves.draw(this.metrics, plain.evaluations);
    await this.show();
    document.documentElement.dataset.ready = "yes";
  }

  readTree(plain) {
    const ids = this.numbers(plain.ids);
    return { ids, parent: this.numbers(plain.parent), objective: this.numbers(plain.objective), generation: this.numbers(plain.generation),
      operator: this.numbers(plain.operator), operators: plain.operators, width: plain.width, places: this.numbers(plain.places),
      at: new Map(Array.from(ids, (id, place) => [id, place])) };
  }

  /** An evaluation and its first parents back to the first: [{id, generation, operator, objective, place}]. */
  ancestors(id) {
    const tree = this.tree, found = [];
    for (let at = tree?.at.get(id) ?? -1; at >= 0; at = tree.parent[at]) {
      found.push({ id: tree.ids[at], generation: tree.generation[at], operator: tree.operators[tree.operator[at]] ?? "", objective: tree.objective[at],
        place: tree.width >= 2 ? [tree.places[2 * at], tree.places[2 * at + 1]] : null });
    }
    return found;
  }

  header() {
    const { title, numbers, state, notes } = this.document;
    document.title = `${title.name} · qd`;
    document.getElementById("name").textContent = title.name;
    document.getElementById("subtitle").textContent = [`${title.algorithm || "?"} on ${title.problem || "?"}`,
      title.seed === null || title.seed === undefined ? "" : `seed ${title.seed}`, state === "finished" ? "" : state].filter(Boolean).join(" · ");
    const names = { evaluations: "evaluations", coverage: "coverage", qd_score: "QD score", best_objective: "best", failed: "failed" };
    const list = document.getElementById("numbers");
    list.replaceChildren();
    for (const [key, name] of Object.entries(names)) {
      const value = numbers[key];
      if (value === undefined || (key === "failed" && !value)) continue;
      const pair = element("div");
      pair.append(element("dt", name), element("dd", key === "coverage" ? `${(100 * value).toFixed(1)} %` : number(value)));
      list.append(pair);
    }
    document.getElementById("notes").replaceChildren(...notes.map((note) => element("li", note)));
  }

  more() {
    const { failures, settings } = this.document, box = document.getElementById("failures");
    box.hidden = !failures.total;
    box.querySelector("summary").textContent = `${number(failures.total)} failed evaluation${failures.total === 1 ? "" : "s"}`;
    box.querySelector("div").replaceChildren(...failures.rows.map((row) => {
      const one = element("div", undefined, "failure");
      one.append(element("div", `evaluation ${number(row.id)} · generation ${number(row.generation)} · ${row.status}`, "what"), element("div", row.reason, "reason"));
      return one;
    }), failures.rows.length < failures.total ? element("p", "The others are in failures.jsonl.", "hint") : "");
    const table = element("table", undefined, "settings");
    for (const [name, value] of leaves(settings ?? {})) {
      const row = element("tr");
      row.append(element("td", name), element("td", String(value)));
      table.append(row);
    }
    document.querySelector("#settings div").replaceChildren(table);
  }

  fillArchives(before) {
    const choice = document.getElementById("archive");
    choice.replaceChildren(...this.archives.map((archive, i) => new Option(`${archive.name} (${number(archive.count)})`, i)));
    choice.parentElement.hidden = this.archives.length < 2;
    const kept = this.archives.findIndex((archive) => archive.name === before);
    const richest = this.archives.findIndex((archive) => archive.count > 0);
    choice.value = kept >= 0 ? kept : Math.max(richest, 0);
    this.choose(kept >= 0);
  }

  /** Take the archive that is chosen, with axes that suit it. */
  choose(keep) {
    this.archive = this.archives[Number(document.getElementById("archive").value)];
    for (const control of ["across", "up", "colour"]) document.getElementById(control).disabled = !this.archive;
    if (!this.archive) return;
    const { columns, own, objective } = this.archive;
    const role = (name) => columns.map((column, i) => (column.role === name ? i : -1)).filter((i) => i >= 0);
    const pairs = own.length <= 2 || this.archive.shape !== "points" ? [own, role("objective")]
      : [role("place"), role("principal"), own];
    const [x, y] = pairs.find((pair) => pair.length >= 2) ?? [pairs.flat()[0] ?? objective, pairs.flat()[0] ?? objective];
    const generation = columns.findIndex((column) => column.name === "generation");
    const same = columns[objective].low === columns[objective].high || columns[objective].values.every((v) => v === columns[objective].values[0]);
    const colour = same && generation >= 0 ? generation : objective;
    if (!keep || [this.axes.x, this.axes.y, this.axes.colour].some((i) => i >= columns.length)) this.axes = { x, y, colour };
    const fill = (id, value) => {
      const select = document.getElementById(id);
      select.replaceChildren(...columns.map((column, i) => new Option(column.name, i)));
      select.value = value;
    };
    fill("across", this.axes.x);
    fill("up", this.axes.y);
    fill("colour", this.axes.colour);
    if (!keep) this.entry = null;
  }

  async show() {
    const stops = this.document.stops, said = document.getElementById("said");
    document.getElementById("stop").value = this.stop;
    const evaluations = this.document.evaluations[this.stop];
    document.getElementById("when").textContent = stops.length
      ? `generation ${number(stops[this.stop])}, ${number(evaluations)} evaluations` : "";
    this.curves.mark(evaluations ?? this.document.numbers.evaluations ?? 0);
    if (!this.archive || !this.archive.count) {
      said.textContent = "This run keeps no elites.";
      document.getElementById("map").hidden = true;
      this.panel.none("No elites");
      return;
    }
    document.getElementById("map").hidden = false;
    const count = await this.map.draw(this.archive, this.axes, this.stop, this.sceneOf());
    const early = this.stop < this.lastStop;
    said.textContent = [`${number(count)} elite${count === 1 ? "" : "s"}${this.archive.cells > 1 ? ` in ${number(this.archive.cells)} cells` : ""}.`,
      early && !this.archive.film ? "Of today's elites, those that had been evaluated by then." : "", this.map.said].filter(Boolean).join(" ");
    if (this.entry) this.mark();
    else if (this.stop === this.lastStop) await this.selectRow(this.first());
  }

  /** The row that is shown first: the best, or the only one there is something to show of. */
  first() {
    const shown = Object.keys(this.document.replays[this.archive.name] ?? {});
    return shown.length === 1 ? Number(shown[0]) : this.archive.best();
  }

  sceneOf() {
    const scene = this.document.scene, places = this.archive.columns.filter((column) => column.role === "place" || column.role === "measure");
    const own = this.archive.columns.filter((column) => column.role === "place");
    const axes = own.length >= 2 ? own : places;
    if (!scene || axes.length < 2 || !(scene.lines.length + scene.circles.length + scene.points.length || scene.invert_y)) return null;
    return { ...scene, axes: [axes[0].name, axes[1].name] };
  }

  async selectRow(row) {
    if (row < 0) return this.panel.none("No elite has an objective");
    const { archive, axes } = this;
    return this.select({ row, id: archive.ids[row], cell: archive.cell[row], objective: archive.columns[archive.objective].values[row],
      value: archive.columns[axes.colour].values[row] });
  }

  async select(entry) {
    this.entry = entry;
    this.mark();
    await this.panel.show(this, this.archive, entry);
  }

  mark() {
    const { x, y } = this.axes, { columns, own } = this.archive;
    const places = columns.map((column, i) => (column.role === "place" ? i : -1)).filter((i) => i >= 0);
    const plane = places.length >= 2 ? places : own;
    const known = plane[0] === x && plane[1] === y;
    const line = known ? this.ancestors(this.entry.id).slice(1).map((one) => one.place).filter((place) => place && !place.some(Number.isNaN)) : [];
    this.map.mark(this.entry, line);
  }

  async toStop(stop) {
    const wanted = Math.min(Math.max(stop, 0), this.lastStop);
    if (wanted === this.stop) return;
    this.stop = wanted;
    await this.show();
  }

  toEvaluations(evaluations) {
    const stop = this.document.evaluations.findIndex((count) => count >= evaluations);
    this.toStop(stop < 0 ? this.lastStop : stop);
  }

  step(dx, dy) {
    if (!this.archive?.count) return;
    this.map.selection = this.entry;
    const next = this.map.next(this.archive.shown(this.stop, this.axes.colour), dx, dy);
    if (next) this.select(next);
  }

  wire() {
    const on = (id, event, act) => document.getElementById(id).addEventListener(event, act);
    on("archive", "change", () => { this.choose(false); this.show(); });
    for (const [id, axis] of [["across", "x"], ["up", "y"], ["colour", "colour"]]) {
      on(id, "change", (event) => { this.axes[axis] = Number(event.target.value); this.show(); });
    }
    on("stop", "input", (event) => this.toStop(Number(event.target.value)));
    on("back", "click", () => this.toStop(this.stop - 1));
    on("on", "click", () => this.toStop(this.stop + 1));
    on("theme", "click", () => this.theme(document.documentElement.dataset.theme === "dark" ? "light" : "dark"));
    document.addEventListener("keydown", (event) => this.key(event));
    const dark = matchMedia("(prefers-color-scheme: dark)");
    dark.addEventListener("change", () => this.theme(dark.matches ? "dark" : "light"));
    this.theme(dark.matches ? "dark" : "light", false);
    let late;
    addEventListener("resize", () => { clearTimeout(late); late = setTimeout(() => this.document && this.curves.draw(this.metrics, this.document.evaluations), 200); });
  }

  theme(name, draw = true) {
    document.documentElement.dataset.theme = name;
    document.getElementById("theme").textContent = name === "dark" ? "Light" : "Dark";
    if (!draw || !this.document) return;
    this.curves.draw(this.metrics, this.document.evaluations).then(() => this.show());
    if (this.entry) this.panel.show(this, this.archive, this.entry);
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || !this.document) return;
    const inControl = /^(INPUT|SELECT|BUTTON|SUMMARY)$/.test(event.target.tagName);
    const arrows = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
    if (arrows[event.key] && !inControl) this.step(...arrows[event.key]);
    else if (event.key === " " && !inControl) this.player.toggle();
    else if (event.key === "[") this.toStop(this.stop - 1);
    else if (event.key === "]") this.toStop(this.stop + 1);
    else if (event.key === "b" && !inControl && this.archive?.count) this.selectRow(this.archive.best());
    else return;
    event.preventDefault();
  }
}

/** The settings as [dotted name, value]. */
function* leaves(tree, name = "") {
  for (const [key, value] of Object.entries(tree)) {
    const path = name ? `${name}.${key}` : key;
    if (value && typeof value === "object" && !Array.isArray(value)) yield* leaves(value, path);
    else yield [path, Array.isArray(value) ? JSON.stringify(value) : value];
  }
}

async function begin() {
  const served = document.documentElement.dataset.served === "yes";
  const page = new Page(served);
  globalThis.page = page;
  await page.load(document.getElementById("data").textContent);
  if (!served) return;
  let version = document.documentElement.dataset.version;
  setInterval(async () => {
    try {
      const now = await (await fetch("version")).text();
      if (now === version) return;
      version = now;
      await page.load(await (await fetch("data")).text());
    } catch {
      document.getElementById("notes").replaceChildren(element("li", "qd view has ended: this page is as it was then."));
    }
  }, 2000);
}

begin().catch((error) => {
  document.getElementById("notes").append(element("li", `This page could not be shown: ${error.message}`));
  throw error;
});
