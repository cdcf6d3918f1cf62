"use strict";
// Adds to a page that is complete without it: sortable tables, filters, live charts. Names from files enter the page
// as text only, never as markup.
(() => {
  const SVG = "http://www.w3.org/2000/svg";
  const data = JSON.parse(document.getElementById("data").textContent);
  const state = { corpus: "", hidden: new Set(), find: "", linear: new Set() };

  const make = (name, properties = {}, ...children) => {
    const element = Object.assign(document.createElement(name), properties);
    element.append(...children);
    return element;
  };
  const draw = (parent, name, attributes, text) => {
    const element = document.createElementNS(SVG, name);
    for (const key in attributes) element.setAttribute(key, attributes[key]);
    if (text !== undefined) element.textContent = text;
    parent.append(element);
    return element;
  };

  // Tables ------------------------------------------------------------------------------------------------------

  const key = (row, column) => {
    const cell = row.cells[column];
    return cell.dataset.v !== undefined ? Number(cell.dataset.v) : null;
  };
  const sort = (table, column) => {
    const heads = [...table.tHead.rows[0].cells];
    const numeric = heads[column].classList.contains("n");
    // Numbers begin with the greatest, names with the first.
    const now = heads[column].getAttribute("aria-sort");
    const order = now ? (now === "ascending" ? "descending" : "ascending") : numeric ? "descending" : "ascending";
    for (const head of heads) head.removeAttribute("aria-sort");
    heads[column].setAttribute("aria-sort", order);
    const sign = order === "ascending" ? 1 : -1;
    const body = table.tBodies[0];
    const rows = [...body.rows].filter((row) => !row.classList.contains("empty"));
    rows.sort((a, b) => {
      if (!numeric) {
        return sign * a.cells[column].textContent.localeCompare(b.cells[column].textContent, "en", { numeric: true });
      }
      const [x, y] = [key(a, column), key(b, column)];
      // A dash comes last, whatever the order.
      return x === null || y === null ? (x === null) - (y === null) : sign * (x - y);
    });
    body.append(...rows);
  };
  for (const table of document.querySelectorAll("table")) {
    [...table.tHead.rows[0].cells].forEach((head, column) => {
      const button = make("button", { type: "button" }, ...head.childNodes);
      button.addEventListener("click", () => sort(table, column));
      head.append(button);
    });
  }
  const filterTables = () => {
    for (const table of document.querySelectorAll("table")) {
      // Where sums of all corpora stand beside sums of each, "all" means the former.
      const exact = table.id === "sums" && [...table.tBodies[0].rows].some((row) => row.dataset.corpus);
      const scoped = exact || table.id === "cells";
      let shown = 0;
      for (const row of table.tBodies[0].rows) {
        const inside = !scoped || row.dataset.corpus === state.corpus || (!exact && !state.corpus);
        const found = table.id !== "cells" || !state.find || row.textContent.toLowerCase().includes(state.find);
        row.hidden = !inside || !found || state.hidden.has(row.dataset.family);
        shown += !row.hidden;
      }
      let none = table.parentElement.querySelector(".none");
      if (!none) table.after((none = make("p", { className: "none", textContent: "Nothing matches the filters." })));
      none.hidden = shown > 0;
    }
  };

  // Numbers, as the pictures write them -----------------------------------------------------------------------------

  const short = (v) => String(Number(v.toPrecision(3)));
  const scaled = (v, step, units) => {
    let unit = 0;
    while (v >= step * 0.9995 && unit + 1 < units.length) (v /= step), (unit += 1);
    return `${short(v)} ${units[unit]}`;
  };
  const seconds = (s) => {
    for (const [limit, factor, unit] of [[1e-6, 1e9, "ns"], [1e-3, 1e6, "µs"], [1, 1e3, "ms"], [60, 1, "s"],
      [3600, 1 / 60, "min"], [172800, 1 / 3600, "h"]]) {
      if (s < limit * 0.9995) return `${short(s * factor)} ${unit}`;
    }
    return `${short(s / 86400)} d`;
  };
  const written = {
    number: (v) => (v !== 0 && (Math.abs(v) < 1e-3 || Math.abs(v) >= 1e6) ? v.toExponential(0).replace("+", "") : short(v)),
    bytes: (v) => scaled(v, 1000, ["B", "kB", "MB", "GB", "TB", "PB"]),
    binary: (v) => scaled(v, 1024, ["B", "KiB", "MiB", "GiB", "TiB"]),
    bandwidth: (v) => scaled(v, 1000, ["bit/s", "kbit/s", "Mbit/s", "Gbit/s", "Tbit/s"]),
    seconds,
  };

  // Axes ----------------------------------------------------------------------------------------------------------

  const place = (axis, v) => {
    const [low, high] = axis.range;
    const share = axis.scale === "linear" ? (v - low) / (high - low)
      : v <= 0 ? 0 : Math.log(v / low) / Math.log(high / low);
    return Math.min(1, Math.max(0, share));
  };
  const linearTicks = (low, high, most) => {
    const rough = (high - low) / most;
    const magnitude = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].map((d) => d * magnitude).find((s) => s >= rough * 0.999999);
    const ticks = [];
    for (let i = Math.ceil(low / step - 1e-9); i * step <= high * 1.000001 && ticks.length < 64; i++) ticks.push(i * step);
    return ticks;
  };
  const ticks = (axis, most) => {
    const [low, high] = axis.range;
    if (axis.scale === "linear") return linearTicks(low, high, most);
    if (axis.unit === "binary") {
      const [first, last] = [Math.ceil(Math.log2(low)), Math.floor(Math.log2(high))];
      const step = Math.max(1, Math.ceil((last - first + 1) / most)), all = [];
      for (let e = first; e <= last; e += step) all.push(2 ** e);
      return all;
    }
    if (axis.unit === "seconds") {
      const all = [1e-9, 1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1, 10, 60, 600, 3600, 36000, 259200, 2592000]
        .filter((v) => v >= low && v <= high);
      const step = Math.ceil(all.length / most);
      return all.length < 2 ? linearTicks(low, high, most) : all.filter((_, i) => i % step === 0);
    }
    const [first, last] = [Math.floor(Math.log10(low)), Math.ceil(Math.log10(high))];
    const multiples = (digits) => {
      const all = [];
      for (let e = first; e <= last; e++) {
        for (const d of digits) {
          const v = Number(`${d}e${e}`);
          if (v >= low * 0.999999 && v <= high * 1.000001) all.push(v);
        }
      }
      return all;
    };
    for (const digits of [[1, 1.5, 2, 3, 4, 5, 6, 7, 8, 9], [1, 2, 5], [1, 3]]) {
      const all = multiples(digits);
      if (all.length >= 2 && all.length <= most) return all;
    }
    const decades = multiples([1]);
    if (decades.length < 2) return linearTicks(low, high, most);
    const step = Math.ceil(decades.length / most);
    return decades.filter((_, i) => i % step === 0);
  };
  const scaledAxis = (axis, linear) =>
    linear && axis.scale === "log" && axis.unit !== "bandwidth" && axis.unit !== "binary"
      ? { ...axis, scale: "linear", range: [0, axis.range[1]] } : axis;

  // Charts --------------------------------------------------------------------------------------------------------

  const pen = document.createElement("canvas").getContext("2d");
  const width = (text, size = 12, weight = "") => {
    pen.font = `${weight} ${size}px system-ui, "Noto Sans", sans-serif`;
    return pen.measureText(text).width;
  };
  const fit = (text, room, size = 11) => {
    if (width(text, size) <= room) return text;
    let cut = text;
    while (cut.length > 1 && width(cut + "…", size) > room) cut = cut.slice(0, -1);
    return cut + "…";
  };
  const red = (tone) => tone === "fail" || tone === "expansion";
  const color = (index) => `var(--s${index % 10})`;
  const shapes = [
    (x, y, r) => `M${x - r},${y}a${r},${r} 0 1 0 ${2 * r},0a${r},${r} 0 1 0 ${-2 * r},0z`,
    (x, y, r) => `M${x - 0.9 * r},${y - 0.9 * r}h${1.8 * r}v${1.8 * r}h${-1.8 * r}z`,
    (x, y, r) => `M${x},${y - 1.25 * r}l${1.25 * r},${1.25 * r}l${-1.25 * r},${1.25 * r}l${-1.25 * r},${-1.25 * r}z`,
    (x, y, r) => `M${x},${y - 1.15 * r}l${1.1 * r},${2 * r}h${-2.2 * r}z`,
  ];
  const mark = (svg, x, y, r, index, tone) => {
    if (tone === "fail") {
      draw(svg, "path", { d: `M${x - 5},${y - 5}l10,10m0,-10l-10,10`, stroke: "var(--red)", "stroke-width": 2.2 });
      return;
    }
    const paint = tone === "expansion" ? "var(--red)" : color(index);
    const hollow = tone === "partial";
    draw(svg, "path", { d: shapes[index % 4](x, y, r), fill: hollow ? "var(--paper)" : paint, stroke: hollow ? paint : "none",
      "stroke-width": 1.5 });
  };
  const best = (points) => {
    let top = -Infinity;
    return [...points].sort((a, b) => b.x - a.x || b.y - a.y).filter((p) => p.y > top && ((top = p.y), true)).reverse();
  };
  const spread = (places, gap, low, high) => {
    const order = places.map((_, i) => i).sort((a, b) => places[a] - places[b]);
    let least = low;
    for (const i of order) least = (places[i] = Math.max(places[i], least)) + gap;
    let most = high;
    for (const i of order.reverse()) most = (places[i] = Math.min(places[i], most)) - gap;
  };

  // The x axis with its lines.
  const across = (svg, axis, box, above) => {
    const most = Math.max(2, Math.min(9, Math.floor((box.right - box.left) / 62)));
    for (const tick of ticks(axis, most)) {
      const x = box.x(place(axis, tick));
      draw(svg, "line", { class: "grid", x1: x, x2: x, y1: box.top, y2: box.bottom });
      const label = { class: "m", x, "text-anchor": "middle" };
      draw(svg, "text", { ...label, y: box.bottom + 18 }, written[axis.unit](tick));
      // Tall charts scroll.
      if (above) draw(svg, "text", { ...label, y: box.top - 7 }, written[axis.unit](tick));
    }
    draw(svg, "line", { class: "axis", x1: box.left, x2: box.right, y1: box.bottom, y2: box.bottom });
    draw(svg, "text", { x: (box.left + box.right) / 2, y: box.bottom + 40, "text-anchor": "middle" }, axis.label);
  };
  const boxed = (left, top, right, bottom) => ({ left, top, right, bottom,
    x: (share) => left + share * (right - left), y: (share) => bottom - share * (bottom - top) });

  const drawPoints = (svg, figure, W, linear) => {
    const shown = figure.body.series.filter((s) => !s.family || !state.hidden.has(s.family));
    const room = Math.min(W * 0.28, Math.max(0, ...shown.map((s) => width(s.label))));
    const box = boxed(58, 28, W - 16 - room, W < 560 ? 300 : 400);
    const [xa, ya] = [scaledAxis(figure.x, linear), scaledAxis(figure.y, linear)];
    const at = (p) => [box.x(place(xa, p.x)), box.y(place(ya, p.y))];
    across(svg, xa, box);
    for (const tick of ticks(ya, 8)) {
      const y = box.y(place(ya, tick));
      draw(svg, "line", { class: "grid", x1: box.left, x2: box.right, y1: y, y2: y });
      draw(svg, "text", { class: "m", x: box.left - 7, y: y + 4, "text-anchor": "end" }, written[ya.unit](tick));
    }
    draw(svg, "text", { x: 4, y: 14 }, ya.label);
    const path = (points) => points.map((p, i) => (i ? "L" : "M") + at(p).join(",")).join("");
    if (figure.body.frontier) {
      const points = shown.flatMap((s) => s.points).filter((p) => p.tone !== "fail" && p.tone !== "partial");
      draw(svg, "path", { class: "dash", d: path(best(points)) });
    }
    const spots = [];
    for (const s of shown) {
      if (s.points.length > 1) {
        draw(svg, "path", s.line === "dashed" ? { class: "dash", d: path(s.points) }
          : { d: path(s.points), fill: "none", stroke: color(s.color), "stroke-width": s.line === "thin" ? 0.75 : 2 });
      }
      for (const p of s.points) spots.push({ at: at(p), hint: p.hint });
    }
    const radius = figure.body.frontier ? 5 : 4;
    const taken = [];
    for (const s of shown.filter((s) => s.marks)) {
      for (const p of s.points) {
        const [x, y] = at(p);
        mark(svg, x, y, radius, s.color, p.tone);
        taken.push([x - 5, y - 5, x + 5, y + 5]);
      }
    }
    for (const p of shown.filter((s) => s.marks).flatMap((s) => s.points).filter((p) => p.label)) {
      const [x, y] = at(p), w = width(p.label, 11);
      const spot = [[8, 0], [-8 - w, 0], [-w / 2, -14], [-w / 2, 14], [7, -11], [7, 11], [-7 - w, -11], [-7 - w, 11],
        [8, -20], [8, 20]]
        .map(([dx, dy]) => [x + dx, y + dy - 7, x + dx + w, y + dy + 7])
        .find((b) => b[0] >= box.left && b[2] <= W - 2 && b[1] >= box.top - 6 && b[3] <= box.bottom
          && !taken.some((t) => b[0] < t[2] && t[0] < b[2] && b[1] < t[3] && t[1] < b[3]));
      if (!spot) continue;
      taken.push(spot);
      draw(svg, "text", { class: red(p.tone) ? "small r" : "small", x: spot[0], y: spot[1] + 11 }, p.label);
    }
    const ends = shown.filter((s) => s.label && s.points.length);
    const levels = ends.map((s) => at(s.points[s.points.length - 1])[1]);
    spread(levels, 14, box.top, box.bottom);
    ends.forEach((s, i) => {
      const [x, y] = at(s.points[s.points.length - 1]);
      draw(svg, "line", { class: "grid", x1: x + 4, y1: y, x2: box.right + 9, y2: levels[i] });
      const text = draw(svg, "text", { x: box.right + 11, y: levels[i] + 4, class: s.family ? "" : "m" }, fit(s.label, room + 4, 12));
      if (s.family) text.style.fill = color(s.color);
    });
    return { height: box.bottom + 48, spots };
  };

  const drawBars = (svg, figure, W, linear) => {
    const groups = figure.body.groups.map((g) => ({ ...g, bars: g.bars.filter((b) => !state.hidden.has(b.family)) }))
      .filter((g) => g.bars.length);
    const bars = groups.flatMap((g) => g.bars);
    const label = Math.min(W * 0.3, Math.max(40, ...bars.map((b) => width(b.label, 11))));
    const value = Math.min(W * 0.3, Math.max(30, ...bars.map((b) => width(b.value, 11))));
    const bottom = 24 + groups.reduce((sum, g) => sum + 32 + g.bars.length * 17, 0);
    const box = boxed(label + 14, 24, W - value - 14, bottom);
    const axis = scaledAxis(figure.x, linear);
    across(svg, axis, box, true);
    const spots = [];
    let y = box.top;
    for (const group of groups) {
      draw(svg, "text", { class: "b", x: 2, y: y + 17 }, fit(group.label, W - 8, 12));
      y += 24;
      const foot = y;
      for (const bar of group.bars) {
        const middle = y + 8.5;
        draw(svg, "text", { class: "small m", x: box.left - 7, y: middle + 4, "text-anchor": "end" }, fit(bar.label, label + 4));
        const from = box.x(place(axis, bar.from));
        let to = box.x(place(axis, bar.to));
        if (Math.abs(to - from) < 1.5) to = from + 1.5;
        if (bar.tone === "fail") mark(svg, from + 7, middle, 5, 0, "fail");
        else {
          const paint = bar.tone === "expansion" ? "var(--red)" : bar.tone === "reference" ? "var(--axis)" : color(bar.color);
          draw(svg, "rect", { x: Math.min(from, to), y: middle - 5.5, width: Math.abs(to - from), height: 11, fill: paint, rx: 1 });
        }
        draw(svg, "text", { class: red(bar.tone) ? "small r" : "small", x: Math.max(from, to) + (bar.tone === "fail" ? 16 : 6),
          y: middle + 4 }, bar.value);
        spots.push({ at: [Math.max(from, to), middle], row: [y, y + 17], hint: bar.hint });
        y += 17;
      }
      if (figure.body.base > 0) {
        const x = box.x(place(axis, figure.body.base));
        draw(svg, "line", { class: "axis", x1: x, x2: x, y1: foot, y2: y });
      }
      y += 8;
    }
    return { height: bottom + 48, spots };
  };

  const show = (plot, figure, linear) => {
    plot.classList.add("live");
    const W = Math.max(280, plot.clientWidth);
    const svg = document.createElementNS(SVG, "svg");
    const { height, spots } = (figure.body.kind === "bars" ? drawBars : drawPoints)(svg, figure, W, linear);
    const attributes = { viewBox: `0 0 ${W} ${height}`, width: W, height, role: "img", tabindex: 0,
      "aria-label": `${figure.title}. ${figure.caption} Arrow keys step through the marks.` };
    for (const name in attributes) svg.setAttribute(name, attributes[name]);
    const tip = make("div", { className: "tip", hidden: true });
    tip.setAttribute("role", "status");
    plot.replaceChildren(svg, tip);
    const ring = draw(svg, "circle", { class: "hot", r: 8, visibility: "hidden" });
    let current = -1;
    const point = (index) => {
      current = index;
      tip.hidden = index < 0;
      ring.setAttribute("visibility", index < 0 || spots[index].row ? "hidden" : "visible");
      if (index < 0) return;
      const [x, y] = spots[index].at;
      ring.setAttribute("cx", x);
      ring.setAttribute("cy", y);
      tip.textContent = spots[index].hint;
      const scale = svg.clientWidth / W || 1;
      const left = Math.min(x * scale + 14, plot.clientWidth - tip.offsetWidth - 2);
      const above = y * scale - tip.offsetHeight - 14;
      tip.style.left = `${Math.max(0, left)}px`;
      tip.style.top = `${above >= plot.scrollTop ? above : y * scale + 14}px`;
    };
    svg.addEventListener("pointermove", (event) => {
      const frame = svg.getBoundingClientRect();
      const x = ((event.clientX - frame.left) * W) / frame.width, y = ((event.clientY - frame.top) * W) / frame.width;
      let found = -1, least = 28;
      spots.forEach((spot, i) => {
        const far = spot.row ? (y >= spot.row[0] && y < spot.row[1] ? 0 : Infinity) : Math.hypot(spot.at[0] - x, spot.at[1] - y);
        if (far < least) (least = far), (found = i);
      });
      if (found !== current) point(found);
    });
    svg.addEventListener("pointerleave", () => point(-1));
    svg.addEventListener("blur", () => point(-1));
    svg.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      if (event.key === "Escape") point(-1);
      else if (step && spots.length) {
        event.preventDefault();
        point((current + step + spots.length) % spots.length);
      }
    });
  };

  const showAll = () => {
    for (const holder of document.querySelectorAll("figure[data-chart]")) {
      const chart = holder.dataset.chart;
      let any = false;
      for (const run of holder.querySelectorAll(".run")) {
        const figure = data.figures[run.dataset.run].find((f) => f.chart === chart && (f.corpus ?? "") === state.corpus);
        run.hidden = !figure;
        if (!figure) continue;
        any = true;
        holder.hidden = false;
        holder.querySelector("h3").textContent = state.corpus ? `${figure.title} · ${state.corpus}` : figure.title;
        show(run.querySelector(".plot"), figure, state.linear.has(chart));
        run.querySelector(".notes").replaceChildren(...figure.notes.map((note) =>
          make("li", { className: note.tone === "fail" ? "bad" : "" }, make("bdi", { textContent: note.text }))));
      }
      holder.hidden = !any;
    }
  };
  const update = () => {
    filterTables();
    showAll();
  };

  // Controls ------------------------------------------------------------------------------------------------------

  const controls = document.getElementById("controls");
  const corpora = [...new Set(data.figures.flat().map((f) => f.corpus).filter((c) => c !== null))];
  if (corpora.length) {
    const select = make("select", { id: "corpus" }, make("option", { value: "", textContent: "all" }),
      ...corpora.map((corpus) => make("option", { value: corpus, textContent: corpus })));
    select.addEventListener("change", () => {
      state.corpus = select.value;
      update();
    });
    controls.append(make("label", {}, "Corpus ", select));
  }
  if (data.families.length > 1) {
    const chips = make("fieldset", {}, make("legend", { textContent: "Codecs" }));
    data.families.forEach((family, index) => {
      const chip = make("button", { type: "button", className: "chip" }, make("span", { textContent: family }));
      chip.dataset.family = family;
      chip.style.color = color(index);
      chip.setAttribute("aria-pressed", "true");
      const press = (on) => {
        chip.setAttribute("aria-pressed", String(on));
        state.hidden[on ? "delete" : "add"](family);
      };
      chip.addEventListener("click", () => {
        press(state.hidden.has(family));
        update();
      });
      chips.append(chip);
    });
    const all = make("button", { type: "button", textContent: "all" });
    all.addEventListener("click", () => {
      state.hidden.clear();
      for (const chip of chips.querySelectorAll(".chip")) chip.setAttribute("aria-pressed", "true");
      update();
    });
    chips.append(all);
    controls.append(chips);
  }
  const find = make("input", { type: "search", id: "find", size: 14, placeholder: "name or status" });
  find.addEventListener("input", () => {
    state.find = find.value.toLowerCase();
    filterTables();
  });
  controls.append(make("label", {}, "Find samples ", find));
  const save = make("button", { type: "button", textContent: "Save results" });
  save.addEventListener("click", () => {
    const runs = JSON.parse(document.getElementById("results").textContent);
    runs.forEach((run, index) => {
      const link = make("a", { download: runs.length > 1 ? `results-${"ab"[index]}.json` : "results.json",
        href: URL.createObjectURL(new Blob([JSON.stringify(run, null, 1)], { type: "application/json" })) });
      link.click();
      URL.revokeObjectURL(link.href);
    });
  });
  controls.append(save);
  controls.hidden = false;

  for (const holder of document.querySelectorAll("figure[data-chart]")) {
    const chart = holder.dataset.chart;
    const figure = data.figures.flat().find((f) => f.chart === chart);
    if (scaledAxis(figure.x, true) === figure.x && (!figure.y || scaledAxis(figure.y, true) === figure.y)) continue;
    const button = make("button", { type: "button", className: "scale", textContent: "Linear" });
    button.setAttribute("aria-pressed", "false");
    button.addEventListener("click", () => {
      const linear = !state.linear.has(chart);
      state.linear[linear ? "add" : "delete"](chart);
      button.setAttribute("aria-pressed", String(linear));
      button.textContent = linear ? "Logarithmic" : "Linear";
      showAll();
    });
    holder.querySelector("figcaption").append(button);
  }
  let last = document.body.clientWidth;
  addEventListener("resize", () => {
    if (document.body.clientWidth !== last) {
      last = document.body.clientWidth;
      requestAnimationFrame(showAll);
    }
  });
  update();
})();
