// What is known of the selected elite: its numbers, replay, genome, ancestors, and who shares its cell.

const GENES_SHOWN = 400;

class ElitePanel {
  constructor(player, onSelect) {
    this.player = player;
    this.onSelect = onSelect;
    this.tabs = [...document.querySelectorAll('[role="tab"]')];
    for (const tab of this.tabs) {
      tab.addEventListener("click", () => this.open(tab.id.slice(4)));
      tab.addEventListener("keydown", (event) => this.alongTabs(event, tab));
    }
    this.open("replay");
  }

  alongTabs(event, tab) {
    const way = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!way) return;
    event.preventDefault();
    event.stopPropagation();
    const there = this.tabs.filter((one) => !one.hidden);
    const next = there[(there.indexOf(tab) + way + there.length) % there.length];
    next.focus();
    this.open(next.id.slice(4));
  }

  open(name) {
    for (const tab of this.tabs) {
      const here = tab.id === `tab-${name}`;
      tab.setAttribute("aria-selected", String(here));
      tab.tabIndex = here ? 0 : -1;
      document.getElementById(tab.getAttribute("aria-controls")).hidden = !here;
    }
  }

  async show(page, archive, entry) {
    document.getElementById("elite-title").textContent = this.title(archive, entry);
    this.numbers(archive, entry);
    this.genome(archive, entry);
    this.lineage(page, archive, entry);
    this.front(archive, entry);
    await this.replay(page, archive, entry);
  }

  none(text) {
    document.getElementById("elite-title").textContent = text;
    document.getElementById("elite").replaceChildren();
    for (const name of ["genome", "lineage", "front"]) document.getElementById(`panel-${name}`).replaceChildren();
    this.player.clear();
  }

  title(archive, entry) {
    const where = archive.cellName(entry.cell);
    const text = [where, entry.id >= 0 ? `evaluation ${number(entry.id)}` : "", entry.row < 0 ? "replaced since" : ""].filter(Boolean).join(" · ");
    return text.charAt(0).toUpperCase() + text.slice(1);
  }

  numbers(archive, entry) {
    const list = element("dl", undefined, "row");
    const add = (name, value) => list.append(element("dt", name), element("dd", value));
    if (entry.row < 0) add(archive.columns[archive.objective].name, number(entry.objective));
    else {
      const worth = (column) => ({ objective: 0, place: 1, other: 2, measure: 3, principal: 4 })[column.role];
      const columns = [...archive.columns].sort((a, b) => worth(a) - worth(b)).slice(0, 10);
      for (const column of columns) add(column.name, number(column.values[entry.row]));
      if (archive.sizes) add("length", number(archive.sizes[entry.row]));
    }
    document.getElementById("elite").replaceChildren(list);
  }

  genome(archive, entry) {
    const at = document.getElementById("panel-genome");
    at.replaceChildren();
    if (!archive.genes || entry.row < 0) {
      at.append(element("p", entry.row < 0 ? "Its genome was not kept." : "Genomes of differing length are in archive.npz.", "hint"));
      return;
    }
    const { width, length, values } = archive.genes, genes = values.subarray(entry.row * width, (entry.row + 1) * width);
    at.append(this.bars(genes));
    const shown = Array.from(genes.subarray(0, GENES_SHOWN), (gene) => number(gene)).join("  ");
    const left = length - Math.min(width, GENES_SHOWN);
    at.append(element("p", left > 0 ? `The first ${number(length - left)} of ${number(length)} genes:` : `${number(length)} genes:`, "hint"),
      element("pre", shown, "genes"));
  }

  /** The genes as thin bars around zero. */
  bars(genes) {
    const canvas = element("canvas"), width = 420, height = 70;
    Object.assign(canvas, { width, height });
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", "Genes as bars");
    canvas.style.width = "100%";
    const pen = canvas.getContext("2d"), most = genes.reduce((a, gene) => Math.max(a, Math.abs(gene)), 1e-12);
    const wide = width / genes.length;
    pen.fillStyle = css("--accent");
    genes.forEach((gene, i) => {
      const tall = (gene / most) * (height / 2 - 2);
      pen.fillRect(i * wide, height / 2 - Math.max(tall, 0), Math.max(wide - (wide > 3 ? 1 : 0), 0.5), Math.max(Math.abs(tall), 0.5));
    });
    return canvas;
  }

  lineage(page, archive, entry) {
    const at = document.getElementById("panel-lineage"), line = page.ancestors(entry.id);
    at.replaceChildren();
    this.places = [];
    if (!line.length) {
      at.append(element("p", page.tree ? "Its lineage is not in this page." : "This run kept no history, so lineages are not known.", "hint"));
      return;
    }
    const last = line[line.length - 1];
    at.append(element("p", line.length === 1 ? "It has no parents." :
      `${number(line.length - 1)} ancestor${line.length > 2 ? "s" : ""}; the first is evaluation ${number(last.id)} of generation ${number(last.generation)}.`, "hint"));
    const list = element("ol", undefined, "line"), head = element("li", undefined, "head");
    for (const text of ["evaluation", "generation", "operator", archive.columns[archive.objective].name]) head.append(element("span", text));
    list.append(head);
    for (const one of line.slice(0, 300)) {
      const row = element("li");
      row.append(element("span", number(one.id)), element("span", number(one.generation)),
        element("span", one.operator, "operator"), element("span", number(one.objective)));
      list.append(row);
    }
    if (line.length > 300) list.append(element("li", `… and ${number(line.length - 300)} before them`));
    at.append(list);
  }

  front(archive, entry) {
    const tab = document.getElementById("tab-front"), at = document.getElementById("panel-front");
    const objectives = archive.columns.filter((column) => column.role === "objective");
    tab.hidden = !(archive.front || objectives.length > 1) || entry.row < 0;
    at.replaceChildren();
    if (tab.hidden) {
      if (tab.getAttribute("aria-selected") === "true") this.open("replay");
      return;
    }
    const rows = archive.companions(entry.row);
    at.append(element("p", `${number(rows.length)} elite${rows.length > 1 ? "s" : ""} ${entry.cell >= 0 ? "in this cell" : "on this front"}; click one to see it.`, "hint"));
    const plot = element("div", undefined, "front");
    at.append(plot);
    const [a, b] = [objectives[0], objectives[1] ?? objectives[0]];
    const axis = { gridcolor: css("--line"), zeroline: false };
    const draw = () => Plotly.newPlot(plot, [{ type: "scatter", mode: "markers", hoverinfo: "none", x: rows.map((row) => a.values[row]), y: rows.map((row) => b.values[row]),
      marker: { size: 9, color: rows.map((row) => (row === entry.row ? css("--mark") : css("--accent"))) } }], {
      margin: { l: 52, r: 8, t: 6, b: 38 }, height: 180, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", font: { color: css("--ink"), size: 11 },
      xaxis: { ...axis, title: { text: literal(a.name) } }, yaxis: { ...axis, title: { text: literal(b.name) } },
    }, { displayModeBar: false, responsive: true }).then(() => plot.on("plotly_click", (event) => this.onSelect(rows[event.points[0].pointIndex])));
    draw();
  }

  async replay(page, archive, entry) {
    const command = `qd replay ${page.document.title.folder} ${entry.id >= 0 ? `--id ${entry.id}` : "--best"}`;
    if (entry.row < 0) return this.player.none("It was replaced since; its replay can be made from the run's folder:", command);
    const kept = page.document.replays[archive.name]?.[entry.row];
    if (kept) return this.player.show(kept, page.numbers, page.document.scenes);
    if (page.served) {
      const token = (this.asked = Symbol("asked"));
      this.player.none("Making its replay …");
      const answer = await fetch(`replay?archive=${encodeURIComponent(archive.name)}&row=${entry.row}`);
      if (this.asked !== token) return undefined;
      if (answer.ok && answer.status === 200) {
        const made = await unpacked(await answer.text());
        return this.player.show(made.document.replays, made.numbers, made.document.scenes);
      }
    }
    if (page.document.why) return this.player.none(`There are no replays: ${page.document.why}`);
    return this.player.none("The page carries the replays of the best elites of each region. This one can be made from the run's folder:", command);
  }
}
