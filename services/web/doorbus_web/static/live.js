// Follows a door: the stream says that something changed, and the part of the page that shows it is fetched again.
"use strict";

document.documentElement.classList.add("js");

const part = document.querySelector("[data-stream]");
const said = document.querySelector("[data-said]");
const QUIET_MS = 25000; // the stream beats every 10 s
let pending = 0;
let last = Date.now();
let again = false;

async function show() {
  pending = 0;
  if (document.hidden) {
    again = true;
    return;
  }
  const answer = await fetch(part.dataset.part, { headers: { Accept: "text/html" } });
  if (answer.redirected || answer.status === 401) {
    location.reload(); // signed out meanwhile
    return;
  }
  if (!answer.ok) {
    return;
  }
  const open = [...part.querySelectorAll("details[open][id]")].map((each) => each.id);
  const focus = part.contains(document.activeElement) ? path(document.activeElement) : null;
  part.innerHTML = await answer.text();
  for (const id of open) {
    const there = document.getElementById(id);
    if (there) {
      there.open = true;
    }
  }
  if (focus) {
    part.querySelector(focus)?.focus();
  }
  tick();
}

function path(element) {
  const steps = [];
  for (let each = element; each !== part; each = each.parentElement) {
    steps.unshift(each.id ? `#${CSS.escape(each.id)}` : `${each.tagName}:nth-child(${[...each.parentElement.children].indexOf(each) + 1})`);
  }
  return steps.join(" > ").replace(/^.* > (?=#)/, "");
}

function soon() {
  pending ||= setTimeout(() => show().catch(() => stale(true)), 100);
}

function stale(is) {
  part.classList.toggle("stale", is);
  if (is && said.textContent !== part.dataset.cut) {
    said.textContent = part.dataset.cut;
    said.classList.remove("hidden");
  } else if (!is && !said.classList.contains("hidden")) {
    said.textContent = "";
    said.classList.add("hidden");
  }
}

function heard() {
  last = Date.now();
  stale(false);
}

function tick() {
  for (const each of part.querySelectorAll("time[data-since]")) {
    const seconds = Math.max(0, Math.round((Date.now() - Date.parse(each.dateTime)) / 1000));
    const rest = String(seconds % 60).padStart(2, "0");
    each.title = each.title || each.textContent;
    each.textContent = `for ${Math.floor(seconds / 60)}:${rest} min`;
  }
  if (Date.now() - last > QUIET_MS) {
    stale(true);
  }
}

const stream = new EventSource(part.dataset.stream);
stream.addEventListener("state", () => {
  heard();
  soon();
});
stream.addEventListener("change", (event) => {
  heard();
  const news = JSON.parse(event.data).events;
  if (news.length) {
    said.textContent = news[0].words;
  }
  soon();
});
stream.addEventListener("beat", heard);
stream.addEventListener("error", () => stale(true));
document.addEventListener("visibilitychange", () => {
  if (!document.hidden && again) {
    again = false;
    soon();
  }
});
setInterval(tick, 1000);
tick();
