// Time, keys, mouse and touch: every change ends in one drawing.
const SPEEDS = [0.25, 0.5, 1, 2, 4];
const byId = (id) => document.getElementById(id);
const player = { moment: 0, plays: false, speed: 1, before: 0, isDue: false };

const draw = () => {
  player.isDue = false;
  drawScene(player.moment);
  for (const chart of CHARTS) drawChart(chart, player.moment);
  const seconds = (player.moment * STEP_S).toFixed(1), all = (LAST * STEP_S).toFixed(1);
  byId("scrubber").value = String(Math.round(player.moment));
  byId("scrubber").setAttribute("aria-valuetext", `${seconds} of ${all} seconds`);
  byId("clock").textContent = `${seconds} / ${all} s`;
};

const drawSoon = () => {
  if (player.isDue) return;
  player.isDue = true;
  requestAnimationFrame(draw);
};

const remember = () => {
  try {
    history.replaceState(null, "", `#t=${(player.moment * STEP_S).toFixed(1)}`);
  } catch { /* Some viewers show the page in a frame without an address. */ }
};

const play = (plays) => {
  if (plays && player.moment >= LAST) player.moment = 0;
  player.plays = plays;
  byId("play").textContent = plays ? "❚❚" : "▶";
  byId("play").setAttribute("aria-label", plays ? "Pause" : "Play");
  if (plays) {
    player.before = performance.now();
    requestAnimationFrame(goOn);
  } else {
    remember();
  }
  drawSoon();
};

const goOn = (now) => {
  if (!player.plays) return;
  player.moment += (Math.max(now - player.before, 0) / 1000 / STEP_S) * player.speed;
  player.before = now;
  if (player.moment >= LAST) {
    player.moment = LAST;
    play(false);
  }
  draw();
  requestAnimationFrame(goOn);
};

const seek = (moment) => {
  player.moment = Math.min(Math.max(moment, 0), LAST);
  if (!player.plays) remember();
  drawSoon();
};

const stepBy = (frames) => {
  play(false);
  seek(Math.round(player.moment) + frames);
};

const press = (id, isOn) => byId(id).setAttribute("aria-pressed", String(isOn));
const follow = (isOn) => {
  camera.follows = isOn;
  if (!isOn) camera.turns = false;
  press("follow", camera.follows);
  press("turn", camera.turns);
  drawSoon();
};
const turn = (isOn) => {
  camera.turns = isOn;
  if (isOn) camera.follows = true;
  press("follow", camera.follows);
  press("turn", camera.turns);
  drawSoon();
};
const setSpeed = (at) => {
  const index = Math.min(Math.max(at, 0), SPEEDS.length - 1);
  player.speed = SPEEDS[index];
  byId("speed").value = String(player.speed);
};
const setTheme = (name) => {
  document.documentElement.dataset.theme = name;
  readColours();
  drawSoon();
};
const readAddress = () => {
  const found = /^#t=(\d+(?:\.\d+)?)$/.exec(location.hash);
  if (found) seek(Math.round(Number(found[1]) / STEP_S));
};

const KEYS = {
  " ": () => play(!player.plays),
  ArrowLeft: (event) => stepBy(event.shiftKey ? -Math.round(1 / STEP_S) : -1),
  ArrowRight: (event) => stepBy(event.shiftKey ? Math.round(1 / STEP_S) : 1),
  ArrowUp: () => setSpeed(SPEEDS.indexOf(player.speed) + 1),
  ArrowDown: () => setSpeed(SPEEDS.indexOf(player.speed) - 1),
  Home: () => seek(0),
  End: () => seek(LAST),
  "+": () => { zoom(1.25); drawSoon(); },
  "=": () => { zoom(1.25); drawSoon(); },
  "-": () => { zoom(0.8); drawSoon(); },
  0: () => { seeAll(); follow(false); },
  f: () => follow(!camera.follows),
  r: () => turn(!camera.turns),
  d: () => setTheme(document.documentElement.dataset.theme === "dark" ? "light" : "dark"),
  "?": () => byId("keys").showModal(),
};

document.addEventListener("keydown", (event) => {
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const isTyping = event.target.closest?.("select, dialog[open]");
  const isPressing = key === " " && event.target.closest?.("button");
  if (event.ctrlKey || event.metaKey || event.altKey || isTyping || isPressing || !Object.hasOwn(KEYS, key)) return;
  event.preventDefault();
  KEYS[key](event);
});

