// Lines over time: each chart a figure with its newest numbers, and a cursor at the moment.
const degrees = (values) => values.map((value) => (value === null ? null : (value * 180) / Math.PI));
const sums = (values) => {
  let sum = 0;
  return [0, ...values.map((value) => (sum += value))];
};
const ofSteps = (name) => {
  const column = given.reward_parts[name];
  return [column[0] ?? null, ...column];
};
const closingTimes = given.ego.lead_gap.map((gap, at) => {
  const closing = given.ego.speed[at] - given.ego.lead_speed[at];
  return gap === null || closing < 0.1 ? null : Math.max(gap, 0) / closing;
});

const CHARTS = [
  { title: "Speed", unit: "m/s", least: 0, lines: [
    ["ego", "a", given.ego.speed], ["log", "b", expert.track.map((pose) => pose?.speed ?? null)],
    ["limit", "faint", given.ego.limit, [4, 4]]] },
  { title: "Acceleration", unit: "m/s²", bounds: given.comfort, lines: [["ego", "a", given.ego.acceleration]] },
  { title: "Steering", unit: "°", lines: [["wheel", "a", degrees(given.ego.steering)],
    ["yaw rate /s", "c", degrees(given.ego.yaw_rate)]] },
  { title: "Gap to the lead", unit: "m", least: 0, most: 80, lines: [["gap", "a", given.ego.lead_gap]] },
  { title: "Time to the lead", unit: "s", least: 0, most: 10, bounds: [given.ttc_s], lines: [["if nobody brakes", "c", closingTimes]] },
  { title: "Quality", unit: "", least: 0, most: 1, lines: [["lane", "a", ofSteps("lane")], ["speed", "b", ofSteps("speed")],
    ["comfort", "c", ofSteps("comfort")], ["ttc", "e", ofSteps("ttc")]] },
  { title: "Reward", unit: "", lines: [["so far", "a", sums(given.rewards)]] },
];
const PAD = { left: 34, right: 8, top: 6, bottom: 5 };

const span = (chart) => {
  const known = chart.lines.flatMap(([, , values]) => values).filter((value) => value !== null);
  let low = Math.min(chart.least ?? 0, ...known), high = Math.max(0, ...known, ...(chart.bounds ?? []));
  low = Math.min(low, ...(chart.bounds ?? []));
  if (chart.most !== undefined) high = chart.most;
  if (high - low < 1e-3) high = low + 1;
  return [low, high];
};

const buildChart = (chart) => {
  const figure = document.createElement("figure"), caption = document.createElement("figcaption");
  const title = document.createElement("b"), legend = document.createElement("div");
  title.textContent = chart.unit ? `${chart.title}, ${chart.unit}` : chart.title;
  chart.values = chart.lines.map(([name, colour]) => {
    const value = document.createElement("em");
    value.style.color = `var(--${colour})`;
    const entry = document.createElement("span");
    entry.append(`${name} `, value);
    legend.append(entry);
    return value;
  });
  caption.append(title, legend);
  chart.canvas = document.createElement("canvas");
  chart.canvas.setAttribute("role", "img");
  chart.canvas.setAttribute("aria-label", `${title.textContent} over time`);
  figure.append(caption, chart.canvas);
  [chart.low, chart.high] = span(chart);
  return figure;
};

const momentAt = (element, clientX) => {
  const box = element.getBoundingClientRect();
  const share = (clientX - box.left - PAD.left) / (box.width - PAD.left - PAD.right);
  return Math.min(Math.max(share, 0), 1) * LAST;
};

const drawLine = (ink, [, colour, values, dash], x, y) => {
  ink.strokeStyle = colours[colour];
  ink.lineWidth = 1.6;
  ink.setLineDash(dash ?? []);
  ink.beginPath();
  let drawing = false;
  values.forEach((value, at) => {
    if (value !== null) ink[drawing ? "lineTo" : "moveTo"](x(at), y(value));
    drawing = value !== null;
  });
  ink.stroke();
  ink.setLineDash([]);
};

const drawChart = (chart, moment) => {
  const ratio = fitted(chart.canvas), ink = chart.canvas.getContext("2d");
  const width = chart.canvas.width / ratio, height = chart.canvas.height / ratio;
  const x = (at) => PAD.left + (at / Math.max(LAST, 1)) * (width - PAD.left - PAD.right);
  const room = height - PAD.top - PAD.bottom;
  const y = (value) => PAD.top + (1 - (Math.min(Math.max(value, chart.low), chart.high) - chart.low) / (chart.high - chart.low)) * room;
  ink.setTransform(ratio, 0, 0, ratio, 0, 0);
  ink.clearRect(0, 0, width, height);
  ink.font = "10.5px system-ui, sans-serif";
  ink.textAlign = "right";
  ink.textBaseline = "middle";
  const rule = (value, colour, text) => {
    ink.fillStyle = colours[colour];
    ink.fillRect(PAD.left, Math.round(y(value)), width - PAD.left - PAD.right, 1);
    if (text) ink.fillText(shortNumber(value), PAD.left - 5, y(value));
  };
  ink.fillStyle = colours.faint;
  rule(chart.low, "grid", false);
  rule(chart.high, "grid", false);
  if (chart.low < 0) rule(0, "grid", false);
  for (const bound of chart.bounds ?? []) rule(bound, "alarm", false);
  ink.fillStyle = colours.faint;
  for (const value of [chart.low, chart.high]) ink.fillText(shortNumber(value), PAD.left - 5, y(value));
  for (const line of chart.lines) drawLine(ink, line, x, y);
  ink.fillStyle = colours.ink;
  ink.fillRect(Math.round(x(moment)), 0, 1, height);
  chart.lines.forEach(([, , values], at) => {
    const value = values[Math.min(Math.floor(moment), values.length - 1)];
    chart.values[at].textContent = value === null || value === undefined ? "–" : value.toFixed(1);
  });
};

const shortNumber = (value) => (Math.abs(value) >= 10 || Number.isInteger(value) ? value.toFixed(0) : value.toFixed(1));
