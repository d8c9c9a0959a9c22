"use strict";
// What the page was given: numbers are whole hundredths, each as its change from the one before.
const given = JSON.parse(document.getElementById("recording").textContent);
const STEP_S = given.step_s;
const LAST = given.frames - 1;
const KINDS = ["vehicle", "pedestrian", "bicycle", "static"];
const KIND_WORDS = { vehicle: "Vehicle", pedestrian: "Pedestrian", bicycle: "Bicycle", static: "Object" };

const unpacked = (changes, count) => {
  const values = new Float64Array(count);
  let sum = 0;
  for (let at = 0; at < count; at++) {
    // A single number holds for all: most of a scene stands still.
    sum += at < changes.length ? changes[at] : 0;
    values[at] = sum / 100;
  }
  return values;
};

// [frames] of {x, y, heading, speed}, null where nobody is seen.
const trackOf = (spans) => {
  const track = new Array(given.frames).fill(null);
  for (const [start, count, ...series] of spans) {
    const [x, y, heading, speed] = series.map((changes) => unpacked(changes, count));
    for (let at = 0; at < count; at++) {
      track[start + at] = { x: x[at], y: y[at], heading: heading[at] / 10, speed: speed[at] };
    }
  }
  return track;
};

const agents = given.agents.map((agent) => ({
  ...agent, kind: KINDS[agent.category] ?? "static", track: trackOf(agent.spans),
}));
const ego = agents[0];
const expert = { ...ego, track: trackOf(given.expert) };

// Where somebody is at a moment between two frames.
const poseAt = (track, moment) => {
  const before = Math.min(Math.max(Math.floor(moment), 0), LAST);
  const one = track[before], other = track[Math.min(before + 1, LAST)];
  const share = moment - before;
  if (!one || !other || share <= 0) return one;
  const mix = (name) => one[name] + share * (other[name] - one[name]);
  return { x: mix("x"), y: mix("y"), heading: mix("heading"), speed: mix("speed") };
};

const lineOf = (flat) => {
  const points = [];
  let x = 0, y = 0;
  for (let at = 0; at < flat.length; at += 2) {
    x += flat[at];
    y += flat[at + 1];
    points.push([x / 100, y / 100]);
  }
  return points;
};

const addTo = (path, points, closed) => {
  points.forEach(([x, y], at) => (at ? path.lineTo(x, y) : path.moveTo(x, y)));
  if (closed) path.closePath();
  return path;
};

const pathOf = (lines, closed = false) => {
  const path = new Path2D();
  for (const flat of lines) addTo(path, lineOf(flat), closed);
  return path;
};
