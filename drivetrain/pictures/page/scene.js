// The scene from above: a camera in metres, the map once as paths, everybody anew.
const canvas = document.getElementById("scene");
const pen = canvas.getContext("2d");
const camera = { x: 0, y: 0, scale: 6, angle: 0, follows: true, turns: false };
let colours = {};

const GROUND = ["lane", "crossing", "road", "stripes"];
const GROUND_ORDER = [2, 1, 0, 3];
const map = {
  grounds: GROUND_ORDER.map((kind) => [kind, given.map.grounds
    .filter((ground) => ground.kind === kind).map((ground) => pathOf(ground.rings, true))]),
  bands: given.map.bands.map((band) => [2 * band.half_width, pathOf([band.line])]),
  centres: pathOf(given.map.centres),
  edges: pathOf(given.map.edges),
  route: pathOf([given.map.route]),
  stops: given.map.stops.map((stop) => [stop.light, pathOf([stop.ends])]),
};

const readColours = () => {
  const style = getComputedStyle(document.documentElement);
  const names = ["land", "road", "crossing", "stripes", "lane", "centre", "edge", "route", "ego",
    "expert", "held", "alarm", "vehicle", "pedestrian", "bicycle", "static", "outline", "green",
    "yellow", "red", "unknown", "ink", "faint", "rule", "grid", "paper", "panel", "a", "b", "c", "e"];
  colours = Object.fromEntries(names.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
};

const fitted = (element) => {
  const ratio = window.devicePixelRatio || 1;
  const width = Math.round(element.clientWidth * ratio), height = Math.round(element.clientHeight * ratio);
  if (element.width !== width || element.height !== height) {
    element.width = width;
    element.height = height;
  }
  return ratio;
};

const toMetres = (px, py) => {
  const dx = (px - canvas.clientWidth / 2) / camera.scale, dy = -(py - canvas.clientHeight / 2) / camera.scale;
  const cos = Math.cos(-camera.angle), sin = Math.sin(-camera.angle);
  return [camera.x + dx * cos - dy * sin, camera.y + dx * sin + dy * cos];
};

const aim = () => {
  const ratio = fitted(canvas), s = camera.scale * ratio;
  const a = s * Math.cos(camera.angle), b = -s * Math.sin(camera.angle);
  // y is up: the second axis is mirrored.
  pen.setTransform(a, b, b, -a,
    canvas.width / 2 - a * camera.x - b * camera.y, canvas.height / 2 - b * camera.x + a * camera.y);
};

const stroke = (path, colour, metres, pixels = 1, dash = []) => {
  pen.strokeStyle = colour;
  pen.lineWidth = Math.max(metres, pixels / camera.scale);
  pen.setLineDash(dash.map((part) => part / camera.scale));
  pen.stroke(path);
  pen.setLineDash([]);
};

const drawMap = (moment) => {
  for (const [width, path] of map.bands) stroke(path, colours.road, width);
  for (const [kind, paths] of map.grounds) {
    for (const path of paths) {
      pen.fillStyle = colours[kind === 0 ? "road" : GROUND[kind]];
      pen.fill(path, "evenodd");
      if (kind === 0) stroke(path, colours.lane, 0.1);
    }
  }
  stroke(map.centres, colours.centre, 0.1, 0.8, [4, 7]);
  stroke(map.edges, colours.edge, 0.18);
  stroke(map.route, colours.route, 2.2, 4);
  const frame = Math.floor(moment);
  for (const [light, path] of map.stops) {
    const shows = "0123".indexOf(given.signals[light]?.[frame] ?? "3");
    stroke(path, colours[["green", "yellow", "red"][shows] ?? "unknown"], 0.5, 3);
  }
};

const trace = (track, from, to) => {
  const path = new Path2D();
  let drawing = false;
  for (let at = from; at <= to; at++) {
    if (track[at]) path[drawing ? "lineTo" : "moveTo"](track[at].x, track[at].y);
    drawing = Boolean(track[at]);
  }
  return path;
};

const outlineOf = (pose, length, width) => {
  const half = length / 2, side = width / 2, blunt = half - Math.min(0.35 * width, half / 2);
  const cos = Math.cos(pose.heading), sin = Math.sin(pose.heading);
  const corners = [[-half, -side], [blunt, -side], [half, 0], [blunt, side], [-half, side]];
  return addTo(new Path2D(), corners.map(([x, y]) => [pose.x + x * cos - y * sin, pose.y + x * sin + y * cos]), true);
};

const drawAgent = (agent, moment) => {
  const pose = poseAt(agent.track, moment);
  if (!pose) return;
  const colour = agent === ego ? colours.ego : colours[agent.kind];
  if (pose.speed > 0.5) {
    const reach = agent.length / 2 + pose.speed;
    const tick = addTo(new Path2D(), [[pose.x, pose.y],
      [pose.x + reach * Math.cos(pose.heading), pose.y + reach * Math.sin(pose.heading)]]);
    stroke(tick, colour, 0.2, 1.2);
  }
  const body = outlineOf(pose, agent.length, agent.width);
  pen.fillStyle = colour;
  pen.fill(body);
  stroke(body, agent === tipped ? colours.ink : colours.outline, 0.08, agent === tipped ? 2 : 0.8);
};

// Where the ego comes to in two seconds if it holds its speed and turn.
const drawHeld = (pose, moment) => {
  const turn = given.ego.yaw_rate[Math.floor(moment)] ?? 0;
  const path = new Path2D();
  let { x, y, heading } = pose;
  path.moveTo(x, y);
  for (let step = 0; step < 20; step++) {
    x += pose.speed * 0.1 * Math.cos(heading);
    y += pose.speed * 0.1 * Math.sin(heading);
    heading += turn * 0.1;
    path.lineTo(x, y);
  }
  stroke(path, colours.held, 0.3, 2, [5, 4]);
};

const drawScale = () => {
  const metres = [1, 2, 5, 10, 20, 50, 100, 200].find((each) => each * camera.scale >= 60) ?? 500;
  document.getElementById("scale").style.width = `${metres * camera.scale}px`;
  document.getElementById("scale-text").textContent = `${metres} m`;
};

const drawScene = (moment) => {
  const pose = poseAt(ego.track, moment);
  if (camera.follows && pose) [camera.x, camera.y] = [pose.x, pose.y];
  camera.angle = camera.turns && pose ? Math.PI / 2 - pose.heading : 0;
  pen.setTransform(1, 0, 0, 1, 0, 0);
  aim();
  pen.save();
  pen.setTransform(1, 0, 0, 1, 0, 0);
  pen.fillStyle = colours.land;
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.restore();
  pen.lineJoin = "round";
  drawMap(moment);
  stroke(trace(expert.track, 0, LAST), colours.expert, 0.1, 1.2, [3, 4]);
  stroke(trace(ego.track, 0, Math.floor(moment)), colours.ego, 0.25, 2);
  for (let at = agents.length - 1; at > 0; at--) drawAgent(agents[at], moment);
  const ghost = poseAt(expert.track, moment);
  if (ghost) stroke(outlineOf(ghost, ego.length, ego.width), colours.expert, 0.15, 1.8, [5, 3]);
  if (pose) drawHeld(pose, moment);
  drawAgent(ego, moment);
  if (pose && given.failed_at !== null && moment >= given.failed_at) {
    const ring = new Path2D();
    ring.arc(pose.x, pose.y, ego.length * 0.85, 0, 2 * Math.PI);
    stroke(ring, colours.alarm, 0.3, 2.5);
  }
  drawScale();
};

let tipped = null;

const agentAt = (px, py, moment) => {
  const [x, y] = toMetres(px, py), margin = 6 / camera.scale;
  return agents.find((agent) => {
    const pose = poseAt(agent.track, moment);
    if (!pose) return false;
    const cos = Math.cos(pose.heading), sin = Math.sin(pose.heading);
    const along = (x - pose.x) * cos + (y - pose.y) * sin, aside = (y - pose.y) * cos - (x - pose.x) * sin;
    return Math.abs(along) <= agent.length / 2 + margin && Math.abs(aside) <= agent.width / 2 + margin;
  }) ?? null;
};

const tipOf = (agent, moment) => {
  const pose = poseAt(agent.track, moment), own = poseAt(ego.track, moment);
  const lines = [agent === ego ? "Ego" : `${KIND_WORDS[agent.kind]} ${agent.number}`,
    `${pose.speed.toFixed(1)} m/s (${(pose.speed * 3.6).toFixed(0)} km/h)`,
    `${agent.length.toFixed(1)} × ${agent.width.toFixed(1)} m`];
  if (agent !== ego && own) lines.push(`${Math.hypot(pose.x - own.x, pose.y - own.y).toFixed(1)} m from the ego`);
  return lines.join("\n");
};

const zoom = (factor, px = canvas.clientWidth / 2, py = canvas.clientHeight / 2) => {
  const [x, y] = toMetres(px, py);
  camera.scale = Math.min(Math.max(camera.scale * factor, 0.5), 80);
  const [newX, newY] = toMetres(px, py);
  if (!camera.follows) [camera.x, camera.y] = [camera.x + x - newX, camera.y + y - newY];
};

const seeAll = () => {
  const places = [...ego.track, ...expert.track].filter(Boolean);
  const [xs, ys] = [places.map((pose) => pose.x), places.map((pose) => pose.y)];
  const [x0, x1, y0, y1] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  Object.assign(camera, { x: (x0 + x1) / 2, y: (y0 + y1) / 2, follows: false, turns: false });
  camera.scale = Math.min(canvas.clientWidth / (x1 - x0 + 40), canvas.clientHeight / (y1 - y0 + 40));
};
