// Replays: things that move, pictures one after the other, marked text.

/** Shows one replay in an element, and plays it. */
class Player {
  constructor(at) {
    this.at = at;
    this.timer = 0;
  }

  stop() {
    cancelAnimationFrame(this.timer);
    this.timer = 0;
    if (this.button) this.button.textContent = "Play";
  }

  get playing() {
    return this.timer !== 0;
  }

  /** Say that there is none, and why. */
  none(text, command) {
    this.clear();
    this.at.append(element("p", text, "hint"));
    if (command) this.at.append(element("pre", command, "genes"));
  }

  clear() {
    this.stop();
    this.at.replaceChildren();
    this.button = this.draw = null;
  }

  /** Show what there is of an elite: at most one thing that moves, and texts above it. */
  show(replays, numbers, scenes) {
    this.clear();
    for (const words of replays.filter((one) => one.kind === "words")) this.words(words);
    const replay = replays.find((one) => one.kind !== "words");
    if (!replay) return;
    this.frames = replay.kind === "motion" ? replay.frames : replay.pictures.length;
    this.seconds = Math.min(Math.max(replay.seconds, 0.02), 0.5);
    if (replay.kind === "motion") this.motion(replay, numbers, scenes[replay.scene]);
    else this.pictures(replay);
    if (this.frames > 1) this.controls();
    this.frame(this.frames - 1);
  }

  words(replay) {
    const text = element("pre", undefined, "words");
    for (const [part, mark] of replay.parts) text.append(element("span", part, mark || undefined));
    this.at.append(text);
  }

  pictures(replay) {
    const image = element("img", undefined, "film");
    image.alt = "A frame of the episode";
    this.at.append(image);
    this.draw = (frame) => { image.src = replay.pictures[frame]; };
  }

  motion(replay, numbers, scene) {
    const canvas = element("canvas");
    canvas.id = "stage";
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", "The episode of this elite");
    const note = element("p", "", "hint");
    this.at.append(canvas, note);
    const bodies = replay.bodies.map((body) => this.unrolled(body, replay, numbers(body.steps)));
    const low = [...replay.low], high = [...replay.high];
    for (const points of [...scene.lines, scene.points]) {
      for (const [x, y] of points) {
        low[0] = Math.min(low[0], x); low[1] = Math.min(low[1], y);
        high[0] = Math.max(high[0], x); high[1] = Math.max(high[1], y);
      }
    }
    const spanX = high[0] - low[0] || 1, spanY = high[1] - low[1] || 1;
    const width = Math.max(this.at.clientWidth, 260), height = Math.min(Math.max((width * spanY) / spanX, 120), 430);
    const ratio = devicePixelRatio || 1;
    canvas.width = width * ratio;
    canvas.height = height * ratio;
    canvas.style.height = `${height}px`;
    const scale = 0.94 * Math.min(width / spanX, height / spanY);
    const left = (width - scale * spanX) / 2, top = (height - scale * spanY) / 2;
    const at = ([x, y]) => [left + (x - low[0]) * scale, scene.invert_y ? top + (y - low[1]) * scale : height - top - (y - low[1]) * scale];
    this.draw = (frame) => {
      const pen = canvas.getContext("2d");
      pen.setTransform(ratio, 0, 0, ratio, 0, 0);
      pen.clearRect(0, 0, width, height);
      this.background(pen, scene, at, scale);
      bodies.forEach((body, i) => this.body(pen, body, frame, at, i));
      note.textContent = replay.notes[frame] ?? "";
    };
  }

  /** A body's places [frame][point] = [x, y] from the steps that were packed. */
  unrolled(body, replay, steps) {
    const { frames, low, high, levels } = replay, axes = [0, 1];
    const places = Array.from({ length: frames }, () => Array.from({ length: body.points }, () => [0, 0]));
    for (let point = 0; point < body.points; point++) {
      for (const axis of axes) {
        let at = 0;
        for (let frame = 0; frame < frames; frame++) {
          at += steps[(point * 2 + axis) * frames + frame];
          places[frame][point][axis] = low[axis] + (at / levels) * (high[axis] - low[axis]);
        }
      }
    }
    return { ...body, places };
  }

  background(pen, scene, at, scale) {
    pen.strokeStyle = css("--ink");
    pen.lineWidth = 1.4;
    for (const line of scene.lines) this.path(pen, line.map(at));
    pen.fillStyle = pen.strokeStyle = css("--mark");
    pen.font = "11px system-ui, sans-serif";
    pen.textAlign = "center";
    for (const [x, y, radius, label] of scene.circles) {
      const [cx, cy] = at([x, y]);
      pen.setLineDash([4, 3]);
      pen.beginPath();
      pen.arc(cx, cy, radius * scale, 0, 2 * Math.PI);
      pen.stroke();
      pen.setLineDash([]);
      if (label) pen.fillText(label, cx, cy - radius * scale - 4);
    }
    for (const [x, y, label] of scene.points) {
      const [cx, cy] = at([x, y]);
      pen.beginPath();
      pen.arc(cx, cy, 4, 0, 2 * Math.PI);
      pen.fill();
      if (label) pen.fillText(label, cx, cy - 8);
    }
  }

  body(pen, body, frame, at, order) {
    const colour = order ? ["#d55e00", "#009e73", "#cc79a7", "#e69f00"][(order - 1) % 4] : css("--accent");
    pen.strokeStyle = pen.fillStyle = colour;
    if (body.trail) {
      pen.globalAlpha = 0.45;
      pen.lineWidth = 2;
      this.path(pen, body.places.slice(0, frame + 1).map((points) => at(points[points.length - 1])));
      pen.globalAlpha = 1;
    }
    const points = body.places[frame].map(at);
    pen.lineWidth = 3;
    if (points.length > 1) this.path(pen, points);
    for (const [x, y] of points.length > 1 && points.length < 30 ? points : [points[points.length - 1]]) {
      pen.beginPath();
      pen.arc(x, y, points.length > 1 ? 3 : 6, 0, 2 * Math.PI);
      pen.fill();
    }
  }

  path(pen, points) {
    pen.lineJoin = pen.lineCap = "round";
    pen.beginPath();
    points.forEach(([x, y], i) => (i ? pen.lineTo(x, y) : pen.moveTo(x, y)));
    pen.stroke();
  }

  controls() {
    const row = element("div", undefined, "player");
    this.button = element("button", "Play");
    this.button.type = "button";
    this.button.id = "play";
    this.button.addEventListener("click", () => this.toggle());
    this.slider = element("input");
    Object.assign(this.slider, { type: "range", min: 0, max: this.frames - 1, id: "moment" });
    this.slider.setAttribute("aria-label", "Moment of the episode");
    this.slider.addEventListener("input", () => { this.stop(); this.frame(Number(this.slider.value)); });
    row.append(this.button, this.slider);
    this.at.append(row);
  }

  frame(frame) {
    this.now = frame;
    if (this.slider && this.button) this.slider.value = frame;
    this.draw?.(frame);
  }

  toggle() {
    if (!this.button) return;
    if (this.playing) return this.stop();
    this.button.textContent = "Stop";
    let begin = null;
    const from = this.now >= this.frames - 1 ? 0 : this.now;
    const step = (time) => {
      begin ??= time;
      const frame = Math.min(from + Math.floor((time - begin) / 1000 / this.seconds), this.frames - 1);
      this.frame(frame);
      if (frame >= this.frames - 1) return this.stop();
      this.timer = requestAnimationFrame(step);
    };
    this.timer = requestAnimationFrame(step);
  }
}
