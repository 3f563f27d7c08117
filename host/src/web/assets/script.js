// What keeps pages live. Without it, everything works by loading a page again.
"use strict";

// Moments as the clock on the wall shows them; what the server said stays in the tooltip.
function localise(place) {
  for (const time of place.querySelectorAll("time")) {
    const at = new Date(time.dateTime);
    if (!isNaN(at)) time.textContent = at.toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
  }
}
localise(document);
document.querySelector(".tabs [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });

// A part that is live: the server sends it whole whenever it has changed. It is put in place
// where nobody is at it just now, and the server is not kept busy by pages that nobody sees.
for (const part of document.querySelectorAll("[data-live]")) {
  let source;
  let next;
  const isUsed = () => part.matches(":active") || part.contains(document.activeElement);
  const show = () => {
    if (next === undefined || isUsed()) return;
    const open = [...part.querySelectorAll("details[open][id]")].map((one) => one.id);
    part.innerHTML = next;
    next = undefined;
    localise(part);
    for (const id of open) document.getElementById(id)?.setAttribute("open", "");
  };
  const listen = () => {
    source?.close();
    if (document.hidden) return;
    source = new EventSource(part.dataset.live);
    source.addEventListener("part", (event) => {
      next = event.data;
      show();
    });
    source.addEventListener("error", () => {
      if (document.getElementById("lost") || source.readyState === EventSource.OPEN) return;
      part.insertAdjacentHTML("afterbegin", '<div id="lost" class="notice warn" role="status"><p>This page is not live any more: efficlose does not answer, or you have signed out. It is tried again.</p></div>');
    });
  };
  part.addEventListener("focusout", () => setTimeout(show));
  part.addEventListener("pointerup", () => setTimeout(show));
  document.addEventListener("visibilitychange", listen);
  addEventListener("pagehide", () => source?.close());
  listen();
}

// A table that is searched as one types.
for (const search of document.querySelectorAll("input[data-search]")) {
  const table = document.querySelector(search.dataset.search);
  search.addEventListener("input", () => {
    const words = search.value.toLowerCase().split(/\s+/);
    for (const row of table.tBodies[0].rows) {
      const text = row.textContent.toLowerCase();
      row.hidden = !words.every((word) => text.includes(word));
    }
  });
}

// Links beside a form that keep what was changed in it.
for (const nav of document.querySelectorAll("[data-saves]")) {
  const form = document.querySelector("main form[method=post] [name=to]")?.form;
  let isChanged = false;
  form?.addEventListener("input", () => { isChanged = true; });
  nav.addEventListener("click", (event) => {
    const link = event.target.closest("a");
    if (!isChanged || !link || !form) return;
    event.preventDefault();
    form.elements.to.value = link.textContent.trim();
    form.submit();
  });
}

// A form whose result is shown beside it as one types.
for (const form of document.querySelectorAll("form[data-preview]")) {
  const place = document.querySelector(form.dataset.into);
  let waiting;
  let asked;
  const show = async () => {
    asked?.abort();
    asked = new AbortController();
    place.setAttribute("aria-busy", "true");
    try {
      const body = new URLSearchParams(new FormData(form));
      const answer = await fetch(form.dataset.preview, { method: "POST", body, signal: asked.signal });
      if (!answer.ok || answer.redirected) throw new Error(answer.statusText);
      place.innerHTML = await answer.text();
    } catch (why) {
      if (why.name === "AbortError") return;
      place.textContent = "What it would change can't be shown; load the page again, you may have to sign in.";
    }
    place.removeAttribute("aria-busy");
  };
  // What was typed outlives a session that ends meanwhile.
  const text = form.querySelector("textarea.code");
  const key = location.href;
  const typed = text && sessionStorage.getItem(key);
  if (typed && typed !== text.value) {
    const again = document.createElement("button");
    again.type = "button";
    again.textContent = "Bring back what I typed before";
    again.addEventListener("click", () => {
      text.value = typed;
      again.remove();
      show();
    });
    text.before(again);
  }
  form.addEventListener("input", (event) => {
    if (event.target.dataset.search) return;
    if (event.target === text) sessionStorage.setItem(key, text.value);
    clearTimeout(waiting);
    waiting = setTimeout(show, 400);
  });
  show();
}

// A tab in a text for code indents; Escape, then Tab leaves it.
for (const text of document.querySelectorAll("textarea.code")) {
  let leaves = false;
  text.addEventListener("keydown", (event) => {
    if (event.key === "Escape") leaves = true;
    else if (event.key === "Tab" && !event.shiftKey && !leaves) {
      event.preventDefault();
      text.setRangeText("  ", text.selectionStart, text.selectionEnd, "end");
      text.dispatchEvent(new Event("input", { bubbles: true }));
    } else leaves = false;
  });
}
