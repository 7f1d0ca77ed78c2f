// The page is complete without this: it only tells what the page cannot know of itself.
"use strict";

document.documentElement.classList.add("js");

// The commands name the place the page came from.
for (const place of document.querySelectorAll("[data-origin]")) {
  place.textContent = location.origin;
}

if (navigator.clipboard) {
  for (const command of document.querySelectorAll(".command")) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = "copy";
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(command.querySelector("pre").textContent);
      button.textContent = "copied";
      setTimeout(() => { button.textContent = "copy"; }, 1500);
    });
    command.append(button);
  }
}

function show(name, value) {
  const place = document.querySelector(`[data-fact="${name}"]`);
  if (place && value) place.textContent = value;
}

function milliseconds(time) {
  return `${time.toFixed(time < 10 ? 1 : 0)} ms`;
}

// How the page came here, as the browser measured it.
function showTiming() {
  const [page] = performance.getEntriesByType("navigation");
  if (!page) return;
  const protocols = { "http/1.0": "HTTP/1.0", "http/1.1": "HTTP/1.1", h2: "HTTP/2", h3: "HTTP/3" };
  const protocol = protocols[page.nextHopProtocol] || page.nextHopProtocol || "HTTP";
  const secured = location.protocol === "https:" ? "over TLS" : "in clear text";
  show("protocol", `${protocol} ${secured}`);

  const times = {
    connect: page.connectEnd - page.connectStart,
    wait: page.responseStart - page.requestStart,
    receive: page.responseEnd - page.responseStart,
  };
  for (const [name, time] of Object.entries(times)) {
    document.querySelector(`.bar .${name}`).style.flexGrow = Math.max(time, 0.01);
    show(name, milliseconds(time));
  }
  if (page.decodedBodySize) {
    const saved = page.encodedBodySize < page.decodedBodySize ? ` for ${page.decodedBodySize}` : "";
    show("bytes", `${page.encodedBodySize} bytes${saved}`);
  }
}

// What the server says of the page, asked for once more without its content.
async function showHead() {
  try {
    const answer = await fetch(location.pathname, { method: "HEAD", cache: "no-store" });
    show("status", `${answer.status} ${answer.statusText}`);
    show("etag", answer.headers.get("etag") || "none");
    show("modified", answer.headers.get("last-modified") || "unknown");
    show("coding", answer.headers.get("content-encoding") || "none");
    show("server", answer.headers.get("server"));
  } catch (error) {
    show("status", `no answer (${error.message})`);
  }
}

// The times are complete only when the page is.
addEventListener("load", () => setTimeout(showTiming));
showHead();