const pointers = new Map();
const place = (event) => {
  const box = canvas.getBoundingClientRect();
  return [event.clientX - box.left, event.clientY - box.top];
};
const showTip = (event) => {
  const [px, py] = place(event), tip = byId("tip");
  tipped = agentAt(px, py, player.moment);
  tip.hidden = !tipped;
  if (tipped) {
    tip.textContent = tipOf(tipped, player.moment);
    tip.style.left = `${Math.min(px + 14, canvas.clientWidth - tip.offsetWidth - 8)}px`;
    tip.style.top = `${Math.min(py + 14, canvas.clientHeight - tip.offsetHeight - 8)}px`;
  }
  drawSoon();
};
canvas.addEventListener("pointerdown", (event) => {
  canvas.setPointerCapture(event.pointerId);
  pointers.set(event.pointerId, place(event));
  canvas.classList.add("held");
  showTip(event);
});
canvas.addEventListener("pointermove", (event) => {
  const before = pointers.get(event.pointerId), now = place(event);
  if (!before) {
    showTip(event);
    return;
  }
  const other = [...pointers].find(([id]) => id !== event.pointerId)?.[1];
  if (other) {
    const apart = (point) => Math.hypot(point[0] - other[0], point[1] - other[1]);
    zoom(apart(now) / Math.max(apart(before), 1), (now[0] + other[0]) / 2, (now[1] + other[1]) / 2);
  } else if (Math.hypot(now[0] - before[0], now[1] - before[1]) > 0) {
    const [x0, y0] = toMetres(...before), [x1, y1] = toMetres(...now);
    follow(false);
    camera.x += x0 - x1;
    camera.y += y0 - y1;
    byId("tip").hidden = true;
  }
  pointers.set(event.pointerId, now);
  drawSoon();
});
const release = (event) => {
  pointers.delete(event.pointerId);
  canvas.classList.remove("held");
};
canvas.addEventListener("pointerup", release);
canvas.addEventListener("pointercancel", release);
canvas.addEventListener("pointerleave", () => { tipped = null; byId("tip").hidden = true; drawSoon(); });
canvas.addEventListener("dblclick", () => follow(true));
canvas.addEventListener("wheel", (event) => {
  event.preventDefault();
  zoom(Math.exp(-event.deltaY * 0.0015), ...place(event));
  drawSoon();
}, { passive: false });

const addText = (parent, tag, text, kind) => {
  const element = document.createElement(tag);
  if (kind) element.className = kind;
  element.textContent = text;
  parent.append(element);
  return element;
};

const build = () => {
  byId("name").textContent = given.facts.id;
  byId("facts").textContent = given.about;
  for (const [name, value, kind] of given.badges) {
    const badge = addText(byId("badges"), "li", "", kind);
    if (name) addText(badge, "span", name);
    addText(badge, "b", value);
  }
  for (const [name, value, kind, counts] of given.metrics) {
    const row = addText(document.querySelector("#metrics tbody"), "tr", "");
    addText(row, "td", name);
    addText(row, "td", value, kind);
    addText(row, "td", counts);
  }
  const kinds = new Set(agents.slice(1).map((agent) => agent.kind));
  const legend = [["Ego", "ego", ""], ["Log's expert", "expert", "ghost"], ["Course held for 2 s", "held", "line"],
    ["Route", "route", ""], ...[...kinds].sort().map((kind) => [KIND_WORDS[kind], kind, ""])];
  for (const [words, colour, shape] of legend) {
    const entry = addText(byId("legend"), "li", "");
    const key = addText(entry, "i", "", shape);
    key.style[shape === "ghost" ? "color" : "background"] = `var(--${colour})`;
    entry.append(words);
  }
  for (const chart of CHARTS) {
    if (chart.lines.some(([, , values]) => values.some((value) => value !== null))) byId("charts").append(buildChart(chart));
  }
  CHARTS.splice(0, CHARTS.length, ...CHARTS.filter((chart) => chart.canvas));
  for (const chart of CHARTS) {
    const scrub = (event) => { if (event.buttons) seek(Math.round(momentAt(chart.canvas, event.clientX))); };
    chart.canvas.addEventListener("pointerdown", scrub);
    chart.canvas.addEventListener("pointermove", scrub);
  }
  for (const speed of SPEEDS) addText(byId("speed"), "option", `${speed}×`).value = String(speed);
  setSpeed(SPEEDS.indexOf(1));
  byId("scrubber").max = String(LAST);
};

build();
byId("play").addEventListener("click", () => play(!player.plays));
byId("back").addEventListener("click", () => stepBy(-1));
byId("ahead").addEventListener("click", () => stepBy(1));
byId("closer").addEventListener("click", () => KEYS["+"]());
byId("farther").addEventListener("click", () => KEYS["-"]());
byId("follow").addEventListener("click", () => follow(!camera.follows));
byId("turn").addEventListener("click", () => turn(!camera.turns));
byId("theme").addEventListener("click", () => KEYS.d());
byId("help").addEventListener("click", () => KEYS["?"]());
byId("speed").addEventListener("change", (event) => setSpeed(SPEEDS.indexOf(Number(event.target.value))));
byId("scrubber").addEventListener("input", (event) => seek(Number(event.target.value)));
window.addEventListener("hashchange", readAddress);
new ResizeObserver(drawSoon).observe(canvas);
camera.scale = Math.min(Math.max(Math.min(canvas.clientWidth, canvas.clientHeight) / 80, 4), 12);
setTheme(matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
readAddress();
draw();
document.documentElement.dataset.ready = "yes";
